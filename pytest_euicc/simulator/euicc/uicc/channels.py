"""Logical channels of the simulated eUICC (ETSI TS 102 221 8.7, 11.1.17)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from pytest_euicc.card.apdu import CommandApdu, ResponseApdu
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.uicc.filesystem import Selection
from pytest_euicc.simulator.euicc.uicc.isdr import Isdr


@dataclass
class Channel:
    """One logical channel: what is selected on it, and an answer that waits for GET RESPONSE."""

    selection: Selection = field(default_factory=Selection)
    isdr: Isdr | None = None
    waiting: bytes = b""


class Channels:
    """Those that are open; the basic one always is.

    Args:
        last: number of the last one the card has.
        isdr_once: the ISD-R can be selected on one channel at a time.
    """

    def __init__(self, core: EuiccCore, last: int, *, isdr_once: bool) -> None:
        self._core = core
        self._last = last
        self._isdr_once = isdr_once
        self._open: dict[int, Channel] = {}

    def close_all(self) -> None:
        """As after a reset."""
        self._open = {0: Channel()}

    def __bool__(self) -> bool:
        return bool(self._open)

    def get(self, number: int) -> Channel | None:
        """An open channel."""
        return self._open.get(number)

    def all(self) -> list[Channel]:
        """Every open channel."""
        return list(self._open.values())

    def manage(self, channel: Channel, command: CommandApdu) -> ResponseApdu:
        """ETSI TS 102 221 11.1.17: open (the card or the device chooses the number) and close."""
        if command.data:
            return ResponseApdu(b"", 0x6700)
        if command.p1 == 0x80:
            if command.p2 == 0 and self._core.defective("basic-channel-can-be-closed"):
                return ResponseApdu(b"", 0x9000)
            if not 1 <= command.p2 <= self._last:
                return ResponseApdu(b"", 0x6A86)
            if command.p2 not in self._open:
                return ResponseApdu(b"", 0x6881)
            if self._core.defective("close-closes-all"):
                self._open = {0: self._open[0]}
            elif not self._core.defective("keeps-channel-session"):
                del self._open[command.p2]
            return ResponseApdu(b"", 0x9000)
        known = command.p1 == 0x00 or self._core.defective("any-p1-opens-channel")
        if not known or command.p2 > self._last:
            return ResponseApdu(b"", 0x6A86)
        if command.p2:
            if command.p2 in self._open:
                return ResponseApdu(b"", 0x6A86)
            self._open[command.p2] = self._opened_from(channel, command.p2)
            return ResponseApdu(b"", 0x9000)
        if command.le is None:
            return ResponseApdu(b"", 0x6C01)
        last = 1 if len(self._open) > 1 and self._core.defective("one-channel-only") else self._last
        unused = [number for number in range(1, last + 1) if number not in self._open]
        if self._core.varies("channels-from-the-top"):
            unused.reverse()
        free = unused[0] if unused else None
        if len(self._open) > 1 and self._core.defective("same-channel-again"):
            return ResponseApdu(b"\x01", 0x9000)
        if free is None:
            return ResponseApdu(b"", 0x6A81)
        self._open[free] = self._opened_from(channel, free)
        return ResponseApdu(bytes([free]), 0x9000)

    def _opened_from(self, channel: Channel, number: int) -> Channel:
        """From the basic channel the MF is selected, from any other what that one has (ETSI TS 102 221 8.7)."""
        if channel is self._open[0]:
            return Channel()
        again = channel.isdr is not None and not self._isdr_once
        return Channel(replace(channel.selection), Isdr(self._core, number) if again else None)
