"""The functions of ES9+ as actions: the tester is eUICC and LPA; arguments say what is to be wrong (SGP.22 5.6, 6.5).

``with`` overlays what the eUICC signs (of InitiateAuthentication: the request); signatures cover what it makes of it.
``tamper`` changes the encoded octets afterwards. ``http`` changes the request that carries them.
"""

from __future__ import annotations

from typing import Any, Literal

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.files.orders import Curve
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.tamper import tamper
from pytest_euicc.es9.binding import encode
from pytest_euicc.interfaces.es9plus.answers import answer_shape
from pytest_euicc.interfaces.es9plus.arguments import (
    AuthenticateError,
    CancelError,
    DownloadError,
    EuiccKind,
    Extensions,
    Signer,
)
from pytest_euicc.interfaces.es9plus.call import HttpChange, call, reply_of
from pytest_euicc.peers.euicc import Binding, EuiccPeer

_INITIATE_FIELDS = {0x81: "euiccChallenge", 0x83: "smdpAddress", 0xBF20: "euiccInfo1"}


_CANCEL_ERRORS = {"invalidTransactionId": 5, "undefinedError": 127}


@action(
    "es9plus.initiate_authentication",
    request="InitiateAuthenticationRequest",
    response=lambda: answer_shape("initiateAuthentication"),
)
def initiate_authentication(
    context: Context,
    message: Message,
    *,
    curve: Curve | None = None,
    capitals: bool = False,
    http: HttpChange | None = None,
) -> Outcome:
    """ES9+.InitiateAuthentication (SGP.22 5.6.1).

    Args:
        curve: of the session, kept for the functions that follow.
        capitals: ``true``: smdpAddress in capital letters.
        http: differences in the HTTP request.
    """
    peer = context.part(EuiccPeer)
    peer.curve = curve or peer.curve
    values = peer.initiate_request()
    if capitals:
        values["smdpAddress"] = values["smdpAddress"].upper()
    request = message.encode("InitiateAuthenticationRequest", values)
    peer.euicc_challenge = b""
    outcome = call(context, peer, "initiateAuthentication", _initiate_body(peer, request.octets), http, request.value)
    peer.server_signed1, peer.transaction_id = {}, b""
    if outcome.status == "success" and not outcome.mismatches:
        peer.transaction_id = outcome.value["transactionId"]
        peer.server_signed1 = outcome.value["serverSigned1"]
        peer.server_certificate = outcome.value["serverCertificate"]
    return outcome


def _initiate_body(peer: EuiccPeer, request: bytes) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for part in tlv.parse(request).children():
        name = _INITIATE_FIELDS.get(part.tag)
        if name == "euiccChallenge":
            peer.euicc_challenge = part.value
            body[name] = encode(part.value)
        elif name == "smdpAddress":
            body[name] = part.value.decode("utf-8", "replace")
        elif name is not None:
            body[name] = encode(part.octets)
    return body


@action(
    "es9plus.authenticate_client",
    request="EuiccSigned1",
    tampered="AuthenticateServerResponse",
    response=lambda: answer_shape("authenticateClient"),
)
def authenticate_client(
    context: Context,
    message: Message,
    *,
    matching_id: str | None = None,
    no_matching_id: bool = False,
    certificates: EuiccKind | None = None,
    signer: Signer = "certificate",
    transaction_id: Hex | None = None,
    extend: Extensions | None = None,
    error: AuthenticateError | None = None,
    http: HttpChange | None = None,
) -> Outcome:
    """ES9+.AuthenticateClient (SGP.22 5.6.3).

    Args:
        matching_id: in place of that of the order.
        no_matching_id: ``true``: no matchingId.
        certificates: the chain that is shown: ``valid``, or an invalid one of the test PKI.
        signer: ``another``: signed with another key than that of CERT.EUICC.
        transaction_id: in the JSON object only; what is signed keeps that of the session.
        extend: unknown elements in hex, by the field of EuiccSigned1 to whose end they are added before signing.
        error: authenticateResponseError with this code, in place of what the eUICC signs.
        http: differences in the HTTP request.
    """
    peer = context.part(EuiccPeer)
    peer.kind = certificates or "valid"
    chosen = matching_id if matching_id is not None else peer.order.matching_id if peer.order else None
    signed1 = message.encode("EuiccSigned1", peer.euicc_signed1(None if no_matching_id else chosen))
    signed = signed1.octets
    for field, octets in (extend or {}).items():
        signed = tamper(signed, [{"insert": {"at": field, "part": "value", "hex": octets}}], "EuiccSigned1")
    response = peer.authenticate_server_response(signed, signer)
    if error is not None:
        response = _error("AuthenticateServerResponse", "authenticateErrorCode", peer, error)
    response = tamper(response, message.tamper, "AuthenticateServerResponse")
    body = {
        "transactionId": _hex(transaction_id or peer.transaction_id),
        "authenticateServerResponse": encode(response),
    }
    outcome = call(context, peer, "authenticateClient", body, http, signed1.value)
    peer.smdp_signed2 = {}
    if outcome.status == "success" and not outcome.mismatches:
        peer.smdp_signed2 = outcome.value["smdpSigned2"]
        peer.smdp_signature2 = reply_of(outcome).octets_of("smdpSignature2")
        peer.smdp_certificate = outcome.value["smdpCertificate"]
        peer.metadata = reply_of(outcome).octets_of("profileMetadata")
    return outcome


@action(
    "es9plus.get_bound_profile_package",
    request="EUICCSigned2",
    tampered="PrepareDownloadResponse",
    response=lambda: answer_shape("getBoundProfilePackage"),
)
def get_bound_profile_package(
    context: Context,
    message: Message,
    *,
    confirmation_code: str | None = None,
    no_confirmation_code: bool = False,
    one_time_key: Literal["new", "kept"] = "new",
    signer: Signer = "certificate",
    transaction_id: Hex | None = None,
    error: DownloadError | None = None,
    http: HttpChange | None = None,
) -> Outcome:
    """ES9+.GetBoundProfilePackage (SGP.22 5.6.2).

    Args:
        confirmation_code: in place of that of the order.
        no_confirmation_code: ``true``: no hashCc.
        one_time_key: a new euiccOtpk, or that of the last download (``kept``).
        signer: ``another``: signed with another key than that of CERT.EUICC.
        transaction_id: in the JSON object only; what is signed keeps that of the session.
        error: downloadResponseError with this code, in place of what the eUICC signs.
        http: differences in the HTTP request.
    """
    peer = context.part(EuiccPeer)
    if one_time_key == "new" or peer.one_time_key is None:
        peer.one_time_key = peer.new_one_time_key()
    ordered = peer.order.confirmation_code if peer.order else None
    code = None if no_confirmation_code else confirmation_code or ordered
    signed2 = message.encode("EUICCSigned2", peer.euicc_signed2(code, peer.one_time_key))
    response = peer.prepare_download_response(signed2.octets, signer)
    if error is not None:
        response = _error("PrepareDownloadResponse", "downloadErrorCode", peer, error)
    response = tamper(response, message.tamper, "PrepareDownloadResponse")
    body = {"transactionId": _hex(transaction_id or peer.transaction_id), "prepareDownloadResponse": encode(response)}
    outcome = call(context, peer, "getBoundProfilePackage", body, http, signed2.value)
    peer.package = outcome.value.get("boundProfilePackage", b"")
    if peer.package:
        peer.bindings.append(Binding(peer.package, peer.one_time_key, peer.transaction_id, peer.metadata))
    return outcome


@action("es9plus.download", response=lambda: answer_shape("getBoundProfilePackage"))
def download(context: Context, _message: Message, *, confirmation_code: str | None = None) -> Outcome:
    """InitiateAuthentication, AuthenticateClient and GetBoundProfilePackage, up to the first that fails.

    The status is that of the function that was called last, for requirements that leave open which one refuses.

    Args:
        confirmation_code: in place of that of the order.
    """
    outcome = initiate_authentication(context, Message())
    if outcome.status == "success" and not outcome.mismatches:
        outcome = authenticate_client(context, Message())
    if outcome.status == "success" and not outcome.mismatches:
        outcome = get_bound_profile_package(context, Message(), confirmation_code=confirmation_code)
    return outcome


@action(
    "es9plus.cancel_session",
    request="EuiccCancelSessionSigned",
    tampered="CancelSessionResponse",
    response=lambda: answer_shape("cancelSession"),
)
def cancel_session(
    context: Context,
    message: Message,
    *,
    signer: Signer = "certificate",
    transaction_id: Hex | None = None,
    error: CancelError | None = None,
    http: HttpChange | None = None,
) -> Outcome:
    """ES9+.CancelSession (SGP.22 5.6.5).

    The reason is endUserRejection, unless ``with`` gives another one.

    Args:
        signer: ``another``: signed with another key than that of CERT.EUICC.
        transaction_id: in the JSON object only; what is signed keeps that of the session.
        error: cancelSessionResponseError with this code, in place of what the eUICC signs.
        http: differences in the HTTP request.
    """
    peer = context.part(EuiccPeer)
    value = {"transactionId": peer.transaction_id, "smdpOid": peer.smdp_oid(), "reason": "endUserRejection"}
    data = message.encode("EuiccCancelSessionSigned", value)
    signature = tlv.encode(0x5F37, peer.sign(data.octets, signer))
    response = tlv.encode(0xBF41, tlv.encode(0xA0, data.octets + signature))
    if error is not None:
        response = codec.encode("CancelSessionResponse", ("cancelSessionResponseError", _CANCEL_ERRORS[error]))
    response = tamper(response, message.tamper, "CancelSessionResponse")
    body = {"transactionId": _hex(transaction_id or peer.transaction_id), "cancelSessionResponse": encode(response)}
    return call(context, peer, "cancelSession", body, http, data.value)


def _error(type_name: str, field: str, peer: EuiccPeer, name: str) -> bytes:
    """An answer of the eUICC with an error code, which it does not sign."""
    choice = {"authenticateErrorCode": "authenticateResponseError", "downloadErrorCode": "downloadResponseError"}[field]
    names = asn1_shape(type_name).field(choice).field(field).names or {}
    return codec.encode(type_name, (choice, {"transactionId": peer.transaction_id, field: names[name]}))


def _hex(transaction_id: bytes) -> str:
    return transaction_id.hex().upper()
