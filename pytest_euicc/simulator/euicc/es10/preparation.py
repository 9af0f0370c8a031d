"""ES10b.PrepareDownload on the eUICC (SGP.22 5.7.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role
from pytest_euicc.simulator.euicc.es10.session import (
    AuthenticatedServer,
    OneTimeKey,
    PreparedDownload,
    Refusal,
    RspSession,
    Verifier,
)
from pytest_euicc.simulator.euicc.variants import elements, sessions


class DownloadError(IntEnum):
    """DownloadErrorCode (SGP.22 5.7.5)."""

    INVALID_CERTIFICATE = 1
    INVALID_SIGNATURE = 2
    UNSUPPORTED_CURVE = 3
    NO_SESSION_CONTEXT = 4
    INVALID_TRANSACTION_ID = 5
    UNDEFINED = 127


@dataclass(frozen=True)
class KeyStore:
    """One-time keys.

    Attributes:
        kept: those of downloads before that may be used again.
        new: makes a key pair on a curve.
    """

    kept: tuple[OneTimeKey, ...]
    new: Callable[[ec.EllipticCurve], ec.EllipticCurvePrivateKey]


def prepare_download(
    session: RspSession, request: bytes, verifier: Verifier, keys: KeyStore
) -> tuple[bytes, RspSession]:
    """Answer a PrepareDownloadRequest; the session that follows has a download when it was accepted."""
    defective = verifier.defective
    parts = tlv.parse(request).children()
    signed2 = codec.decode("SmdpSigned2", parts[0].octets)
    try:
        server, certificate = _check_download(session, parts, signed2, verifier)
        confirmation = _confirmation(parts, signed2, verifier)
        one_time_key = _one_time_key(certificate, signed2, verifier, keys)
    except Refusal as refusal:
        error = {"transactionId": signed2["transactionId"], "downloadErrorCode": refusal.code}
        kept = session if verifier.varies("preparation-can-be-repeated") else RspSession()
        return codec.encode("PrepareDownloadResponse", ("downloadResponseError", error)), kept
    prepared = PreparedDownload(certificate, one_time_key, confirmation)
    shown = signed2.get("bppEuiccOtpk") if defective("shows-any-key-that-is-offered") else None
    signed = tlv.encode(0x80, signed2["transactionId"])
    signed += tlv.encode(0x5F49, shown or prepared.one_time_key.public_key)
    if confirmation is not None and not defective("omits-hash-cc"):
        signed += tlv.encode(0x04, bytes(32) if defective("echoes-another-hash-cc") else confirmation)
    elif confirmation is None and defective("hash-cc-unasked"):
        signed += tlv.encode(0x04, bytes(32))
    euicc_signed2 = tlv.encode(0x30, signed)
    if verifier.varies("signed2-with-unknown-element"):
        euicc_signed2 = elements.extended(euicc_signed2)
    key = verifier.credentials.identities[server.ci_key_id].private_key
    covered = euicc_signed2 if defective("signs-without-smdp-signature2") else euicc_signed2 + parts[1].octets
    signature = tlv.encode(0x5F37, signatures.sign(key, covered))
    response = tlv.encode(0xBF21, tlv.encode(0xA0, euicc_signed2 + signature))
    return response, replace(session, download=prepared)


def _check_download(
    session: RspSession, parts: list[tlv.Tlv], signed2: dict[str, bytes], verifier: Verifier
) -> tuple[AuthenticatedServer, Certificate]:
    defective, server = verifier.defective, session.server
    if server is None:
        wrong = defective("no-session-is-an-invalid-transaction")
        raise Refusal(DownloadError.INVALID_TRANSACTION_ID if wrong else DownloadError.NO_SESSION_CONTEXT)

    def chain() -> None:
        try:
            verifier.verified(parts[-1].octets, Role.DP_PB)
        except CertificateFault as fault:
            unsupported = fault.kind is FaultKind.CURVE
            code = DownloadError.UNSUPPORTED_CURVE if unsupported else DownloadError.INVALID_CERTIFICATE
            raise Refusal(code) from None

    def revocation() -> None:
        # SGP.22 5.7.5: CERT.DPauth and CERT.DPpb belong to the same entity.
        certificate = Certificate(parts[-1].octets)
        another = certificate.oid != server.certificate.oid and not defective("ignores-dppb-oid")
        another = another and not (certificate.oid is None and defective("accepts-no-oid-dppb"))
        if another or verifier.revoked(certificate):
            raise Refusal(DownloadError.INVALID_CERTIFICATE)

    def signature() -> None:
        if not _signed(parts, server, Certificate(parts[-1].octets), verifier):
            raise Refusal(DownloadError.INVALID_SIGNATURE)

    def transaction() -> None:
        if signed2["transactionId"] != server.transaction_id and not defective("ignores-prepare-transaction-id"):
            raise Refusal(DownloadError.INVALID_TRANSACTION_ID)

    checks = {"chain": chain, "pair": revocation, "signature": signature, "transaction": transaction}
    for name in sessions.order_of_preparation(list(checks), verifier.varies):
        checks[name]()
    return server, Certificate(parts[-1].octets)


def _signed(parts: list[tlv.Tlv], server: AuthenticatedServer, certificate: Certificate, verifier: Verifier) -> bool:
    """True if smdpSignature2 covers smdpSigned2 and the eUICC's euiccSignature1, both as they went over the wire."""
    if verifier.defective("ignores-smdp-signature2"):
        return True
    own = [server.euicc_signature1]
    if verifier.defective("takes-signature-over-an-empty-signature1"):
        own.append(tlv.encode(0x5F37, bytes(64)))
    signed2 = [parts[0].octets]
    if verifier.defective("smdp-signature2-need-not-cover-the-flag"):
        value = codec.decode("SmdpSigned2", parts[0].octets)
        signed2.append(codec.encode("SmdpSigned2", value | {"ccRequiredFlag": not value["ccRequiredFlag"]}))
    covered = (octets + signature1 for octets in signed2 for signature1 in own)
    return any(signatures.verify(certificate.public_key, octets, parts[1].value) for octets in covered)


def _confirmation(parts: list[tlv.Tlv], signed2: dict[str, bytes], verifier: Verifier) -> bytes | None:
    """hashCc as received; it has to be there when the flag is set (SGP.22 3.1.3.2)."""
    found = next((part.value for part in parts[2:-1] if part.tag == 0x04), None)
    if signed2["ccRequiredFlag"] and found is None and not verifier.defective("misses-no-confirmation-code"):
        raise Refusal(DownloadError.UNDEFINED)
    return found


def _one_time_key(
    certificate: Certificate, signed2: dict[str, bytes], verifier: Verifier, keys: KeyStore
) -> OneTimeKey:
    """The key of a download before when the same SM-DP+ offers it, else a new one on the curve of CERT.DPpb."""
    defective, oid = verifier.defective, certificate.oid or ""
    offered = signed2.get("bppEuiccOtpk")
    for key in keys.kept:
        same_server = key.smdp_oid == oid or defective("uses-keys-for-any-server")
        if key.public_key == offered and same_server and not defective("never-uses-a-key-again"):
            return key
    if offered is not None and defective("refuses-unknown-one-time-keys"):
        raise Refusal(DownloadError.UNDEFINED)
    if keys.kept and defective("always-uses-the-last-key"):
        return keys.kept[-1]
    curve = ec.SECP256R1() if defective("one-time-keys-on-p-256-only") else certificate.public_key.curve
    private = keys.new(curve)
    return OneTimeKey(private, signatures.public_point(private), oid)
