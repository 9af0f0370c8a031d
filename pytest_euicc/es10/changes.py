"""Which commands may change a card for good: all that are not known to leave it as it is."""

from __future__ import annotations

from typing import Literal

from pytest_euicc.card.apdu import CommandApdu, channel_of
from pytest_euicc.es10.functions import FUNCTIONS
from pytest_euicc.es10.iot import IOT_FUNCTIONS

_STORE_DATA, _ENVELOPE = 0xE2, 0xC2
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
_WRITING = {
    0x04: "DEACTIVATE FILE",
    0x0E: "ERASE BINARY",
    0x0F: "ERASE BINARY",
    0x20: "VERIFY PIN",
    0x24: "CHANGE PIN",
    0x26: "DISABLE PIN",
    0x28: "ENABLE PIN",
    0x2C: "UNBLOCK PIN",
    0x32: "INCREASE",
    0x44: "ACTIVATE FILE",
    0xD0: "WRITE BINARY",
    0xD1: "WRITE BINARY",
    0xD2: "WRITE RECORD",
    0xD4: "RESIZE FILE",
    0xD6: "UPDATE BINARY",
    0xD7: "UPDATE BINARY",
    0xD8: "PUT KEY",
    0xDA: "PUT DATA",
    0xDB: "SET DATA",
    0xDC: "UPDATE RECORD",
    0xDD: "UPDATE RECORD",
    0xE0: "CREATE FILE",
    0xE4: "DELETE",
    0xE6: "INSTALL",
    0xE8: "LOAD",
    0xF0: "SET STATUS",
    0xFE: "TERMINATE CARD USAGE",
}
"""Commands of ISO 7816-4, 7816-9, ETSI TS 102 221, 102 222 and GlobalPlatform that write, or count a wrong PIN."""
_EVERY = (*IOT_FUNCTIONS.values(), *FUNCTIONS.values())
"""Functions of SGP.22 after those of SGP.32, which have the tags of some of them."""
_READING = {function.tag for function in _EVERY if not function.changes}
_CHANGING = {function.tag: function.full_name for function in _EVERY if function.changes}
_SHORTEST, _STATUS_WORD = 4, 2
_FROM_OPERATORS = (b"\xd1", b"\xd2")
"""What ENVELOPE carries to an application of a profile, which may do anything (ETSI TS 102 223 9.1, 3GPP TS 31.111)."""
_CLASSES = (0x00, 0x40, 0x80, 0xC0)
"""High half of the class bytes of ETSI TS 102 221 10.1.1; others are a vendor's own."""


def changing_command(octets: bytes) -> str:
    """What a command is called that is known to change the card: a function of ES10 that it begins, or one that writes.

    Empty for any other command.
    """
    try:
        command = CommandApdu.parse(octets)
    except ValueError:
        return ""
    if command.cla & 0xF0 not in _CLASSES:
        return ""
    if command.ins == _STORE_DATA:
        return _CHANGING.get(_tag(command.data), "") if command.p2 == 0 else ""
    if command.ins == _ENVELOPE and command.data[:1] in _FROM_OPERATORS:
        return "ENVELOPE"
    return _WRITING.get(command.ins, "")


def refused(response: bytes) -> bool:
    """Whether a status word says that the command changed nothing (ISO 7816-4 5.6: 64XX, 67XX to 6FXX)."""
    return len(response) >= _STATUS_WORD and (response[-2] == 0x64 or 0x67 <= response[-2] <= 0x6F)


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


Part = Literal["profiles", "metadata", "nicknames", "notifications", "address"]
"""What a card holds, in parts that change by different functions: of profiles, which there are and their states."""
_ALL: frozenset[Part] = frozenset({"profiles", "metadata", "nicknames", "notifications", "address"})
_LOADING: frozenset[Part] = frozenset({"profiles", "notifications"})
_OVER_THE_AIR: frozenset[Part] = frozenset({"profiles", "metadata", "notifications"})
"""What an operator can do to its profile, by ENVELOPE (SGP.22 5.4)."""
_TOUCHES: dict[str, frozenset[Part]] = {
    "set_default_dp_address": frozenset({"address"}),
    "remove_notification_from_list": frozenset({"notifications"}),
    "set_nickname": frozenset({"nicknames"}),
    "load_crl": frozenset(),
    # A profile that it leaves is as it was.
    "euicc_memory_reset": frozenset({"profiles", "notifications", "address"}),
    **dict.fromkeys(("enable_profile", "disable_profile", "delete_profile", "load_bound_profile_package"), _LOADING),
}
"""By function."""
_SEGMENTS = (0xA0, 0x86, 0x87, 0x88, 0xA1, 0xA2, 0xA3)
"""Tags of the segments of a Bound Profile Package (SGP.22 2.5.5)."""
_TOUCHED = {function.tag: _TOUCHES.get(function.name, _ALL) for function in _EVERY if function.changes}


class Touched:
    """Follows the commands to one card, as `Changes` does, and says which parts of its content each may change."""

    def __init__(self) -> None:
        self._going_on: dict[int, tuple[int, frozenset[Part]]] = {}
        """By channel: the number of the next block of a function, and what the function touches."""

    def by(self, octets: bytes) -> frozenset[Part]:
        """The parts that a command may change; all where it is not known."""
        if len(octets) < _SHORTEST or octets[0] & 0xF0 not in _CLASSES:
            return _ALL
        if octets[1] in _HARMLESS:
            return frozenset()
        if octets[1] != _STORE_DATA:
            return _OVER_THE_AIR if octets[1] == _ENVELOPE else _ALL
        channel, block = channel_of(octets[0]), octets[3]
        number, parts = self._going_on.pop(channel, (0, _ALL))
        if block == 0:
            # After Lc; an Lc in three octets begins with 00, which no function does.
            number, parts = 0, self._begun(octets[5:7])
        if block != number:
            return _ALL
        self._going_on[channel] = number + 1, parts
        return parts

    @staticmethod
    def _begun(data: bytes) -> frozenset[Part]:
        if data[:1] and data[0] in _SEGMENTS:
            return _LOADING
        return frozenset() if _tag(data) in _READING else _TOUCHED.get(_tag(data), _ALL)


def _tag(data: bytes) -> int:
    """What command data begin with; the functions of ES10 have tags of two octets."""
    return int.from_bytes(data[:2])
