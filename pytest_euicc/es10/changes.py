"""Which commands may change a card for good: all that are not known to leave it as it is."""

from __future__ import annotations

from pytest_euicc.card.apdu import CommandApdu, channel_of
from pytest_euicc.es10.functions import FUNCTIONS

_STORE_DATA = 0xE2
_HARMLESS = {
    0x10: "TERMINAL PROFILE",
    0x12: "FETCH",
    0x14: "TERMINAL RESPONSE",
    0x70: "MANAGE CHANNEL",
    0x84: "GET CHALLENGE",
    0xA2: "SEARCH RECORD",
    0xA4: "SELECT",
    0xAA: "TERMINAL CAPABILITY",
    0xB0: "READ BINARY",
    0xB2: "READ RECORD",
    0xC0: "GET RESPONSE",
    0xCA: "GET DATA",
    0xCB: "GET DATA",
    0xF2: "STATUS",
}
_READING = {function.tag for function in FUNCTIONS.values() if not function.changes}
_CHANGING = {function.tag: function.full_name for function in FUNCTIONS.values() if function.changes}
_CLASSES = (0x00, 0x40, 0x80, 0xC0)
"""High half of the class bytes of ETSI TS 102 221 10.1.1; others are a vendor's own."""


class Changes:
    """Follows the commands to one card; a function of ES10 comes in several commands (SGP.22 5.7.2)."""

    def __init__(self) -> None:
        self._reading: dict[int, int] = {}
        """By channel: the number of the next block of a function that only reads."""

    def of(self, octets: bytes) -> str:
        """What a command may change, in words; empty where it changes nothing."""
        try:
            command = CommandApdu.parse(octets)
        except ValueError:
            return f"the command {octets.hex().upper()}"
        if command.cla & 0xF0 in _CLASSES:
            if command.ins in _HARMLESS:
                return ""
            if command.ins == _STORE_DATA and self._reads(command):
                return ""
        if command.ins == _STORE_DATA and command.p2 == 0 and _tag(command.data) in _CHANGING:
            return _CHANGING[_tag(command.data)]
        return f"the command {octets[:5].hex().upper()}"

    def _reads(self, command: CommandApdu) -> bool:
        channel = channel_of(command.cla)
        expected = self._reading.pop(channel, None)
        if command.p2 != 0 and command.p2 != expected:
            return False
        if command.p2 == 0 and _tag(command.data) not in _READING:
            return False
        self._reading[channel] = command.p2 + 1
        return True


def _tag(data: bytes) -> int:
    """What command data begin with; the functions of ES10 have tags of two octets."""
    return int.from_bytes(data[:2])
