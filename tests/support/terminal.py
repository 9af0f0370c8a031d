"""A command in a terminal of its own, with somebody who reads and types."""

from __future__ import annotations

import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from fcntl import ioctl
from pathlib import Path

PATIENCE = 120.0


class Terminal:
    """A running command; ``shown`` is everything it has written so far, escape sequences included."""

    def __init__(
        self, command: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None, columns: int = 160
    ) -> None:
        self._own, there = pty.openpty()
        ioctl(self._own, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        self.process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=there,
            stdout=there,
            stderr=there,
            env={**os.environ, "TERM": "xterm", **(environment or {})},
            start_new_session=True,
            preexec_fn=lambda: ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(there)
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
        """Read until the command has ended; returns its exit status."""
        self._read(None)
        os.close(self._own)
        return self.process.wait()

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)

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
                self.shown += octets.decode(errors="replace")
