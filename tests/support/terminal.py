"""A run of pytest in a terminal of its own, with somebody who reads and types."""

from __future__ import annotations

import os
import pty
import select
import termios
import time
from pathlib import Path

from tests.support.forked import PytestRun

PATIENCE = 120.0


class Terminal:
    """A run with these arguments; ``shown`` is everything it has written so far, escape sequences included."""

    def __init__(self, arguments: list[str], folder: Path) -> None:
        # It stays open until the run has it open as well.
        self._own, self._there = pty.openpty()
        termios.tcsetwinsize(self._there, (40, 160))
        self._process = PytestRun(arguments, folder, os.ttyname(self._there))
        self.shown = ""
        self._seen = 0

    def until(self, text: str) -> str:
        """Read until *text* has been shown behind that of the last call; returns what comes before it."""
        self._read(text)
        at = self.shown.index(text, self._seen)
        before, self._seen = self.shown[self._seen : at], at + len(text)
        return before

    def type(self, text: str) -> None:
        os.write(self._own, text.encode())

    def end(self) -> int:
        """Read until the run has ended; returns its exit status."""
        self._read(None)
        os.close(self._own)
        return self._process.wait()

    def _read(self, text: str | None) -> None:
        until = time.monotonic() + PATIENCE
        while text is None or text not in self.shown[self._seen :]:
            assert time.monotonic() < until, f"{text!r} was not shown within {PATIENCE:g} s: {self.shown[-3000:]}"
            if select.select([self._own], [], [], 0.5)[0]:
                try:
                    octets = os.read(self._own, 65536)
                except OSError:
                    # EIO: the other side is closed (Linux).
                    octets = b""
                if not octets:
                    assert text is None, f"ended before {text!r} was shown: {self.shown[-3000:]}"
                    return
                if not self.shown:
                    os.close(self._there)
                self.shown += octets.decode(errors="replace")
