"""ES9+.HandleNotification as actions: results of installations, and notifications of events (SGP.22 3.5, 5.6.4)."""

from __future__ import annotations

from typing import Literal

from pytest_euicc.asn1 import tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.conformance.engine.message import Encoded, Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.tamper import tamper
from pytest_euicc.es9.binding import encode
from pytest_euicc.interfaces.es9plus.answers import answer_shape
from pytest_euicc.interfaces.es9plus.arguments import EuiccKind, Signer
from pytest_euicc.interfaces.es9plus.call import HttpChange, call
from pytest_euicc.peers.euicc import EuiccPeer

_AID = bytes.fromhex("A0000005591010FFFFFFFF8900001000")
_OK_RESPONSE = bytes.fromhex("3007 A005 3003 800100")
"""EUICCResponse whose one status is ok (TCA IFS 9.4)."""


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
        http: differences in the HTTP request.
    """
    peer = context.part(EuiccPeer)
    if again:
        return _notify(context, peer, Encoded(None, _sent_before(peer)), http)
    value = {
        "transactionId": peer.transaction_id,
        "notificationMetadata": peer.notification_metadata("install"),
        "smdpOid": peer.smdp_oid(),
        "finalResult": ("successResult", {"aid": _AID, "simaResponse": _OK_RESPONSE}),
    }
    data = message.encode("ProfileInstallationResultData", value)
    signed = tlv.encode(0xBF37, data.octets + tlv.encode(0x5F37, peer.sign(data.octets, signer)))
    octets = tamper(signed, message.tamper, "ProfileInstallationResult")
    return _notify(context, peer, Encoded(data.value, octets), http)


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
        http: differences in the HTTP request.
    """
    peer = context.part(EuiccPeer)
    peer.kind = certificates or "valid"
    data = message.encode("NotificationMetadata", peer.notification_metadata(event))
    identity = peer.identity()
    signature = tlv.encode(0x5F37, peer.sign(data.octets, signer))
    signed = tlv.encode(0x30, data.octets + signature + identity.certificate.der + identity.chain[0].der)
    octets = tamper(signed, message.tamper, "OtherSignedNotification")
    return _notify(context, peer, Encoded(data.value, octets), http)


def _sent_before(peer: EuiccPeer) -> bytes:
    if not peer.notification:
        raise VectorMistake("no notification was sent in this sequence that could be sent again")
    return peer.notification


def _notify(context: Context, peer: EuiccPeer, notification: Encoded, http: HttpChange | None) -> Outcome:
    peer.notification = notification.octets
    body = {"pendingNotification": encode(notification.octets)}
    return call(context, peer, "handleNotification", body, http, notification.value)
