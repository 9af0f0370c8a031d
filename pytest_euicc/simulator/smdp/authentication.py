"""Common mutual authentication on the server's side: InitiateAuthentication, AuthenticateClient (SGP.22 3.0.1, 5.6)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role, verify_chain, verify_one
from pytest_euicc.simulator.smdp import json_binding, matching
from pytest_euicc.simulator.smdp.orders import Order, State
from pytest_euicc.simulator.smdp.progress import Point
from pytest_euicc.simulator.smdp.sessions import Session, Stage
from pytest_euicc.simulator.smdp.status import Refusal, euicc_unverified, field_invalid, unknown_transaction

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.service import SmdpService

_CHALLENGE_OCTETS = 16
_MAJOR_VERSION = 2
_SIGNATURE, _OCTET_STRING = 0x5F37, 0x04
_OK = 0xA0


def initiate_authentication(service: SmdpService, body: Mapping[str, Any]) -> dict[str, Any]:
    """InitiateAuthentication (SGP.22 5.6.1).

    Raises:
        Refusal: 8.8.1/3.8 another server's address, 8.8.2/3.1 no CI in common, 8.8.3/3.1 version not supported,
            8.8.4/3.7 no certificate for the eUICC.
    """
    challenge = json_binding.octets(body, "euiccChallenge")
    if len(challenge) != _CHALLENGE_OCTETS:
        raise field_invalid("euiccChallenge", f"{len(challenge)} octets, wanted {_CHALLENGE_OCTETS}")
    info1 = json_binding.message(body, "euiccInfo1", "EUICCInfo1")[1]
    address = json_binding.text(body, "smdpAddress")
    if not service.serves(address) and "accepts-any-address" not in service.defects:
        raise Refusal("8.8.1", "3.8", f"{address} is not this server")
    choice = service.credentials.choose(info1["euiccCiPKIdListForVerification"], info1["euiccCiPKIdListForSigning"])
    if not _supported(info1["svn"]) and "ignores-svn" not in service.defects:
        version = ".".join(map(str, info1["svn"]))
        raise Refusal("8.8.3", "3.1", f"specification version {version} is not supported")
    session = service.sessions.start(
        choice,
        address,
        b"\x01" * _CHALLENGE_OCTETS if "reuses-transaction-id" in service.defects else b"",
        b"\x01" * _CHALLENGE_OCTETS if "reuses-server-challenge" in service.defects else b"",
    )
    return _server_signed1(service, session, challenge)


def _supported(svn: bytes) -> bool:
    return svn[0] == _MAJOR_VERSION


def _server_signed1(service: SmdpService, session: Session, challenge: bytes) -> dict[str, Any]:
    auth = session.choice.credentials.auth
    signed = codec.encode(
        "ServerSigned1",
        {
            "transactionId": session.transaction_id,
            "euiccChallenge": challenge,
            "serverAddress": session.server_address,
            "serverChallenge": session.server_challenge,
        },
    )
    covered = signed + b"\0" if "wrong-server-signature1" in service.defects else signed
    return {
        "transactionId": session.transaction_id.hex().upper(),
        "serverSigned1": json_binding.encode(signed),
        "serverSignature1": json_binding.encode(_signature(signatures.sign(auth.private_key, covered))),
        "euiccCiPKIdToBeUsed": json_binding.encode(tlv.encode(_OCTET_STRING, session.choice.signing_ci)),
        "serverCertificate": json_binding.encode(auth.certificate.der),
    }


def authenticate_client(service: SmdpService, body: Mapping[str, Any]) -> dict[str, Any]:
    """AuthenticateClient (SGP.22 5.6.3). A session that is refused has ended.

    Raises:
        Refusal: 8.10.1/3.9 transaction, 8.11.1/3.9 CI, 8.1.2 and 8.1.3 certificates, 8.1/6.1 signature or challenge,
            and those of the order (matching).
    """
    transaction_id = json_binding.transaction_id(body)
    octets, (outcome, response) = json_binding.message(body, "authenticateServerResponse", "AuthenticateServerResponse")
    session = service.sessions.find(transaction_id, Stage.INITIATED)
    try:
        if outcome == "authenticateResponseError":
            raise euicc_unverified(f"the eUICC answered {response['authenticateErrorCode']!r}")
        signature = _verify_euicc(service, session, octets, response)
        return _serve(service, session, response["euiccSigned1"], signature)
    except Refusal:
        service.sessions.end(session)
        raise


def _verify_euicc(service: SmdpService, session: Session, octets: bytes, response: Mapping[str, Any]) -> bytes:
    """Check certificates, signature and challenge; returns euiccSignature1 as its TLV."""
    signed = response["euiccSigned1"]
    if signed["transactionId"] != session.transaction_id and "ignores-inner-transaction-id" not in service.defects:
        raise unknown_transaction("transactionId of euiccSigned1 is another")
    certificate = _euicc_certificate(service, session, response["euiccCertificate"], response["eumCertificate"])
    # The eUICC signed what it sent, which need not be what we would encode.
    received_signed1, signature = tlv.parse(tlv.find(octets, 0xBF38, _OK)).children()[:2]
    verified = signatures.verify(certificate.public_key, received_signed1.octets, signature.value)
    if not verified and "ignores-euicc-signature1" not in service.defects:
        raise euicc_unverified("euiccSignature1 does not verify")
    if signed["serverChallenge"] != session.server_challenge and "ignores-server-challenge" not in service.defects:
        raise euicc_unverified("serverChallenge is another")
    session.certificate = certificate
    return signature.octets


def _euicc_certificate(service: SmdpService, session: Session, euicc: bytes, eum: bytes) -> Certificate:
    now = service.now()
    try:
        authority = read_certificate(eum)
        ci = service.credentials.trusted(authority.authority_key_id)
        if ci is None or ci.subject_key_id != session.choice.signing_ci:
            raise Refusal("8.11.1", "3.9", "CERT.EUM is not under the CI of this session")
        verify_one(authority, ci, Role.EUM, None if "accepts-expired-eum" in service.defects else now)
    except CertificateFault as fault:
        raise _certificate_refused("8.1.2", fault) from None
    try:
        certificate = read_certificate(euicc)
        expired_allowed = "accepts-expired-euicc" in service.defects or "accepts-expired-eum" in service.defects
        verify_chain([certificate, authority], [ci], Role.EUICC, at=None if expired_allowed else now)
    except CertificateFault as fault:
        raise _certificate_refused("8.1.3", fault) from None
    return certificate


@lru_cache(maxsize=256)
def read_certificate(der: bytes) -> Certificate:
    """A certificate from its octets, the same object for the same octets; raises CertificateFault."""
    return Certificate(der)


def _certificate_refused(subject: str, fault: CertificateFault) -> Refusal:
    return Refusal(subject, "6.3" if fault.kind is FaultKind.EXPIRED else "6.1", str(fault))


def _serve(service: SmdpService, session: Session, signed: Mapping[str, Any], signature: bytes) -> dict[str, Any]:
    context = signed["ctxParams1"][1]
    order = matching.find(service.book, context.get("matchingId") or "", session.eid, service.defects)
    try:
        matching.check(order, signed["euiccInfo2"], service.now(), service.defects)
    except Refusal as refusal:
        if (refusal.subject, refusal.reason) == ("8.8.5", "6.4") and order.state is not State.ERROR:
            order.state = State.ERROR
            service.book.changed(order)
        service.tell(order, session.eid, Point.ELIGIBILITY, refusal)
        raise
    order.attempts += 1
    service.book.changed(order)
    session.order, session.stage = order, Stage.AUTHENTICATED
    service.tell(order, session.eid, Point.ELIGIBILITY)
    return _smdp_signed2(service, session, order, signature)


def _smdp_signed2(service: SmdpService, session: Session, order: Order, euicc_signature1: bytes) -> dict[str, Any]:
    credentials = session.choice.credentials
    required = order.confirmation_hash is not None and "omits-cc-flag" not in service.defects
    value: dict[str, Any] = {"transactionId": session.transaction_id, "ccRequiredFlag": required}
    bound = order.bound
    offers = bound is not None and (bound.eid, bound.curve) == (session.eid, credentials.curve)
    if bound is not None and offers and "omits-bpp-euicc-otpk" not in service.defects:
        # SGP.22 3.1.3: the eUICC may use the key of the package that was made before.
        value["bppEuiccOtpk"] = bound.euicc_otpk
    signed = codec.encode("SmdpSigned2", value)
    covered = signed if "signs-without-euicc-signature1" in service.defects else signed + euicc_signature1
    session.smdp_signature2 = _signature(signatures.sign(credentials.profile_binding.private_key, covered))
    return {
        "transactionId": session.transaction_id.hex().upper(),
        "profileMetadata": json_binding.encode(order.profile.metadata),
        "smdpSigned2": json_binding.encode(signed),
        "smdpSignature2": json_binding.encode(session.smdp_signature2),
        "smdpCertificate": json_binding.encode(credentials.profile_binding.certificate.der),
    }


def _signature(octets: bytes) -> bytes:
    return tlv.encode(_SIGNATURE, octets)
