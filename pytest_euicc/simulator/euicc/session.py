"""Mutual authentication and download preparation on the eUICC: SGP.22 5.7.5, 5.7.13, 5.7.14.

Every function takes the request as received and the session as it stands, and gives the answer and the session that
follows from it. A session is immutable, so a snapshot of the card keeps it by reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import IntEnum

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role, verify_chain
from pytest_euicc.rsp.pki import Identity


class AuthenticateError(IntEnum):
    """AuthenticateErrorCode (SGP.22 5.7.13)."""

    INVALID_CERTIFICATE = 1
    INVALID_SIGNATURE = 2
    UNSUPPORTED_CURVE = 3
    NO_SESSION_CONTEXT = 4
    INVALID_OID = 5
    EUICC_CHALLENGE_MISMATCH = 6
    CI_PK_UNKNOWN = 7
    UNDEFINED = 127


class DownloadError(IntEnum):
    """DownloadErrorCode (SGP.22 5.7.5)."""

    INVALID_CERTIFICATE = 1
    INVALID_SIGNATURE = 2
    UNSUPPORTED_CURVE = 3
    NO_SESSION_CONTEXT = 4
    INVALID_TRANSACTION_ID = 5
    UNDEFINED = 127


CANCEL_INVALID_TRANSACTION_ID = 5
CANCEL_UNDEFINED = 127


@dataclass(frozen=True)
class Credentials:
    """What the ECASD holds.

    Attributes:
        trust: CI certificates by subjectKeyIdentifier, those listed for verification.
        identities: the eUICC's key and chain by the subjectKeyIdentifier of the CI, those listed for signing.
    """

    trust: Mapping[bytes, Certificate]
    identities: Mapping[bytes, Identity]


@dataclass(frozen=True)
class AuthenticatedServer:
    """The SM-DP+ the eUICC has authenticated, and what it answered."""

    transaction_id: bytes
    ci_key_id: bytes
    certificate: Certificate
    address: str
    euicc_signature1: bytes


@dataclass(frozen=True)
class OneTimeKey:
    """otSK.EUICC.ECKA kept for a retry (SGP.22 5.7.5), with the SM-DP+ it was made for."""

    private_key: ec.EllipticCurvePrivateKey
    public_key: bytes
    smdp_oid: str


@dataclass(frozen=True)
class PreparedDownload:
    """What PrepareDownload leaves for InitialiseSecureChannel."""

    certificate: Certificate
    one_time_key: OneTimeKey
    confirmation_hash: bytes | None


@dataclass(frozen=True)
class RspSession:
    """The RSP session of the ISD-R; lost at reset (SGP.22 5.7.7)."""

    challenge: bytes | None = None
    server: AuthenticatedServer | None = None
    download: PreparedDownload | None = None


class Refusal(Exception):
    """A check failed; ``code`` is the error value the answer carries."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code


def authenticate_server(
    session: RspSession,
    request: bytes,
    credentials: Credentials,
    info2: Callable[[], bytes],
    at: datetime | None,
    defective: Callable[[str], bool],
    revoked: Callable[[Certificate], bool],
) -> tuple[bytes, RspSession]:
    """Answer an AuthenticateServerRequest (SGP.22 5.7.13).

    Args:
        request: BF38 as received, already known to decode.
        info2: the EUICCInfo2 TLV of this moment.
        at: the time certificates are checked at; None for an eUICC without a clock.
    """
    parts = tlv.parse(request).children()
    signed1 = codec.decode("ServerSigned1", parts[0].octets)
    transaction_id = signed1["transactionId"]
    try:
        certificate = _check_server(session, parts, signed1, credentials, at, defective, revoked)
    except Refusal as refusal:
        error = {"transactionId": transaction_id, "authenticateErrorCode": refusal.code}
        # The challenge is used up by a failed attempt as well: a new session needs a new one.
        following = session if defective("keeps-challenge-after-error") else RspSession()
        return codec.encode("AuthenticateServerResponse", ("authenticateResponseError", error)), following
    ci_key_id = parts[2].value
    identity = credentials.identities[ci_key_id]
    euicc_signed1 = tlv.encode(
        0x30,
        tlv.encode(0x80, transaction_id)
        + tlv.encode(0x83, signed1["serverAddress"].encode())
        + tlv.encode(0x84, signed1["serverChallenge"])
        + info2()
        + parts[4].octets,
    )
    signature = tlv.encode(0x5F37, signatures.sign(identity.private_key, euicc_signed1))
    chain = identity.certificate.der + identity.chain[0].der
    response = tlv.encode(0xBF38, tlv.encode(0xA0, euicc_signed1 + signature + chain))
    server = AuthenticatedServer(transaction_id, ci_key_id, certificate, signed1["serverAddress"], signature)
    challenge = session.challenge if defective("accepts-challenge-twice") else None
    return response, RspSession(challenge, server)


def _check_server(
    session: RspSession,
    parts: list[tlv.Tlv],
    signed1: dict[str, bytes],
    credentials: Credentials,
    at: datetime | None,
    defective: Callable[[str], bool],
    revoked: Callable[[Certificate], bool],
) -> Certificate:
    if session.challenge is None:
        raise Refusal(AuthenticateError.NO_SESSION_CONTEXT)
    ci_key_id = parts[2].value
    if ci_key_id not in credentials.trust or ci_key_id not in credentials.identities:
        raise Refusal(AuthenticateError.CI_PK_UNKNOWN)
    certificate = _verified(parts[3].octets, credentials.trust[ci_key_id], Role.DP_AUTH, at, defective)
    if revoked(certificate):
        raise Refusal(AuthenticateError.INVALID_CERTIFICATE)
    if not defective("ignores-server-signature1") and not signatures.verify(
        certificate.public_key, parts[0].octets, parts[1].value
    ):
        raise Refusal(AuthenticateError.INVALID_SIGNATURE)
    if signed1["euiccChallenge"] != session.challenge and not defective("ignores-challenge"):
        raise Refusal(AuthenticateError.EUICC_CHALLENGE_MISMATCH)
    return certificate


_ERROR_OF_FAULT = {
    FaultKind.CURVE: AuthenticateError.UNSUPPORTED_CURVE,
    FaultKind.NO_OID: AuthenticateError.INVALID_OID,
}


def _verified(
    der: bytes, ci: Certificate, role: Role, at: datetime | None, defective: Callable[[str], bool]
) -> Certificate:
    """The certificate if it holds for its role under the CI; raises Refusal with an error both functions share."""
    try:
        certificate = Certificate(der)
        verify_chain([certificate], [ci], role, at=at)
    except CertificateFault as fault:
        if defective(f"accepts-{fault.kind.value}-{role.value}"):
            return Certificate(der)
        raise Refusal(_ERROR_OF_FAULT.get(fault.kind, AuthenticateError.INVALID_CERTIFICATE)) from None
    return certificate


def prepare_download(
    session: RspSession,
    request: bytes,
    credentials: Credentials,
    kept_keys: tuple[OneTimeKey, ...],
    new_key: Callable[[ec.EllipticCurve], ec.EllipticCurvePrivateKey],
    at: datetime | None,
    defective: Callable[[str], bool],
    revoked: Callable[[Certificate], bool],
) -> tuple[bytes, RspSession]:
    """Answer a PrepareDownloadRequest (SGP.22 5.7.5).

    Args:
        kept_keys: one-time keys of failed downloads that may be used again.
        new_key: makes a one-time key pair on a curve.
    """
    parts = tlv.parse(request).children()
    signed2 = codec.decode("SmdpSigned2", parts[0].octets)
    try:
        prepared = _check_download(session, parts, signed2, credentials, kept_keys, new_key, at, defective, revoked)
    except Refusal as refusal:
        error = {"transactionId": signed2["transactionId"], "downloadErrorCode": refusal.code}
        following = session if defective("keeps-session-after-prepare-error") else RspSession()
        return codec.encode("PrepareDownloadResponse", ("downloadResponseError", error)), following
    assert session.server is not None  # noqa: S101
    signed = tlv.encode(0x80, signed2["transactionId"]) + tlv.encode(0x5F49, prepared.one_time_key.public_key)
    if prepared.confirmation_hash is not None and not defective("omits-hash-cc"):
        signed += tlv.encode(0x04, prepared.confirmation_hash)
    euicc_signed2 = tlv.encode(0x30, signed)
    key = credentials.identities[session.server.ci_key_id].private_key
    covered = euicc_signed2 if defective("signs-without-smdp-signature2") else euicc_signed2 + parts[1].octets
    signature = tlv.encode(0x5F37, signatures.sign(key, covered))
    response = tlv.encode(0xBF21, tlv.encode(0xA0, euicc_signed2 + signature))
    return response, replace(session, download=prepared)


def _check_download(
    session: RspSession,
    parts: list[tlv.Tlv],
    signed2: dict[str, bytes],
    credentials: Credentials,
    kept_keys: tuple[OneTimeKey, ...],
    new_key: Callable[[ec.EllipticCurve], ec.EllipticCurvePrivateKey],
    at: datetime | None,
    defective: Callable[[str], bool],
    revoked: Callable[[Certificate], bool],
) -> PreparedDownload:
    server = session.server
    if server is None:
        raise Refusal(DownloadError.NO_SESSION_CONTEXT)
    ci = credentials.trust[server.ci_key_id]
    certificate = _verified(parts[-1].octets, ci, Role.DP_PB, at, defective)
    if revoked(certificate):
        raise Refusal(DownloadError.INVALID_CERTIFICATE)
    if certificate.oid != server.certificate.oid and not defective("ignores-dppb-oid"):
        # SGP.22 5.7.5: CERT.DPauth and CERT.DPpb belong to the same entity.
        raise Refusal(DownloadError.INVALID_CERTIFICATE)
    covered = parts[0].octets + server.euicc_signature1
    if not defective("ignores-smdp-signature2") and not signatures.verify(
        certificate.public_key, covered, parts[1].value
    ):
        raise Refusal(DownloadError.INVALID_SIGNATURE)
    if signed2["transactionId"] != server.transaction_id and not defective("ignores-prepare-transaction-id"):
        raise Refusal(DownloadError.INVALID_TRANSACTION_ID)
    confirmation = next((part.value for part in parts[2:-1] if part.tag == 0x04), None)
    if signed2["ccRequiredFlag"] and confirmation is None:
        raise Refusal(DownloadError.UNDEFINED)
    oid = certificate.oid or ""
    offered = signed2.get("bppEuiccOtpk")
    kept = next((key for key in kept_keys if key.public_key == offered and key.smdp_oid == oid), None)
    if kept is None:
        private = new_key(certificate.public_key.curve)
        kept = OneTimeKey(private, signatures.public_point(private), oid)
    return PreparedDownload(certificate, kept, confirmation)


def cancel_session(
    session: RspSession, request: bytes, credentials: Credentials, defective: Callable[[str], bool]
) -> tuple[bytes, RspSession]:
    """Answer a CancelSessionRequest (SGP.22 5.7.14)."""
    value = codec.decode("CancelSessionRequest", request)
    server = session.server
    if server is None or (
        value["transactionId"] != server.transaction_id and not defective("ignores-cancel-transaction-id")
    ):
        error = ("cancelSessionResponseError", CANCEL_INVALID_TRANSACTION_ID)
        return codec.encode("CancelSessionResponse", error), session
    signed = codec.encode(
        "EuiccCancelSessionSigned",
        {"transactionId": server.transaction_id, "smdpOid": server.certificate.oid, "reason": value["reason"]},
    )
    key = credentials.identities[server.ci_key_id].private_key
    signature = tlv.encode(0x5F37, signatures.sign(key, signed))
    response = tlv.encode(0xBF41, tlv.encode(0xA0, signed + signature))
    return response, session if defective("keeps-session-after-cancel") else RspSession()
