"""Proactive commands of the card: announced by 91xx, fetched, answered (ETSI TS 102 221 7.4.2, ETSI TS 102 223 6)."""

from __future__ import annotations

from collections.abc import Callable

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.apdu import CommandApdu, ResponseApdu

_REFRESH, _MORE_TIME, _POLL_INTERVAL, _SET_UP_EVENT_LIST, _SEND_SHORT_MESSAGE = 0x01, 0x02, 0x03, 0x05, 0x13
_UICC_TO_TERMINAL, _UICC_TO_NETWORK = b"\x81\x82", b"\x81\x83"


class ProactiveSession:
    """The commands that wait, in their order; all of it is lost at reset."""

    def __init__(self, varies: Callable[[str], bool] = lambda _name: False) -> None:
        self._varies = varies
        self._waiting: list[bytes] = []
        self._fetched = False
        self._held = ""

    @property
    def running(self) -> bool:
        """True from the announcement of a command until its TERMINAL RESPONSE."""
        return bool(self._waiting)

    @property
    def refreshing(self) -> bool:
        """True while a REFRESH waits to be fetched or answered."""
        return any(tlv.parse(waiting).children()[0].value[1] == _REFRESH for waiting in self._waiting)

    def refresh(self, qualifier: int) -> None:
        """Queue a REFRESH: command details, device identities (ETSI TS 102 223 6.6.13)."""
        more = b""
        if self._varies("refresh-with-file-list"):
            more += tlv.encode(0x92, b"\x00")
        if self._varies("refresh-with-alpha-identifier"):
            more += tlv.encode(0x85, b"eUICC")
        self._queue(_REFRESH, qualifier, _UICC_TO_TERMINAL, more)
        held = ("refresh-with-the-next-command", "refresh-by-status")
        self._held = next((name for name in held if self._varies(name)), "")
        if self._varies("command-after-refresh"):
            self.set_up_events()

    def set_up_events(self) -> None:
        """Queue a SET UP EVENT LIST: user activity (ETSI TS 102 223 6.6.16)."""
        self._queue(_SET_UP_EVENT_LIST, 0x00, _UICC_TO_TERMINAL, tlv.encode(0x99, b"\x04"))

    def poll(self) -> None:
        """Queue a POLL INTERVAL of 30 seconds (ETSI TS 102 223 6.6.6)."""
        self._queue(_POLL_INTERVAL, 0x00, _UICC_TO_TERMINAL, tlv.encode(0x84, b"\x01\x1e"))

    def more_time(self) -> None:
        """Queue a MORE TIME (ETSI TS 102 223 6.6.4)."""
        self._queue(_MORE_TIME, 0x00, _UICC_TO_TERMINAL)

    def _queue(self, command: int, qualifier: int, devices: bytes, more: bytes = b"") -> None:
        """Queue a command: command details, device identities, what else it has (ETSI TS 102 223 6.6)."""
        # Bit 8 of a tag asks for comprehension (9.3).
        flag = 0x00 if self._varies("no-comprehension-required") else 0x80
        number = 0x05 if self._varies("command-number-5") else 0x01
        parts = tlv.encode(flag | 0x01, bytes([number, command, qualifier])) + tlv.encode(flag | 0x02, devices)
        self._waiting.append(tlv.encode(0xD0, parts + more))

    def send_message(self, tpdu: bytes) -> None:
        """Queue a SEND SHORT MESSAGE with an SMS-SUBMIT as it is (ETSI TS 102 223 6.6.9)."""
        self._queue(_SEND_SHORT_MESSAGE, 0x00, _UICC_TO_NETWORK, tlv.encode(0x8B, tpdu))

    def announce(self, sw: int, *, status: bool = False) -> int:
        """The status word to give for *sw*: 9000 becomes 91xx while a command is not fetched yet.

        Args:
            status: it answers STATUS.
        """
        if sw != 0x9000 or not self._waiting or self._fetched:
            return sw
        if self._held == "refresh-with-the-next-command":
            self._held = ""
            return sw
        if self._held == "refresh-by-status" and not status:
            return sw
        self._held = ""
        return 0x9100 | len(self._waiting[0]) & 0xFF

    def fetch(self, command: CommandApdu) -> ResponseApdu:
        """FETCH (ETSI TS 102 221 11.2.3); Le is the length that was announced."""
        if command.p1 or command.p2:
            return ResponseApdu(b"", 0x6A86)
        if not self._waiting:
            return ResponseApdu(b"", 0x6985)
        waiting = self._waiting[0]
        if command.le is None or (command.le < 256 and command.le != len(waiting)):
            return ResponseApdu(b"", 0x6C00 | len(waiting) & 0xFF)
        self._fetched = True
        return ResponseApdu(waiting, 0x9000)

    def terminal_response(self, command: CommandApdu, refreshed: Callable[[], None]) -> ResponseApdu:
        """TERMINAL RESPONSE (ETSI TS 102 221 11.2.4) to the command fetched; whatever it says ends that command.

        Args:
            refreshed: called where REFRESH is through.
        """
        if command.p1 or command.p2:
            return ResponseApdu(b"", 0x6A86)
        if not self._fetched:
            return ResponseApdu(b"", 0x6985)
        if not command.data:
            return ResponseApdu(b"", 0x6700)
        ended = self._waiting.pop(0)
        self._fetched = False
        if tlv.parse(ended).children()[0].value[1] == _REFRESH:
            refreshed()
        return ResponseApdu(b"", 0x9000)


_PERFORMED = range(0x10)


def performed(response: bytes) -> bool:
    """Whether a TERMINAL RESPONSE says that the command was performed (ETSI TS 102 223 8.12)."""
    try:
        parts = tlv.parse_all(response)
    except tlv.TlvError:
        return False
    return any(part.tag & 0x7F == 0x03 and part.value[:1] and part.value[0] in _PERFORMED for part in parts)
