"""Proactive commands that a card has for the terminal (ETSI TS 102 223), and the answers to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

REFRESH = 0x01
MORE_TIME = 0x02
POLL_INTERVAL = 0x03
POLLING_OFF = 0x04
SEND_SHORT_MESSAGE = 0x13

# ETSI TS 102 223 9.4: the types that this terminal meets most often.
_NAMES = {
    REFRESH: "REFRESH",
    MORE_TIME: "MORE TIME",
    POLL_INTERVAL: "POLL INTERVAL",
    POLLING_OFF: "POLLING OFF",
    0x05: "SET UP EVENT LIST",
    0x10: "SET UP CALL",
    SEND_SHORT_MESSAGE: "SEND SHORT MESSAGE",
    0x15: "LAUNCH BROWSER",
    0x20: "PLAY TONE",
    0x21: "DISPLAY TEXT",
    0x22: "GET INKEY",
    0x23: "GET INPUT",
    0x24: "SELECT ITEM",
    0x25: "SET UP MENU",
    0x26: "PROVIDE LOCAL INFORMATION",
    0x27: "TIMER MANAGEMENT",
    0x28: "SET UP IDLE MODE TEXT",
    0x40: "OPEN CHANNEL",
    0x41: "CLOSE CHANNEL",
    0x42: "RECEIVE DATA",
    0x43: "SEND DATA",
    0x44: "GET CHANNEL STATUS",
}

# ETSI TS 102 223 8.6: a qualifier of REFRESH.
UICC_RESET = 0x04

# ETSI TS 102 223 8.12: general results.
PERFORMED = 0x00
BEYOND_CAPABILITIES = 0x30

_PROACTIVE_TAG = 0xD0
_COMMAND_DETAILS = 0x01
_DURATION = 0x04


@dataclass(frozen=True)
class ProactiveCommand:
    """One fetched command. `octets` is all that FETCH gave; `number`, `kind` and `qualifier` are its command details.

    A command without readable details (ETSI TS 102 223 6.5.1) has 0 in all three.
    """

    octets: bytes
    number: int = 0
    kind: int = 0
    qualifier: int = 0

    @property
    def type(self) -> str:
        """The name of ETSI TS 102 223, such as ``REFRESH``."""
        return _NAMES.get(self.kind, f"{self.kind:02X}")

    @property
    def parts(self) -> dict[int, bytes]:
        """Its data objects by tag, without the bit that says whether they must be understood."""
        return {tag & 0x7F: value for tag, value in reversed(comprehension_tlvs(_content(self.octets)))}

    @property
    def asks_for_reset(self) -> bool:
        """REFRESH, UICC reset: the reset itself is the answer (ETSI TS 102 223 6.4.7.1)."""
        return self.kind == REFRESH and self.qualifier == UICC_RESET

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Read what FETCH gave."""
        details = cls(octets).parts.get(_COMMAND_DETAILS, b"")
        return cls(octets, *details) if len(details) == 3 else cls(octets)


Handler = Callable[[ProactiveCommand], bytes]
"""Answers a proactive command with the data field of a TERMINAL RESPONSE."""


def terminal_response(command: ProactiveCommand, result: int) -> bytes:
    """Command details, device identities (terminal to UICC) and the general result (ETSI TS 102 223 6.8)."""
    details = bytes((0x81, 3, command.number, command.kind, command.qualifier))
    return details + bytes((0x82, 2, 0x82, 0x81)) + bytes((0x83, 1, result))


def answer(command: ProactiveCommand) -> bytes:
    """The terminal of a test bench: does what needs no user and no network, and refuses the rest."""
    if command.kind == POLL_INTERVAL:
        # ETSI TS 102 223 6.8.2: the answer names the interval; the one asked for is taken.
        asked = command.parts.get(_DURATION, b"\1\x1e")
        return terminal_response(command, PERFORMED) + bytes((0x84, len(asked))) + asked
    # There is no network: short messages are only recorded among the commands fetched.
    known = command.kind in (REFRESH, MORE_TIME, POLLING_OFF, SEND_SHORT_MESSAGE)
    return terminal_response(command, PERFORMED if known else BEYOND_CAPABILITIES)


def _content(octets: bytes) -> bytes:
    """The data objects in the D0 of a proactive command, as far as it is complete."""
    if len(octets) < 2 or octets[0] != _PROACTIVE_TAG:
        return b""
    return octets[3:] if octets[1] == 0x81 else octets[2:]


def comprehension_tlvs(octets: bytes) -> list[tuple[int, bytes]]:
    """The COMPREHENSION-TLVs (ETSI TS 101 220 7.1.1) up to the first that is not whole."""
    found = []
    while len(octets) >= 2:
        tag, length, start = octets[0], octets[1], 2
        if length == 0x81 and len(octets) >= 3:
            length, start = octets[2], 3
        if len(octets) < start + length:
            break
        found.append((tag, octets[start : start + length]))
        octets = octets[start + length :]
    return found
