"""A modem with a software card, spoken to by AT commands (3GPP TS 27.007) through a pseudo-terminal.

For the transport ``at:`` and for any other program that reaches an eUICC through a modem.
"""

from __future__ import annotations

import os
import re
import select
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from pytest_euicc.card.apdu import CommandApdu, ResponseApdu, cla_on_channel

_TERMINAL_PROFILE = bytes.fromhex("80100000041300E802")
_FETCH, _TERMINAL_RESPONSE, _REFRESH = 0x12, 0x14, 0x01
_CLOSING = 0x80
_CCHO = re.compile(r'AT\+CCHO="([0-9A-F]{10,32})"', re.IGNORECASE)
_CCHC = re.compile(r"AT\+CCHC=(\d+)", re.IGNORECASE)
_APDU = re.compile(r'AT\+(?:CSIM=|CGLA=(\d+),)(\d+),"?([0-9A-F]*)"?', re.IGNORECASE)
_TESTS = ("AT+CCHO=?", "AT+CCHC=?", "AT+CGLA=?", "AT+CSIM=?")
_PLAIN = ("AT", "ATE0", "ATE1", "AT+CMEE=0", "AT+CMEE=1", "AT+CMEE=2")


class ModemCard(Protocol):
    """A card as a modem holds it."""

    def reset(self) -> bytes:
        """Power up or reset; returns the ATR."""

    def transmit(self, apdu: bytes) -> bytes:
        """Answer one command APDU with data and SW1 SW2."""


@dataclass
class Quirks:
    """How modems differ.

    Attributes:
        line_end: around results and lines.
        unsolicited: lines that come before the result of every command.
        piece: octets that are written at once; 0 for all.
        wrap: hex digits in a line of an answer; 0 for all in one.
        lower_case: hex digits.
        cme: results as words (``text``), numbers (``number``), or a bare ERROR.
        longest: characters of a command line that it takes.
        logical_channels: it has AT+CCHO, AT+CGLA and AT+CCHC.
        csim: it has AT+CSIM.
        basic: it passes commands on the basic channel on by AT+CSIM.
        first_session: numbers of sessions begin here.
        octets: lengths in answers count octets, not characters.
        plain_session: AT+CCHO is answered by a number alone.
        busy: how many commands for the card are refused as busy after it was reset.
    """

    line_end: str = "\r\n"
    unsolicited: tuple[str, ...] = ()
    piece: int = 0
    wrap: int = 0
    lower_case: bool = False
    cme: str = "text"
    longest: int = 1024
    logical_channels: bool = True
    csim: bool = True
    basic: bool = True
    first_session: int = 1
    octets: bool = False
    plain_session: bool = False
    busy: int = 0


class _Refusal(Exception):
    """A result code other than OK: number and words of +CME ERROR (3GPP TS 27.007 9.2)."""

    def __init__(self, number: int, words: str) -> None:
        super().__init__(words)
        self.number = number


class SimulatedModem:
    """The terminal of *card*: it starts the card, fetches proactive commands, and resets the card at REFRESH."""

    def __init__(self, card: ModemCard, quirks: Quirks | None = None) -> None:
        self.card = card
        self.quirks = quirks or Quirks()
        self.sessions: dict[int, int] = {}
        """The channel of each session that is open."""
        self.commands: list[str] = []
        """Every command line received, the first first."""
        self._echo = True
        self._busy = 0
        self._start()

    def answer(self, line: str) -> list[str]:
        """The lines for a command line, its echo and its result among them."""
        self.commands.append(line)
        lines = [line] if self._echo else []
        lines += self.quirks.unsolicited
        try:
            lines += self._execute(line)
        except _Refusal as refusal:
            reported = {"text": f"+CME ERROR: {refusal}", "number": f"+CME ERROR: {refusal.number}"}
            return [*lines, reported.get(self.quirks.cme, "ERROR")]
        return [*lines, "OK"]

    def forget_sessions(self) -> None:
        """Close all sessions without telling anybody, as modems do when the card was reset."""
        for channel in self.sessions.values():
            self.card.transmit(bytes([0x00, 0x70, _CLOSING, channel]))
        self.sessions.clear()

    def _execute(self, line: str) -> list[str]:
        upper = line.upper()
        if len(line) > self.quirks.longest:
            raise _Refusal(24, "text string too long")
        if upper in _PLAIN:
            self._echo = {"ATE0": False, "ATE1": True}.get(upper, self._echo)
            return []
        if upper in _TESTS and (self.quirks.csim if "CSIM" in upper else self.quirks.logical_channels):
            return []
        if upper == "AT+CPIN?":
            self._see_busy()
            return ["+CPIN: READY"]
        if upper == "AT+CFUN=0":
            self.sessions.clear()
            return []
        if upper == "AT+CFUN=1":
            self._start()
            return []
        if self.quirks.logical_channels:
            opening, closing = _CCHO.fullmatch(line), _CCHC.fullmatch(line)
            if opening is not None:
                return [self._open(bytes.fromhex(opening[1]))]
            if closing is not None:
                return self._close(int(closing[1]))
        found = _APDU.fullmatch(line)
        has = self.quirks.logical_channels if found is not None and found[1] else self.quirks.csim
        if found is None or not has:
            raise _Refusal(100, "unknown")
        return self._pass_on(found[1], int(found[2]), found[3])

    def _see_busy(self) -> None:
        if self._busy:
            self._busy -= 1
            raise _Refusal(14, "SIM busy")

    def _start(self) -> None:
        self.sessions.clear()
        self._busy = self.quirks.busy
        self.card.reset()
        self._exchange(_TERMINAL_PROFILE)

    def _open(self, aid: bytes) -> str:
        self._see_busy()
        opened = self._exchange(bytes.fromhex("0070000001"))
        if opened.sw != 0x9000:
            raise _Refusal(20, "memory full")
        channel = opened.data[0]
        selected = self._exchange(CommandApdu(cla_on_channel(0x00, channel), 0xA4, 0x04, 0x00, aid).encode())
        if not selected.ok and selected.sw1 != 0x61:
            self._exchange(bytes([0x00, 0x70, _CLOSING, channel]))
            raise _Refusal(22, "not found")
        session = next(number for number in range(self.quirks.first_session, 1 << 16) if number not in self.sessions)
        self.sessions[session] = channel
        return str(session) if self.quirks.plain_session else f"+CCHO: {session}"

    def _close(self, session: int) -> list[str]:
        if session not in self.sessions:
            raise _Refusal(21, "invalid index")
        self._exchange(bytes([0x00, 0x70, _CLOSING, self.sessions.pop(session)]))
        return ["+CCHC"]

    def _pass_on(self, session: str | None, length: int, digits: str) -> list[str]:
        self._see_busy()
        if length != len(digits) or length % 2 or length < 8:
            raise _Refusal(50, "incorrect parameters")
        command = bytes.fromhex(digits)
        if session is None and not self.quirks.basic:
            raise _Refusal(3, "operation not allowed")
        if session is not None and session != "0":
            if int(session) not in self.sessions:
                raise _Refusal(21, "invalid index")
            command = bytes([cla_on_channel(command[0], self.sessions[int(session)])]) + command[1:]
        octets = self._exchange(command).encode().hex()
        octets = octets if self.quirks.lower_case else octets.upper()
        reported = len(octets) // 2 if self.quirks.octets else len(octets)
        text = f'+{"CSIM" if session is None else "CGLA"}: {reported},"{octets}"'
        wrap = self.quirks.wrap or len(text)
        return [text[at : at + wrap] for at in range(0, len(text), wrap)]

    def _exchange(self, command: bytes) -> ResponseApdu:
        """Pass a command on, and do what the card wants of its terminal."""
        answer = ResponseApdu.parse(self.card.transmit(command))
        waiting = answer
        while waiting.sw1 == 0x91:
            fetched = ResponseApdu.parse(self.card.transmit(bytes([0x80, _FETCH, 0, 0, waiting.sw2])))
            details = fetched.data[fetched.data.find(b"\x81\x03") + 2 :][:3]
            if details[1:2] == bytes([_REFRESH]):
                self._start()
                break
            # Performed successfully, from the device to the card (ETSI TS 102 223 6.8).
            response = b"\x81\x03" + details + bytes.fromhex("82028281830100")
            reply = self.card.transmit(bytes([0x80, _TERMINAL_RESPONSE, 0, 0, len(response)]) + response)
            waiting = ResponseApdu.parse(reply)
        return answer


class ModemPort:
    """A pseudo-terminal at which a modem answers, in a thread of its own; ``device`` is its name.

    Args:
        answer: lines for a command line; None keeps silent. `SimulatedModem.answer` or another function.
    """

    def __init__(
        self, answer: Callable[[str], list[str] | None], quirks: Quirks | None = None, raw: bytes | None = None
    ) -> None:
        # Not on Windows.
        import pty
        import tty

        self._answer = answer
        self._quirks = quirks or Quirks()
        self._raw = raw
        self._own, self._other = pty.openpty()
        tty.setraw(self._other)
        self.device = os.ttyname(self._other)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self.run, name="modem", daemon=True)

    def start(self) -> None:
        """Answer in a separate thread."""
        self._thread.start()

    def stop(self) -> None:
        """Unplug the modem."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        os.close(self._own)
        os.close(self._other)

    def run(self) -> None:
        """Answer until `stop` is called."""
        received = b""
        while not self._ended.is_set():
            if not select.select([self._own], [], [], 0.05)[0]:
                continue
            received += os.read(self._own, 4096)
            *lines, received = received.replace(b"\n", b"").split(b"\r")
            for line in lines:
                self._reply(line.decode("latin-1"))

    def _reply(self, line: str) -> None:
        lines = self._answer(line)
        if self._raw is not None:
            self._write(self._raw)
        if lines is None:
            return
        end = self._quirks.line_end
        octets = "".join(f"{end}{each}{end}" for each in lines).encode("latin-1")
        size = self._quirks.piece or len(octets)
        for at in range(0, len(octets), size or 1):
            self._write(octets[at : at + size])

    def _write(self, octets: bytes) -> None:
        """All of it, unless the modem is unplugged while nobody reads."""
        os.set_blocking(self._own, False)
        while octets and not self._ended.is_set():
            if select.select([], [self._own], [], 0.05)[1]:
                octets = octets[os.write(self._own, octets) :]
