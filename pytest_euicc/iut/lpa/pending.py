"""Notifications that are pending on the card of the bench before an LPA meets it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.rsp import signatures
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.state import Notification

_EVENTS = ("install", "enable", "disable", "delete")
_ICCID = bytes.fromhex("98000122222222222222")
_AID = bytes.fromhex("A0000005591010FFFFFFFF8900007800")
_SIMA_OK = bytes.fromhex("3007A0053003800100")


class Pending(BaseModel):
    """One notification.

    Attributes:
        event: what happened; ``result`` for a ProfileInstallationResult.
        address: notificationAddress.
        number: seqNumber; one more than the one before if left out.
        repeat: how many there are of it.
        iccid: ten octets; empty for a notification without one.
        more: further elements of its metadata inside what was signed, in hex.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: Literal["result", "install", "enable", "disable", "delete"]
    address: str
    number: Annotated[int, Field(ge=0)] | None = None
    repeat: Annotated[int, Field(ge=1, le=100)] = 1
    iccid: Hex = _ICCID
    more: Hex = b""


def queue(core: EuiccCore, entry: Mapping[str, Any]) -> None:
    """Let the card keep a notification, or several alike; raises pydantic's ValidationError."""
    wanted = Pending.model_validate(dict(entry))
    for _ in range(wanted.repeat):
        number = core.next_number() if wanted.number is None else wanted.number
        octets = _result(core, wanted, number) if wanted.event == "result" else _other(core, wanted, number)
        core.queue(Notification(number, _event(wanted), wanted.address, wanted.iccid or None, octets))


def _metadata(wanted: Pending, number: int) -> bytes:
    bit = _EVENTS.index(_event(wanted))
    value: dict[str, Any] = {
        "seqNumber": number,
        "profileManagementOperation": (bytes([0x80 >> bit]), bit + 1),
        "notificationAddress": wanted.address,
    }
    if wanted.iccid:
        value["iccid"] = wanted.iccid
    element = tlv.parse(codec.encode("NotificationMetadata", value))
    return tlv.encode(element.tag, element.value + wanted.more)


def _event(wanted: Pending) -> str:
    return "install" if wanted.event == "result" else wanted.event


def _other(core: EuiccCore, wanted: Pending, number: int) -> bytes:
    metadata = _metadata(wanted, number)
    identity = core.identity()
    signature = tlv.encode(0x5F37, signatures.sign(identity.private_key, metadata))
    return tlv.encode(0x30, metadata + signature + identity.certificate.der + identity.chain[0].der)


def _result(core: EuiccCore, wanted: Pending, number: int) -> bytes:
    ended = codec.encode(
        "ProfileInstallationResultData",
        {
            "transactionId": bytes(range(16)),
            "notificationMetadata": codec.decode("NotificationMetadata", _metadata(wanted, number)),
            "smdpOid": "2.999.99",
            "finalResult": ("successResult", {"aid": _AID, "simaResponse": _SIMA_OK}),
        },
    )
    signature = tlv.encode(0x5F37, signatures.sign(core.identity().private_key, ended))
    return tlv.encode(0xBF37, ended + signature)
