"""A transport and a card that follow a script, for tests that need to say octet by octet what happens."""

from __future__ import annotations

from collections.abc import Callable

ATR_T0 = bytes.fromhex("3B00")
ATR_T1 = bytes.fromhex("3B800181")


class Script:
    """Transport whose exchanges are given as ``command response`` lines in hexadecimal; anything else is a failure."""

    def __init__(self, text: str, protocol: str = "T=1") -> None:
        self.description = "script"
        self.protocol = protocol
        self.atr = b""
        self._lines = [line.split() for line in text.strip().splitlines() if line.strip()]

    def connect(self) -> None:
        self.reset()

    def transmit(self, apdu: bytes) -> bytes:
        assert self._lines, f"nothing more was expected, but {apdu.hex().upper()} came"
        command, response = self._lines.pop(0)
        assert apdu.hex().upper() == command, "another command than the script has"
        return bytes.fromhex(response)

    def reset(self) -> bytes:
        if self._lines and self._lines[0] == ["reset"]:
            self._lines.pop(0)
        self.atr = ATR_T1 if self.protocol == "T=1" else ATR_T0
        return self.atr

    def close(self) -> None:
        pass

    @property
    def done(self) -> bool:
        return not self._lines


class CardDouble:
    """A software card: an ATR, and a function that answers commands."""

    def __init__(self, answer: Callable[[bytes], bytes] = lambda apdu: apdu[5:] + b"\x90\x00", atr: bytes = ATR_T1):
        self.atr = atr
        self.answer = answer
        self.received: list[bytes] = []
        self.resets = 0

    def reset(self) -> bytes:
        self.resets += 1
        return self.atr

    def transmit(self, apdu: bytes) -> bytes:
        self.received.append(apdu)
        return self.answer(apdu)


class Direct:
    """A software card as a transport, without anything between."""

    description = "direct"
    protocol = "T=1"

    def __init__(self, card: CardDouble) -> None:
        self.card = card
        self.atr = b""

    def connect(self) -> None:
        self.reset()

    def transmit(self, apdu: bytes) -> bytes:
        return self.card.transmit(apdu)

    def reset(self) -> bytes:
        self.atr = self.card.reset()
        return self.atr

    def close(self) -> None:
        pass
