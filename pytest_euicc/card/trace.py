"""Trace files: what went over a transport, for people to read and for `replay:` to play back.

One APDU a line: ``> `` command, ``< `` response, both in hexadecimal. ``# `` starts a comment; these carry meaning:

``# protocol: T=1``   before the first exchange
``# snapshots: yes``  the transport had snapshots
``# atr: 3B…``        the card was powered up or reset and answered this
``# section: title``  what follows belongs to one sequence
``# fault: text``     the command before it got no answer

Other ``# name: text`` lines before the first ATR (``# seed: …``) are kept for whoever replays the trace.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path

from pytest_euicc.card.errors import TraceError

_DIRECTIVE = re.compile(r"#\s*([a-z][a-z-]*):\s*(.*)")


@dataclass(frozen=True)
class Event:
    """One thing that happened, and the line where it stands.

    A command with its response, or with the fault it ended in (neither: the recording stops there), or a reset with
    the `atr`.
    """

    line: int
    command: bytes = b""
    response: bytes | None = None
    atr: bytes | None = None
    fault: str | None = None


@dataclass
class Section:
    """The events of one sequence; the title of what comes before the first sequence is empty."""

    title: str
    line: int
    events: list[Event] = field(default_factory=list)


@dataclass
class Trace:
    """A whole trace. `notes` are the named comments before the first event."""

    path: Path
    notes: dict[str, str]
    sections: list[Section]

    @property
    def protocol(self) -> str:
        """``T=0`` or ``T=1``."""
        return self.notes.get("protocol", "T=1")

    @property
    def snapshots(self) -> bool:
        """Whether the recorded transport could put its card back."""
        return self.notes.get("snapshots") == "yes"

    @classmethod
    def load(cls, path: Path) -> Trace:
        """Read a trace; raises `TraceError` naming the line that cannot be read."""
        return _Reader(path).read()


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._trace = Trace(path, {}, [Section("", 1)])
        self._pending: tuple[int, bytes] | None = None
        self._started = False

    def read(self) -> Trace:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise TraceError(f"{self._path}: there is no such file") from None
        except (OSError, UnicodeDecodeError) as fault:
            raise TraceError(f"{self._path}: the trace cannot be read: {fault}") from None
        lines = text.splitlines()
        # A line that was not finished is what an interrupted recording leaves: its octets cannot be trusted.
        if text and not text.endswith("\n"):
            lines.pop()
        for number, line in enumerate(lines, start=1):
            self._line(number, line.strip())
        if self._pending is not None:
            self._add(Event(self._pending[0], self._pending[1]))
        if not self._started:
            raise TraceError(f"{self._path}: no card was powered up in this trace (no line '# atr: …')")
        return self._trace

    def _line(self, number: int, line: str) -> None:
        if line.startswith(">"):
            if self._pending is not None:
                raise self._error(number, f"a command, but that of line {self._pending[0]} has no response yet")
            if not self._started:
                raise self._error(number, "a command before the card was powered up (no line '# atr: …' so far)")
            self._pending = (number, self._octets(number, line))
        elif line.startswith("<"):
            if self._pending is None:
                raise self._error(number, "a response without a command before it")
            response = self._octets(number, line)
            if len(response) < 2:
                raise self._error(number, "a response has at least the two octets SW1 SW2")
            self._add(Event(self._pending[0], self._pending[1], response))
        elif line.startswith("#"):
            self._comment(number, line)
        elif line:
            raise self._error(number, f"neither '> ' command, '< ' response nor '#' comment: {line[:40]}")

    def _comment(self, number: int, line: str) -> None:
        match = _DIRECTIVE.match(line)
        if match is None:
            return
        name, text = match[1], match[2].strip()
        if name == "atr":
            self._cut(number, "a reset")
            self._started = True
            self._add(Event(number, atr=self._octets(number, f"# {text}")))
        elif name == "section":
            self._cut(number, "a section")
            self._trace.sections.append(Section(text, number))
        elif name == "fault" and self._pending is not None:
            self._add(Event(self._pending[0], self._pending[1], fault=text))
        elif not self._started:
            self._trace.notes[name] = text

    def _cut(self, number: int, what: str) -> None:
        if self._pending is not None:
            raise self._error(number, f"{what}, but the command of line {self._pending[0]} has no response yet")

    def _add(self, event: Event) -> None:
        self._trace.sections[-1].events.append(event)
        self._pending = None

    def _octets(self, number: int, line: str) -> bytes:
        text = line[1:].replace(" ", "")
        try:
            octets = bytes.fromhex(text)
        except ValueError:
            raise self._error(number, f"not hexadecimal, or half an octet: {text[:40] or 'nothing'}") from None
        if not octets:
            raise self._error(number, "no octets")
        return octets

    def _error(self, number: int, text: str) -> TraceError:
        return TraceError(f"{self._path}:{number}: {text}")
