"""ES10b.AuthenticateServer and ES10b.CancelSession on the eUICC (SGP.22 5.7.13, 5.7.14).

Every function takes the request as received and the session as it stands, and gives the answer and the session that
follows from it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role
from pytest_euicc.rsp.pki import Identity
from pytest_euicc.simulator.euicc.es10.session import AuthenticatedServer, Defective, Refusal, RspSession, Verifier
from pytest_euicc.simulator.euicc.variants import elements, sessions


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


CANCEL_INVALID_TRANSACTION_ID = 5
CANCEL_UNDEFINED = 127

_ERROR_OF_FAULT = {
    FaultKind.CURVE: AuthenticateError.UNSUPPORTED_CURVE,
    FaultKind.NO_OID: AuthenticateError.INVALID_OID,
    FaultKind.UNKNOWN_CI: AuthenticateError.CI_PK_UNKNOWN,
}


def authenticate_server(
    session: RspSession, request: bytes, verifier: Verifier, info2: Callable[[], bytes]
) -> tuple[bytes, RspSession]:
    """Answer an AuthenticateServerRequest.

    Args:
        request: BF38 as received, already known to decode.
        info2: the EUICCInfo2 TLV of this moment.
    """
    parts = tlv.parse(request).children()
    signed1 = codec.decode("ServerSigned1", parts[0].octets)
    try:
        certificate = _check_server(session, parts, signed1, verifier)
    except Refusal as refusal:
        error = {"transactionId": signed1["transactionId"], "authenticateErrorCode": refusal.code}
        # This eUICC has its challenge used up by a failed attempt as well; 5.7.13 leaves it the choice.
        kept = session.challenge if verifier.varies("challenge-outlives-a-refusal") else None
        return codec.encode("AuthenticateServerResponse", ("authenticateResponseError", error)), RspSession(kept)
    server, response = _answer(parts, signed1, verifier, certificate, info2)
    again = session.challenge if verifier.varies("challenge-can-be-used-again") else None
    return response, RspSession(again, server)


def _check_server(
    session: RspSession, parts: list[tlv.Tlv], signed1: dict[str, bytes], verifier: Verifier
) -> Certificate:
    defective, ci_key_id = verifier.defective, parts[2].value
    if session.challenge is None and not defective("authenticates-without-challenge"):
        raise Refusal(AuthenticateError.NO_SESSION_CONTEXT)

    def ci() -> None:
        if ci_key_id not in verifier.credentials.identities and not defective("signs-under-its-first-ci"):
            wrong = defective("unknown-ci-is-an-invalid-certificate")
            raise Refusal(AuthenticateError.INVALID_CERTIFICATE if wrong else AuthenticateError.CI_PK_UNKNOWN)

    def chain() -> None:
        try:
            verifier.verified(parts[3].octets, _role_of(parts[3].octets))
        except CertificateFault as fault:
            if fault.kind is FaultKind.BASIC_CONSTRAINTS and verifier.varies("a-ca-may-be-the-server"):
                return
            raise Refusal(_ERROR_OF_FAULT.get(fault.kind, AuthenticateError.INVALID_CERTIFICATE)) from None

    def revocation() -> None:
        if verifier.revoked(Certificate(parts[3].octets)):
            raise Refusal(AuthenticateError.INVALID_CERTIFICATE)

    def signature() -> None:
        key = Certificate(parts[3].octets).public_key
        if defective("authenticates-on-p-256-only") and not isinstance(key.curve, ec.SECP256R1):
            raise Refusal(AuthenticateError.UNSUPPORTED_CURVE)
        if not defective("ignores-server-signature1") and not signatures.verify(key, parts[0].octets, parts[1].value):
            raise Refusal(AuthenticateError.INVALID_SIGNATURE)

    def challenge() -> None:
        ignored = defective("ignores-challenge") or session.challenge is None
        if signed1["euiccChallenge"] != session.challenge and not ignored:
            raise Refusal(AuthenticateError.EUICC_CHALLENGE_MISMATCH)

    checks = {"ci": ci, "chain": chain, "revocation": revocation, "signature": signature, "challenge": challenge}
    for name in sessions.order_of_authentication(list(checks), verifier.varies):
        checks[name]()
    certificate = Certificate(parts[3].octets)
    if defective("wants-transaction-id-of-16-octets") and len(signed1["transactionId"]) != 16:
        raise Refusal(AuthenticateError.UNDEFINED)
    if defective("refuses-unknown-device-info") and codec.receive("CtxParams1", parts[4].octets).unknown:
        raise Refusal(AuthenticateError.UNDEFINED)
    return certificate


def _answer(
    parts: list[tlv.Tlv],
    signed1: dict[str, Any],
    verifier: Verifier,
    certificate: Certificate,
    info2: Callable[[], bytes],
) -> tuple[AuthenticatedServer, bytes]:
    """The signed answer, and what is kept of the server."""
    defective = verifier.defective
    challenge = bytes(16) if defective("echoes-no-server-challenge") else signed1["serverChallenge"]
    ci_key_id, identity = _signer(parts[2].value, verifier)
    address = signed1["serverAddress"]
    euicc_signed1 = tlv.encode(
        0x30,
        tlv.encode(0x80, signed1["transactionId"])
        + tlv.encode(0x83, address.encode())
        + tlv.encode(0x84, challenge)
        + (_other_info2(info2()) if defective("signs-other-info2") else info2())
        + echoed_context(parts[4].octets, defective),
    )
    if verifier.varies("signed1-with-unknown-element"):
        euicc_signed1 = elements.extended(euicc_signed1)
    covered = euicc_signed1[:-1] if defective("euicc-signature1-wrong") else euicc_signed1
    signature = tlv.encode(0x5F37, signatures.sign(identity.private_key, covered))
    chain = identity.certificate.der + identity.chain[0].der
    response = tlv.encode(0xBF38, tlv.encode(0xA0, euicc_signed1 + signature + chain))
    server = AuthenticatedServer(signed1["transactionId"], ci_key_id, certificate, address, signature)
    return server, response


def _signer(ci_key_id: bytes, verifier: Verifier) -> tuple[bytes, Identity]:
    identities = verifier.credentials.identities
    if ci_key_id not in identities or verifier.defective("signs-under-the-last-ci"):
        ci_key_id = list(identities)[0 if ci_key_id not in identities else -1]
    return ci_key_id, identities[ci_key_id]


def _other_info2(octets: bytes) -> bytes:
    """EUICCInfo2 with another firmware version."""
    value = codec.decode("EUICCInfo2", octets)
    return codec.encode("EUICCInfo2", value | {"euiccFirmwareVer": b"\0\0\0"})


def echoed_context(ctx_params1: bytes, defective: Defective) -> bytes:
    """ctxParams1 as received; defects read and write it anew, with losses."""
    names = (
        "drops-matching-id",
        "drops-empty-matching-id",
        "echoes-a-matching-id-unasked",
        "drops-late-device-capabilities",
        "drops-supported-crl-version",
        "drops-unknown-device-info",
        "echoes-an-imei-unasked",
    )
    wrong = [name for name in names if defective(name)]
    if not wrong:
        return ctx_params1
    kind, context = codec.decode("CtxParams1", ctx_params1)
    device = context["deviceInfo"]
    match wrong[0]:
        case "drops-matching-id":
            context.pop("matchingId", None)
        case "drops-empty-matching-id" if not context.get("matchingId"):
            context.pop("matchingId", None)
        case "echoes-a-matching-id-unasked":
            context.setdefault("matchingId", "")
        case "drops-late-device-capabilities":
            known = list(device["deviceCapabilities"].items())[:8]
            context["deviceInfo"] = device | {"deviceCapabilities": dict(known)}
        case "drops-supported-crl-version":
            device["deviceCapabilities"].pop("rspCrlSupportedVersion", None)
        case "echoes-an-imei-unasked":
            device.setdefault("imei", bytes(8))
    return codec.encode("CtxParams1", (kind, context))


_LATER_REASONS = (4, 5)
_MIXED_UP_REASONS: dict[str, tuple[int | None, int]] = {
    "signs-undefined-cancel-reason": (None, 127),
    "signs-end-user-rejection-always": (None, 0),
    "end-user-rejection-is-undefined": (0, 127),
    "postponed-is-timeout": (1, 2),
    "timeout-is-postponed": (2, 1),
    "ppr-not-allowed-is-undefined": (3, 127),
    "undefined-reason-is-end-user-rejection": (127, 0),
}
"""Defects: the reason that was asked for, any if None, and the one that is signed (CancelSessionReason)."""


def cancel_session(session: RspSession, request: bytes, verifier: Verifier) -> tuple[bytes, RspSession]:
    """Answer a CancelSessionRequest (SGP.22 5.7.14)."""
    defective = verifier.defective
    value = codec.decode("CancelSessionRequest", request)
    server = session.server
    known = server is not None and (
        value["transactionId"] == server.transaction_id or defective("ignores-cancel-transaction-id")
    )
    if server is None or not known:
        error = ("cancelSessionResponseError", CANCEL_INVALID_TRANSACTION_ID)
        return codec.encode("CancelSessionResponse", error), session
    reason = int(value["reason"])
    late = session.download is not None and defective("cannot-cancel-a-prepared-download")
    on_p_256 = isinstance(server.certificate.public_key.curve, ec.SECP256R1)
    late = late or (not on_p_256 and defective("cancels-on-p-256-only"))
    if late or (reason in _LATER_REASONS and defective("knows-early-cancel-reasons-only")):
        return codec.encode("CancelSessionResponse", ("cancelSessionResponseError", CANCEL_UNDEFINED)), session
    for name, (asked, signed_reason) in _MIXED_UP_REASONS.items():
        if defective(name) and asked in (None, reason):
            reason = signed_reason
    oid = f"{server.certificate.oid}.1" if defective("cancels-for-another-oid") else server.certificate.oid
    signed = codec.encode(
        "EuiccCancelSessionSigned", {"transactionId": server.transaction_id, "smdpOid": oid, "reason": reason}
    )
    if verifier.varies("cancelling-with-unknown-element"):
        signed = elements.extended(signed)
    covered = signed[:-1] if defective("cancel-signature-wrong") else signed
    key = verifier.credentials.identities[server.ci_key_id].private_key
    signature = tlv.encode(0x5F37, signatures.sign(key, covered))
    response = tlv.encode(0xBF41, tlv.encode(0xA0, signed + signature))
    return response, session if defective("keeps-session-after-cancel") else RspSession()


def _role_of(der: bytes) -> Role:
    """An SM-DS authenticates as an SM-DP+ does, with a certificate of its own role (SGP.22 5.7.13)."""
    try:
        return Role.DS_AUTH if Role.DS_AUTH.policy in Certificate(der).policies else Role.DP_AUTH
    except (CertificateFault, ValueError):
        return Role.DP_AUTH
