"""The tester in the place of an operator's OTA platform: commands for an MNO-SD in SMS, and receipts that come back.

ETSI TS 102 225 and TS 102 226, 3GPP TS 31.115; SGP.22 5.4.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Literal

from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.ota import scp80, scripts, sms
from pytest_euicc.ota.scp80 import KeySet, Spi
from pytest_euicc.rsp.profile_package import ota_keys

BY_SUBMIT, IN_REPORT = "sms-submit", "deliver-report"
"""Ways of a receipt: a message of its own, or in the answer to ENVELOPE."""
WrongKey = Literal["authentication", "encryption"]
_BLOCK = 255
_MORE, _LAST = 0x11, 0x91


@dataclass
class Link:
    """What the operator knows of one profile.

    Attributes:
        counter: used last.
        messages: SMS-DELIVER TPDUs sent last.
    """

    iccid: bytes
    keys: KeySet
    counter: int = 0
    messages: list[bytes] = field(default_factory=list)

    def protect(self, spi: Spi, tar: bytes, script: bytes, *, reference: int, wrong_key: WrongKey | None) -> None:
        """Make the messages that carry a script under the counter as it stands."""
        keys = self.keys
        if wrong_key == "authentication":
            keys = replace(keys, authentication=_flipped(keys.authentication))
        elif wrong_key == "encryption":
            keys = replace(keys, encryption=_flipped(keys.encryption))
        packet = scp80.protect(keys, spi, tar, max(self.counter, 0), script)
        self.messages = [sms.deliver(octets) for octets in sms.user_data(packet, reference=reference)]


@dataclass
class Links:
    """The profiles of a sequence whose OTA keys are known, by ICCID; the one installed last is last."""

    by_iccid: dict[bytes, Link] = field(default_factory=dict)


def _flipped(key: bytes) -> bytes:
    return bytes(octet ^ 0xFF for octet in key)


def connect(context: Context, iccid: bytes) -> None:
    """Know the keys of a profile of the tester's; its MNO-SD has counted nothing yet."""
    known = ota_keys(iccid)
    context.part(Links).by_iccid[iccid] = Link(iccid, KeySet(1, known.encryption, known.authentication))


def link_to(context: Context, iccid: bytes | None) -> Link:
    """What is known of a profile; None: of the one that a state installed last.

    Raises:
        InconclusiveError: its keys are not known.
    """
    links = context.part(Links).by_iccid
    if not links:
        raise VectorMistake("there is no profile whose OTA keys are known; name the state ota_profile in given")
    if iccid is not None and iccid not in links:
        raise VectorMistake(f"the OTA keys of the profile {iccid.hex()} are not known; name the state ota_profile")
    return links[iccid or next(reversed(links))]


def install_for_personalization(aid: bytes) -> bytes:
    """What follows in the script is for the application named and not for the MNO-SD."""
    return CommandApdu(0x80, 0xE6, 0x20, 0x00, scripts.for_personalization(aid)).encode()


def store_data(request: bytes) -> list[bytes]:
    """STORE DATA in blocks, P1 and P2 as in SGP.22 5.7.2."""
    blocks = [request[at : at + _BLOCK] for at in range(0, len(request), _BLOCK)] or [b""]
    last = len(blocks) - 1
    return [
        CommandApdu(0x80, 0xE2, _LAST if number == last else _MORE, number, block).encode()
        for number, block in enumerate(blocks)
    ]


def ways_requested(spi: Spi) -> frozenset[str]:
    """How the receipt is to come (SPI, ETSI TS 102 225 5.1.1)."""
    if spi.receipt is scp80.Receipt.NEVER:
        return frozenset()
    return frozenset({BY_SUBMIT if spi.receipt_by_submit else IN_REPORT})


def read_receipt(message: sms.Message, spi: Spi, keys: KeySet, *, expanded: bool) -> dict[str, Any]:
    """A receipt as ``expect`` sees it.

    Raises:
        SmsFault, PacketFault, ScriptFault: it is none, or does not have the security asked for.
    """
    if sms.RESPONSE_PACKET not in message.header:
        raise sms.SmsFault(f"a message without the element {sms.RESPONSE_PACKET:02X} of a response packet")
    response = scp80.read_response(message.data, spi, keys)
    value: dict[str, Any] = {"receipt": _name(response.status), "secured": response.secured}
    if response.status != scp80.Status.OK:
        return value
    return value | _results(scripts.read_results(response.data, expanded=expanded))


def _results(found: scripts.Results) -> dict[str, Any]:
    value: dict[str, Any] = {"executed": found.executed, "data": found.data}
    if found.sw is not None:
        value["result"] = found.sw.to_bytes(2, "big")
    return value | ({} if found.bad_format is None else {"bad_format": found.bad_format})


def _name(status: int) -> str:
    try:
        return scp80.Status(status).name.lower().replace("_", "-")
    except ValueError:
        return f"{status:02X}"
