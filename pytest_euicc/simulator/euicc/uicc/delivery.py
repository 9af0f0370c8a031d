"""How an answer leaves the simulated eUICC: at once, or by GET RESPONSE (ISO 7816-4 5.6, ETSI TS 102 221 7.3.1.1)."""

from __future__ import annotations

from typing import Literal, Protocol

from pytest_euicc.card.apdu import CommandApdu, ResponseApdu
from pytest_euicc.simulator.euicc.core import EuiccCore
from pytest_euicc.simulator.euicc.uicc.proactive import ProactiveSession
from pytest_euicc.simulator.euicc.variants import contacts

STATUS = 0xF2
_READING = frozenset({0xB0, 0xB2, STATUS})
_LARGEST_PORTION = 256


class Waiting(Protocol):
    """A channel on which an answer may wait for GET RESPONSE."""

    waiting: bytes


class Delivery:
    """Answers of one card, in portions of its size."""

    def __init__(self, core: EuiccCore, protocol: Literal["T=0", "T=1"]) -> None:
        self._core = core
        self._protocol = protocol
        self._portion = contacts.chosen(core.varies, contacts.PORTION, _LARGEST_PORTION)

    def hand_over(
        self, channel: Waiting, command: CommandApdu, answer: ResponseApdu, proactive: ProactiveSession
    ) -> ResponseApdu:
        """Give the data at once, or announce them: always on T=0 after command data, else beyond 256 octets."""
        if not answer.data:
            sw = proactive.announce(answer.sw, status=command.ins == STATUS)
            return answer if sw == answer.sw else ResponseApdu(b"", sw)
        if self._protocol == "T=0":
            if command.data and not self._core.varies("reader-gets-response"):
                channel.waiting = answer.data
                # ETSI TS 102 221 7.3.1.1.5: after a warning GET RESPONSE is the device's own idea.
                return ResponseApdu(b"", self._more(answer.data) if answer.ok else answer.sw)
            if not command.data and (command.le or 0) < min(len(answer.data), _LARGEST_PORTION):
                return ResponseApdu(b"", 0x6C00 | len(answer.data) & 0xFF)
            inexact = command.ins in _READING and command.le == _LARGEST_PORTION > len(answer.data)
            if inexact and self._core.varies("corrects-le-00"):
                return ResponseApdu(b"", 0x6C00 | len(answer.data))
        portion = min(command.le or _LARGEST_PORTION, self._portion)
        if command.ins in _READING:
            portion = command.le or _LARGEST_PORTION
        data, channel.waiting = answer.data[:portion], answer.data[portion:]
        if channel.waiting and self._core.defective("one-response-block"):
            channel.waiting = b""
        sw = (
            self._more(channel.waiting)
            if channel.waiting
            else proactive.announce(answer.sw, status=command.ins == STATUS)
        )
        return ResponseApdu(data, sw)

    def _more(self, waiting: bytes) -> int:
        """61xx with the length of the next portion, 00 for 256 octets and more (ISO 7816-4 5.6)."""
        portion = min(len(waiting), self._portion)
        return 0x6100 | (portion if portion < _LARGEST_PORTION else 0)

    def get_response(self, channel: Waiting, command: CommandApdu, proactive: ProactiveSession) -> ResponseApdu:
        """The next portion of the answer that waits."""
        if not channel.waiting:
            return ResponseApdu(b"", 0x9000 if self._core.defective("get-response-is-ok") else 0x6985)
        wanted = command.le or _LARGEST_PORTION
        if wanted == _LARGEST_PORTION > len(channel.waiting) and self._core.varies("get-response-corrects-le-00"):
            return ResponseApdu(b"", 0x6C00 | len(channel.waiting))
        wanted = min(wanted, max(self._portion, 1))
        if wanted < _LARGEST_PORTION and wanted > len(channel.waiting):
            return ResponseApdu(b"", 0x6C00 | len(channel.waiting) & 0xFF)
        data, channel.waiting = channel.waiting[:wanted], channel.waiting[wanted:]
        if channel.waiting and self._core.defective("one-response-block"):
            channel.waiting = b""
        return ResponseApdu(
            data, self._more(channel.waiting) if channel.waiting else proactive.announce(0x9000, status=False)
        )
