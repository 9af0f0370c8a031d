"""What an SM-DP+ verifies of an eUICC before it speaks of profiles: certificates, signature, session (SGP.22 5.6.3)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role
from pytest_euicc.rsp.verification import verify_euicc, verify_one
from pytest_euicc.simulator.smdp.http.status import Broken, Refusal, euicc_unverified, unknown_transaction
from pytest_euicc.simulator.smdp.sessions import Session

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.core import SmdpCore

_OK = 0xA0
_EUM, _EUICC = "8.1.2", "8.1.3"
_OVERLOOKS: dict[tuple[str, FaultKind], str] = {
    (_EUM, FaultKind.SIGNATURE): "ignores-eum-certificate-signature",
    (_EUM, FaultKind.KEY_USAGE): "ignores-eum-key-usage",
    (_EUM, FaultKind.POLICY): "ignores-eum-policy",
    (_EUM, FaultKind.BASIC_CONSTRAINTS): "ignores-eum-basic-constraints",
    (_EUM, FaultKind.EXPIRED): "accepts-expired-eum",
    (_EUICC, FaultKind.ISSUER): "ignores-euicc-authority-key",
    (_EUICC, FaultKind.SIGNATURE): "ignores-euicc-certificate-signature",
    (_EUICC, FaultKind.KEY_USAGE): "ignores-euicc-key-usage",
    (_EUICC, FaultKind.POLICY): "ignores-euicc-policy",
    (_EUICC, FaultKind.ORGANISATION): "ignores-euicc-organisation",
    (_EUICC, FaultKind.NAME_CONSTRAINTS): "ignores-permitted-eids",
    (_EUICC, FaultKind.EXPIRED): "accepts-expired-euicc",
}
"""Defects by the fault that each overlooks; nothing is wrong with a certificate beside it."""


def verify(service: SmdpCore, session: Session, octets: bytes, response: Mapping[str, Any]) -> bytes:
    """Verify an AuthenticateServerResponse, in the order of SGP.22 5.6.3; returns euiccSignature1 as its TLV.

    Args:
        octets: as received, ``response`` decoded from them.

    Raises:
        Refusal: 8.11.1/3.9 CI, 8.1.2 and 8.1.3 certificates, 8.1/6.1 signature or challenge, 8.10.1/3.9 transaction.
    """
    signed = response["euiccSigned1"]
    if service.varies("compares-before-it-verifies"):
        _compare(service, session, signed)
    certificate = _certificate(service, session, response["euiccCertificate"], response["eumCertificate"])
    # The eUICC signed what it sent, which need not be what we would encode.
    received, signature = tlv.parse(tlv.find(octets, 0xBF38, _OK)).children()[:2]
    covered = received.octets
    if "re-encodes-signed1" in service.defects:
        covered = codec.encode("EuiccSigned1", signed)
    verified = signatures.verify(certificate.public_key, covered, signature.value)
    if not verified and "ignores-euicc-signature1" not in service.defects:
        raise euicc_unverified("euiccSignature1 does not verify")
    _compare(service, session, signed)
    session.certificate = certificate
    return signature.octets


def _compare(service: SmdpCore, session: Session, signed: Mapping[str, Any]) -> None:
    """Check that transactionId and challenge in what the eUICC signed belong to the session."""
    if signed["transactionId"] != session.transaction_id and "ignores-inner-transaction-id" not in service.defects:
        raise unknown_transaction("transactionId of euiccSigned1 is another")
    if signed["serverChallenge"] != session.server_challenge and "ignores-server-challenge" not in service.defects:
        raise euicc_unverified("serverChallenge is another")


def _certificate(service: SmdpCore, session: Session, euicc: bytes, eum: bytes) -> Certificate:
    """CERT.EUICC, once it and CERT.EUM hold under the CI of the session."""
    authority = _read(service, _EUM, eum)
    if authority.authority_key_id is None and service.varies("no-authority-key-is-invalid"):
        raise Refusal(_EUM, "6.1", "CERT.EUM has no authorityKeyIdentifier")
    ci = service.credentials.trusted(authority.authority_key_id)
    if ci is not None and ci.subject_key_id == session.choice.signing_ci:
        _hold(service, _EUM, lambda: verify_one(authority, ci, Role.EUM, service.now()))
    elif "trusts-any-ci" not in service.defects:
        raise Refusal("8.11.1", "3.9", "CERT.EUM is not under the CI of this session")
    certificate = _read(service, _EUICC, euicc)
    _hold(service, _EUICC, lambda: verify_euicc(certificate, authority, service.now()))
    return certificate


def _read(service: SmdpCore, subject: str, der: bytes) -> Certificate:
    try:
        certificate = read_certificate(der)
    except CertificateFault as fault:
        raise _refused(subject, fault) from None
    if certificate.authority_key_id is None and "breaks-on-missing-authority-key" in service.defects:
        raise Broken(f"{certificate.subject} has no authorityKeyIdentifier")
    return certificate


def _hold(service: SmdpCore, subject: str, verified: Callable[[], None]) -> None:
    try:
        verified()
    except CertificateFault as fault:
        if fault.kind is FaultKind.PATH_LENGTH and service.varies("takes-eum-path-length"):
            return
        defect = _OVERLOOKS.get((subject, fault.kind))
        if defect is None or defect not in service.defects:
            raise _refused(subject, fault, "expired-as-invalid" in service.defects) from None


@lru_cache(maxsize=256)
def read_certificate(der: bytes) -> Certificate:
    """A certificate from its octets, the same object for the same octets; raises CertificateFault."""
    return Certificate(der)


def _refused(subject: str, fault: CertificateFault, expired_as_invalid: bool = False) -> Refusal:
    expired = fault.kind is FaultKind.EXPIRED and not expired_as_invalid
    return Refusal(subject, "6.3" if expired else "6.1", str(fault))
