"""AT commands over a serial port (ITU-T V.250, 3GPP TS 27.007): one command, its lines, its result, within a time."""

from __future__ import annotations

import importlib
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from pytest_euicc.card.errors import CardError, CardMute, MalformedAnswer, NoReader, ReaderBusy, ReaderGone
from pytest_euicc.text import printable

if TYPE_CHECKING:
    from serial import Serial

_LARGEST = 1 << 18
"""Octets of one answer; the largest of an APDU with unsolicited lines between has a hundredth of it."""
_SLICE = 0.2
_SHOWN = 120
_LINE_ENDS = re.compile(rb"[\r\n]+")
_REFUSALS = ("ERROR", "+CME ERROR", "+CMS ERROR", "COMMAND NOT SUPPORT", "ABORTED")
_INSTALL = "the transport at: needs pyserial: pip install 'pytest-euicc[modem]'"


class AtRefused(CardError):
    """The modem refused a command; ``result`` is what it answered, such as ``+CME ERROR: SIM busy``."""

    def __init__(self, port: str, command: str, result: str) -> None:
        super().__init__(f"{port}: {shown(command)} was answered with {shown(result)}")
        self.result = result

    @property
    def cause(self) -> str:
        """The code or the words after ``+CME ERROR:``, in small letters; empty for a bare ERROR."""
        return self.result.partition(":")[2].strip().lower()


class AtPort:
    """A modem's port for AT commands, for this process alone.

    Args:
        device: such as ``/dev/ttyUSB2`` or ``COM5``.
        seconds: for one command with its answer.
    """

    def __init__(self, device: str, baud: int, seconds: float) -> None:
        self.device = device
        self._baud = baud
        self._seconds = seconds
        self._serial: Serial | None = None
        self._received = b""
        self._mute = False

    def open(self) -> None:
        """Open the port and see that a modem answers.

        Raises:
            CardError: it cannot be opened, or nothing answers.
        """
        try:
            import serial
        except ImportError as fault:
            raise CardError(f"{_INSTALL} ({fault})") from None
        try:
            self._serial = serial.Serial(
                self.device, self._baud, timeout=_SLICE, write_timeout=self._seconds, exclusive=True
            )
        except (OSError, ValueError) as fault:
            raise self._not_opened(fault) from None
        self.synchronise()

    def synchronise(self) -> None:
        """Whatever was under way: the next answer is that of the next command.

        Raises:
            CardMute: nothing answers.
        """
        self._mute = False
        until = time.monotonic() + self._seconds
        for last in (False, False, True):
            try:
                self.command("AT", seconds=max(_SLICE, (until - time.monotonic()) / (1 if last else 3)))
            except AtRefused:
                # The end of a command that was cut off.
                continue
            except CardMute:
                self._mute = False
                if last:
                    raise CardMute(
                        f"{self.device}: nothing answers to AT within {self._seconds:g} s; is it the port for AT "
                        "commands (a modem has several), and does no other program, such as ModemManager, use it?"
                    ) from None
            else:
                return

    def close(self) -> None:
        """Give the port back; closing twice is harmless."""
        if self._serial is not None:
            with suppress(OSError):
                self._serial.close()
        self._serial = None

    def command(self, text: str, *, seconds: float | None = None) -> list[str]:
        """Send a command; returns the lines before OK, without its echo, unsolicited ones among them.

        Raises:
            AtRefused: the result is an error.
            CardError: there is no result in time, or no end to it, or the port is gone.
        """
        if self._serial is None:
            raise ReaderGone(f"{self.device}: not connected")
        if self._mute:
            raise CardMute(f"{self.device}: the modem did not answer earlier; nothing more is sent to it until a reset")
        seconds = self._seconds if seconds is None else seconds
        lines: list[str] = []
        until, octets = time.monotonic() + seconds, 0
        try:
            self._serial.reset_input_buffer()
            self._received = b""
            self._serial.write(text.encode("ascii") + b"\r")
            while True:
                for line in self._complete():
                    if line == "OK":
                        return lines
                    if line.upper().startswith(_REFUSALS):
                        raise AtRefused(self.device, text, line)
                    if line != text:
                        lines.append(line)
                if time.monotonic() >= until:
                    raise self._no_end(text, seconds, [*lines, self._received.decode("latin-1")])
                more = self._serial.read(max(1, self._serial.in_waiting))
                self._received += more
                octets += len(more)
                if octets > _LARGEST:
                    self._mute = True
                    raise MalformedAnswer(
                        f"{self.device}: more than {_LARGEST} octets came after {shown(text)}, and no result code; "
                        f"the last are {shown(self._received[-_SHOWN:].decode('latin-1'))}"
                    )
        except _port_faults() as fault:
            # pyserial passes on what the system raises, and raises TypeError where its port was closed under it.
            raise ReaderGone(f"{self.device}: the port went away while it was in use: {fault}") from None

    def _complete(self) -> list[str]:
        """The lines that have ended, whatever ends them: CR, LF, or several of them."""
        *ended, self._received = _LINE_ENDS.split(self._received)
        return [text for text in (line.decode("latin-1").strip() for line in ended) if text]

    def _no_end(self, text: str, seconds: float, received: list[str]) -> CardError:
        self._mute = True
        last = next((line for line in reversed(received) if line), "")
        reported = f"the last it sent is {shown(last)}" if last else "it sent nothing"
        return CardMute(
            f"{self.device}: no result of {shown(text)} within {seconds:g} s; {reported}. --euicc-timeout gives slow "
            "modems more time"
        )

    def _not_opened(self, fault: Exception) -> CardError:
        reported = str(fault)
        number = getattr(fault, "errno", None)
        if number == 2 or "FileNotFound" in reported:
            return NoReader(f"{self.device}: there is no such port; is the modem attached?")
        if number == 13 or "Permission" in reported:
            return CardError(f"{self.device}: not permitted; on Linux the user must be in the group dialout")
        if number in (11, 16) or "lock" in reported:
            return ReaderBusy(f"{self.device}: another program or another worker uses it ({reported})")
        return NoReader(f"{self.device}: cannot be opened: {reported}")


def _port_faults() -> tuple[type[Exception], ...]:
    """What pyserial raises where a port goes away."""
    try:
        return OSError, TypeError, importlib.import_module("termios").error
    except ImportError:
        # Windows.
        return OSError, TypeError


def shown(text: str) -> str:
    """A line for a message: printable, and not too long."""
    text = printable(text).replace("\n", "\\n").replace("\t", "\\t")
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text)} characters)"
