"""Proactive commands of the card: announced by 91xx, fetched, answered (ETSI TS 102 221 7.4.2, ETSI TS 102 223 6)."""

from __future__ import annotations

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.apdu import CommandApdu, ResponseApdu

_REFRESH, _SEND_SHORT_MESSAGE = 0x01, 0x13
_UICC_TO_TERMINAL, _UICC_TO_NETWORK = b"\x81\x82", b"\x81\x83"


class ProactiveSession:
    """The commands that wait, in their order; all of it is lost at reset."""

    def __init__(self) -> None:
        self._waiting: list[bytes] = []
        self._fetched = False

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
        details = tlv.encode(0x81, bytes([0x01, _REFRESH, qualifier]))
        self._waiting.append(tlv.encode(0xD0, details + tlv.encode(0x82, _UICC_TO_TERMINAL)))

    def send_message(self, tpdu: bytes) -> None:
        """Queue a SEND SHORT MESSAGE with an SMS-SUBMIT as it is (ETSI TS 102 223 6.6.9)."""
        details = tlv.encode(0x81, bytes([0x01, _SEND_SHORT_MESSAGE, 0x00]))
        parts = details + tlv.encode(0x82, _UICC_TO_NETWORK) + tlv.encode(0x8B, tpdu)
        self._waiting.append(tlv.encode(0xD0, parts))

    def announce(self, sw: int) -> int:
        """The status word to give for *sw*: 9000 becomes 91xx while a command is not fetched yet."""
        if sw == 0x9000 and self._waiting and not self._fetched:
            return 0x9100 | len(self._waiting[0]) & 0xFF
        return sw

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

    def terminal_response(self, command: CommandApdu) -> ResponseApdu:
        """TERMINAL RESPONSE (ETSI TS 102 221 11.2.4) to the command fetched; whatever it says ends that command."""
        if command.p1 or command.p2:
            return ResponseApdu(b"", 0x6A86)
        if not self._fetched:
            return ResponseApdu(b"", 0x6985)
        if not command.data:
            return ResponseApdu(b"", 0x6700)
        self._waiting.pop(0)
        self._fetched = False
        return ResponseApdu(b"", 0x9000)


_PERFORMED = range(0x10)


def performed(response: bytes) -> bool:
    """Whether a TERMINAL RESPONSE says that the command was performed (ETSI TS 102 223 8.12)."""
    try:
        parts = tlv.parse_all(response)
    except tlv.TlvError:
        return False
    return any(part.tag & 0x7F == 0x03 and part.value[:1] and part.value[0] in _PERFORMED for part in parts)
