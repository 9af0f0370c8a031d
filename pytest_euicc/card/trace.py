"""Trace files: what went over a transport, for people to read and for `replay:` to play back.

One APDU a line: ``> `` command, ``< `` response, both in hexadecimal. ``# `` starts a comment; these carry meaning:

``# protocol: T=1``   before the first exchange
``# snapshots: yes``  the transport had snapshots
``# atr: 3B…``        the card was powered up or reset and answered this; nothing if a modem does not report it
``# section: title``  what follows belongs to one sequence
``# fault: text``     the command before it got no answer

Other ``# name: text`` lines before the first ATR (``# seed: …``) are kept for whoever replays the trace.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pytest_euicc.card.errors import TraceError
from pytest_euicc.files import open_file

_DIRECTIVE = re.compile(r"#\s*([a-z][a-z-]*):\s*(.*)")


_LONGEST = 1 << 19
"""Octets of a line: an extended response APDU has 131,076 hexadecimal digits, with blanks between."""


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
    """One sequence of a trace; the title of what comes before the first sequence is empty."""

    title: str
    line: int
    start: int
    """Where the line behind its title begins in the file."""
    end: int = 0
    last: int = 0
    """Its last line with an event."""


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
        """Whether the recorded transport had snapshots of its card."""
        return self.notes.get("snapshots") == "yes"

    @classmethod
    def load(cls, path: Path) -> Trace:
        """Read a trace once through; raises `TraceError` naming the line that cannot be read."""
        return _Reader(path).scan()

    def events(self, section: Section) -> Iterator[Event]:
        """The events of a section, read anew one by one: a section, too, may be larger than the memory.

        Raises:
            TraceError: while they are read, where a line cannot be read.
        """
        return _Reader(self.path).events(section)


class _Reader:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._trace = Trace(path, {}, [Section("", 1, 0)])
        self._pending: tuple[int, bytes] | None = None
        self._started = False
        self._kept: deque[Event] | None = None

    def scan(self) -> Trace:
        """All lines, their events thrown away."""
        for number, start, end, line in self._lines(0, 0, None):
            before = len(self._trace.sections)
            self._line(number, line)
            if len(self._trace.sections) > before:
                self._trace.sections[-2].end, self._trace.sections[-1].start = start, end
            self._trace.sections[-1].end = end
        self._finish()
        if not self._started:
            raise TraceError(f"{self._path}: no card was powered up in this trace (no line '# atr: …')")
        return self._trace

    def events(self, section: Section) -> Iterator[Event]:
        """Those of a section that `scan` found."""
        self._kept, self._started = deque(), section.start > 0
        first = section.line if section.start else 0
        for number, _, _, line in self._lines(section.start, first, section.end):
            self._line(number, line)
            while self._kept:
                yield self._kept.popleft()
        self._finish()
        yield from self._kept

    def _finish(self) -> None:
        if self._pending is not None:
            self._add(Event(self._pending[0], self._pending[1]))

    def _lines(self, at: int, number: int, end: int | None) -> Iterator[tuple[int, int, int, str]]:
        """Number, beginning, end and text of each line from an offset on."""
        try:
            with open_file(self._path) as file:
                file.seek(at)
                while (end is None or at < end) and (octets := file.readline(_LONGEST)):
                    number += 1
                    # A line that was not finished is what an interrupted recording leaves: it cannot be trusted.
                    if not octets.endswith(b"\n"):
                        if len(octets) == _LONGEST:
                            raise self._error(number, f"a line of more than {_LONGEST} octets")
                        return
                    yield number, at, at + len(octets), octets.decode().strip()
                    at += len(octets)
        except FileNotFoundError:
            raise TraceError(f"{self._path}: there is no such file") from None
        except (OSError, UnicodeDecodeError) as fault:
            reported = fault.strerror if isinstance(fault, OSError) else fault
            raise TraceError(f"{self._path}: the trace cannot be read: {reported}") from None

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
            # A modem does not report the ATR of its card.
            unreported = not text and "device" in self._trace.notes
            self._add(Event(number, atr=b"" if unreported else self._octets(number, f"# {text}")))
        elif name == "section":
            self._cut(number, "a section")
            self._trace.sections.append(Section(text, number, 0))
        elif name == "fault" and self._pending is not None:
            self._add(Event(self._pending[0], self._pending[1], fault=text))
        elif not self._started:
            self._trace.notes[name] = text

    def _cut(self, number: int, what: str) -> None:
        if self._pending is not None:
            raise self._error(number, f"{what}, but the command of line {self._pending[0]} has no response yet")

    def _add(self, event: Event) -> None:
        self._trace.sections[-1].last = event.line
        if self._kept is not None:
            self._kept.append(event)
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
