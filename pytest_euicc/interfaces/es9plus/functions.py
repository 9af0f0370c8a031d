"""The functions of ES9+ as actions: the tester is eUICC and LPA; arguments say what is to be wrong (SGP.22 5.6, 6.5).

``with`` overlays what the eUICC signs (of InitiateAuthentication: the request); signatures cover what it makes of it.
``tamper`` changes the encoded octets afterwards. ``http`` changes the request that carries them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from pytest_euicc.asn1 import tlv
from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Unreachable
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.files.orders import Curve
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.tamper import tamper
from pytest_euicc.conformance.values.text import closest
from pytest_euicc.es9.binding import encode
from pytest_euicc.interfaces.es9plus.answers import answer_shape
from pytest_euicc.interfaces.es9plus.call import HttpChange, call
from pytest_euicc.peers.euicc import EUICC_KINDS, Binding, EuiccTester, euicc_tester

Signer = Literal["certificate", "another"]
"""Whose key signs: that of the certificate shown, or another one."""
_AID = bytes.fromhex("A0000005591010FFFFFFFF8900001000")
_INITIATE_FIELDS = {0x81: "euiccChallenge", 0x83: "smdpAddress", 0xBF20: "euiccInfo1"}


def _known_kind(kind: str) -> str:
    if kind not in EUICC_KINDS:
        raise ValueError(f"no certificates of kind {kind!r}{closest(kind, EUICC_KINDS)}")
    return kind


EuiccKind = Annotated[str, AfterValidator(_known_kind)]
"""The chain of certificates that is shown: ``valid``, or an invalid kind of the PKI."""


def _known_fields(fields: dict[str, bytes]) -> dict[str, bytes]:
    shape = asn1_shape("EuiccSigned1")
    for field in fields:
        if shape.at(field) is None:
            raise ValueError(f"EuiccSigned1 has no field {field!r}{closest(field, shape.fields)}")
    return fields


Extensions = Annotated[dict[str, Hex], AfterValidator(_known_fields)]
"""Octets by the field of EuiccSigned1 that they are put into."""


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
        http: differences in the HTTP request, see *HTTP requests*.
    """
    ours = euicc_tester(context)
    ours.curve = curve or ours.curve
    values = ours.initiate_request()
    if capitals:
        values["smdpAddress"] = values["smdpAddress"].upper()
    request = message.encode("InitiateAuthenticationRequest", values)
    ours.euicc_challenge = b""
    outcome, _ = call(context, ours, "initiateAuthentication", _initiate_body(ours, request), http, message)
    ours.server_signed1, ours.transaction_id = {}, b""
    if outcome.status == "success" and not outcome.mismatches:
        ours.transaction_id = outcome.value["transactionId"]
        ours.server_signed1 = outcome.value["serverSigned1"]
        ours.server_certificate = outcome.value["serverCertificate"]
    return outcome


def _initiate_body(ours: EuiccTester, request: bytes) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for part in tlv.parse(request).children():
        name = _INITIATE_FIELDS.get(part.tag)
        if name == "euiccChallenge":
            ours.euicc_challenge = part.value
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
        http: differences in the HTTP request, see *HTTP requests*.
    """
    ours = euicc_tester(context)
    ours.kind = certificates or "valid"
    chosen = matching_id if matching_id is not None else ours.order.matching_id if ours.order else None
    signed1 = message.encode("EuiccSigned1", ours.euicc_signed1(None if no_matching_id else chosen))
    for field, octets in (extend or {}).items():
        signed1 = tamper(signed1, [{"insert": {"at": field, "part": "value", "hex": octets}}], "EuiccSigned1")
    response = tamper(ours.authenticate_server_response(signed1, signer), message.tamper, "AuthenticateServerResponse")
    body = {
        "transactionId": _hex(transaction_id or ours.transaction_id),
        "authenticateServerResponse": encode(response),
    }
    outcome, reply = call(context, ours, "authenticateClient", body, http, message)
    ours.smdp_signed2 = {}
    if outcome.status == "success" and not outcome.mismatches:
        ours.smdp_signed2 = outcome.value["smdpSigned2"]
        ours.smdp_signature2 = reply.octets_of("smdpSignature2")
        ours.smdp_certificate = outcome.value["smdpCertificate"]
        ours.metadata = reply.octets_of("profileMetadata")
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
    http: HttpChange | None = None,
) -> Outcome:
    """ES9+.GetBoundProfilePackage (SGP.22 5.6.2).

    Args:
        confirmation_code: in place of that of the order.
        no_confirmation_code: ``true``: no hashCc.
        one_time_key: a new euiccOtpk, or that of the last download (``kept``).
        signer: ``another``: signed with another key than that of CERT.EUICC.
        transaction_id: in the JSON object only; what is signed keeps that of the session.
        http: differences in the HTTP request, see *HTTP requests*.
    """
    ours = euicc_tester(context)
    if one_time_key == "new" or ours.one_time_key is None:
        ours.one_time_key = ours.new_one_time_key()
    ordered = ours.order.confirmation_code if ours.order else None
    code = None if no_confirmation_code else confirmation_code or ordered
    signed2 = message.encode("EUICCSigned2", ours.euicc_signed2(code, ours.one_time_key))
    response = tamper(ours.prepare_download_response(signed2, signer), message.tamper, "PrepareDownloadResponse")
    body = {"transactionId": _hex(transaction_id or ours.transaction_id), "prepareDownloadResponse": encode(response)}
    outcome, _ = call(context, ours, "getBoundProfilePackage", body, http, message)
    ours.package = outcome.value.get("boundProfilePackage", b"")
    if ours.package:
        ours.bindings.append(Binding(ours.package, ours.one_time_key, ours.transaction_id, ours.metadata))
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
    "es9plus.handle_installation_result",
    request="ProfileInstallationResultData",
    tampered="ProfileInstallationResult",
    response=lambda: answer_shape("handleNotification"),
)
def handle_installation_result(
    context: Context,
    message: Message,
    *,
    signer: Signer = "certificate",
    again: bool = False,
    http: HttpChange | None = None,
) -> Outcome:
    """ES9+.HandleNotification with a Profile Installation Result (SGP.22 5.6.4, 2.5.6).

    A success, unless ``with`` gives another finalResult.

    Args:
        signer: ``another``: signed with another key than that of CERT.EUICC.
        again: ``true``: the same bytes as in the last notification.
        http: differences in the HTTP request, see *HTTP requests*.
    """
    ours = euicc_tester(context)
    if again:
        return _notify(context, ours, message, _sent_before(ours), http)
    value = {
        "transactionId": ours.transaction_id,
        "notificationMetadata": ours.notification_metadata("install"),
        "smdpOid": ours.smdp_oid(),
        "finalResult": ("successResult", {"aid": _AID, "simaResponse": bytes.fromhex("3000")}),
    }
    data = message.encode("ProfileInstallationResultData", value)
    signed = tlv.encode(0xBF37, data + tlv.encode(0x5F37, ours.sign(data, signer)))
    return _notify(context, ours, message, tamper(signed, message.tamper, "ProfileInstallationResult"), http)


@action(
    "es9plus.handle_notification",
    request="NotificationMetadata",
    tampered="OtherSignedNotification",
    response=lambda: answer_shape("handleNotification"),
)
def handle_notification(
    context: Context,
    message: Message,
    *,
    event: Literal["install", "enable", "disable", "delete"] = "enable",
    certificates: EuiccKind | None = None,
    signer: Signer = "certificate",
    http: HttpChange | None = None,
) -> Outcome:
    """ES9+.HandleNotification with the notification of an event (SGP.22 5.6.4, 3.5).

    Args:
        event: profileManagementOperation.
        certificates: the chain that is shown: ``valid``, or an invalid one of the test PKI.
        signer: ``another``: signed with another key than that of CERT.EUICC.
        http: differences in the HTTP request, see *HTTP requests*.
    """
    ours = euicc_tester(context)
    ours.kind = certificates or "valid"
    data = message.encode("NotificationMetadata", ours.notification_metadata(event))
    identity = ours.identity()
    signature = tlv.encode(0x5F37, ours.sign(data, signer))
    signed = tlv.encode(0x30, data + signature + identity.certificate.der + identity.chain[0].der)
    return _notify(context, ours, message, tamper(signed, message.tamper, "OtherSignedNotification"), http)


def _sent_before(ours: EuiccTester) -> bytes:
    if not ours.notification:
        raise Unreachable("no notification was sent in this sequence that could be sent again")
    return ours.notification


def _notify(context: Context, ours: EuiccTester, message: Message, octets: bytes, http: HttpChange | None) -> Outcome:
    ours.notification = octets
    outcome, _ = call(context, ours, "handleNotification", {"pendingNotification": encode(octets)}, http, message)
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
    http: HttpChange | None = None,
) -> Outcome:
    """ES9+.CancelSession (SGP.22 5.6.5).

    The reason is endUserRejection, unless ``with`` gives another one.

    Args:
        signer: ``another``: signed with another key than that of CERT.EUICC.
        transaction_id: in the JSON object only; what is signed keeps that of the session.
        http: differences in the HTTP request, see *HTTP requests*.
    """
    ours = euicc_tester(context)
    value = {"transactionId": ours.transaction_id, "smdpOid": ours.smdp_oid(), "reason": "endUserRejection"}
    data = message.encode("EuiccCancelSessionSigned", value)
    response = tlv.encode(0xBF41, tlv.encode(0xA0, data + tlv.encode(0x5F37, ours.sign(data, signer))))
    response = tamper(response, message.tamper, "CancelSessionResponse")
    body = {"transactionId": _hex(transaction_id or ours.transaction_id), "cancelSessionResponse": encode(response)}
    outcome, _ = call(context, ours, "cancelSession", body, http, message)
    return outcome


def _hex(transaction_id: bytes) -> str:
    return transaction_id.hex().upper()
