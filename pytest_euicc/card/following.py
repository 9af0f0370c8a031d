"""What a terminal does with 6Cxx and 61xx, so that a command has one answer."""

from __future__ import annotations

from typing import Protocol

from pytest_euicc.card.apdu import CommandApdu, ResponseApdu, cla_on_channel
from pytest_euicc.card.errors import MalformedAnswer
from pytest_euicc.card.transport import Device

_ENVELOPE = 0xC2
_WARNINGS = (0x62, 0x63)
_MAX_RESPONSE = 1 << 20


class Exchanging(Protocol):
    """A card, as far as one command needs it."""

    @property
    def description(self) -> str:
        """The transport, for people."""

    @property
    def protocol(self) -> str:
        """``T=0`` or ``T=1``."""

    @property
    def device(self) -> Device | None:
        """The device that is the card's terminal."""

    @property
    def block(self) -> int:
        """Octets of a GET RESPONSE through a device."""

    def exchange(self, command: CommandApdu) -> ResponseApdu:
        """Send one command as it is."""


def follow(card: Exchanging, command: CommandApdu, channel: int, *, fetch: bool) -> ResponseApdu:
    """Send a command on a channel and follow 6Cxx and 61xx, and a warning to an ENVELOPE.

    Without `fetch` data that wait for GET RESPONSE are left there; the status word is 9000 then.
    Raises `CardError` for what cannot be followed.
    """
    cla = cla_on_channel(command.cla, channel)
    # ISO 7816-3 10.3.2: a T=0 command carries data one way; the answer comes by GET RESPONSE.
    le = None if command.data and card.protocol == "T=0" else command.le
    if cla != command.cla or le != command.le:
        command = CommandApdu(cla, command.ins, command.p1, command.p2, command.data, le, command.extended)
    response = card.exchange(command)
    if response.sw >> 8 == 0x6C and command.case != 3:
        response = card.exchange(
            CommandApdu(command.cla, command.ins, command.p1, command.p2, command.data, response.sw2 or 256)
        )
    if response.sw >> 8 == 0x61:
        if not fetch:
            return ResponseApdu(b"", 0x9000)
        response = _collect(card, response, channel)
    if command.ins == _ENVELOPE and response.sw1 in _WARNINGS and not response.data:
        response = ResponseApdu(_after_warning(card, channel), response.sw)
    return response


def _after_warning(card: Exchanging, channel: int) -> bytes:
    """What GET RESPONSE gives after a warning: the data of an error to SMS-PP DOWNLOAD (3GPP TS 31.111 7.1.1.1)."""
    get = CommandApdu(cla_on_channel(0x00, channel), 0xC0, 0x00, 0x00, le=256)
    response = card.exchange(get)
    if response.sw1 == 0x6C:
        response = card.exchange(CommandApdu(get.cla, 0xC0, 0x00, 0x00, le=response.sw2 or 256))
    response = _collect(card, response, channel)
    return response.data if response.ok else b""


def _collect(card: Exchanging, response: ResponseApdu, channel: int) -> ResponseApdu:
    """GET RESPONSE for as long as 61xx says that there is more (ISO 7816-4 5.6, 11.7.1)."""
    data = response.data
    while response.sw >> 8 == 0x61:
        wanted = response.sw2 or 256
        if card.device is not None:
            wanted = min(wanted, card.block)
        get = CommandApdu(cla_on_channel(0x00, channel), 0xC0, 0x00, 0x00, le=wanted)
        response = card.exchange(get)
        if response.sw >> 8 == 0x6C:
            response = card.exchange(CommandApdu(get.cla, 0xC0, 0x00, 0x00, le=response.sw2 or 256))
        data += response.data
        if response.sw >> 8 == 0x61 and (not response.data or len(data) > _MAX_RESPONSE):
            raise MalformedAnswer(
                f"{card.description}: the card announces more and more response (61xx) and "
                f"{'gives none' if not response.data else 'does not come to an end'}"
            )
    return ResponseApdu(data, response.sw)
