"""Where a long piece of work is, in one line for a person: what runs, how far it is, time gone and time left."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from pytest_euicc.text import printable

_SHORTEST = 30
_ELLIPSIS = "…"


class Progress:
    """Counts what has ended, and says how long the rest will take.

    Args:
        total: how many pieces there are.
        weights: how long each piece takes in any unit, by name; those not named count as the mean of the others.
    """

    def __init__(
        self, total: int, weights: Mapping[str, float] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.total = total
        self.done = 0
        self._clock = clock
        self._started = clock()
        self._weights = dict(weights or {})
        known = [weight for weight in self._weights.values() if weight > 0]
        self._mean = sum(known) / len(known) if known else 1.0
        self._weight_done = 0.0
        self._ended = self._started
        self._running: dict[str, str] = {}
        self._segment = ""

    def begin(self, name: str, group: str = "") -> None:
        """A piece begins."""
        self._running[name] = f"{group} {name}".strip()
        self._segment = ""

    def segment(self, number: int, total: int) -> None:
        """Segment *number*, from 1, of a load in the piece that runs is sent."""
        self._segment = f"segment {number}/{total}"

    def end(self, name: str) -> None:
        """A piece has ended."""
        self._running.pop(name, None)
        self._segment = ""
        self.done += 1
        self._weight_done += self._weight(name)
        self._ended = self._clock()

    def reached(self, done: int) -> None:
        """This number of pieces have ended."""
        self.done, self._weight_done, self._ended = done, done * self._mean, self._clock()

    @property
    def left(self) -> float | None:
        """Seconds until the end, by what the pieces so far have taken; None before the first has ended."""
        if not self._weight_done:
            return None
        whole = sum(self._weights.values()) + self._mean * max(0, self.total - len(self._weights))
        rest = (self._ended - self._started) * max(0.0, whole - self._weight_done) / self._weight_done
        return max(0.0, rest - (self._clock() - self._ended))

    def line(self, what: str = "") -> str:
        """All of it; *what* in place of the names of the pieces that run."""
        shown = what or ", ".join(self._running.values())
        left = self.left
        times = f"{duration(self._clock() - self._started)} gone"
        times += "" if left is None else f", {duration(left)} left"
        parts = [f"{min(self.done + len(self._running), self.total)}/{self.total} {shown}".rstrip()]
        return " · ".join(part for part in (*parts, self._segment, times) if part)

    def _weight(self, name: str) -> float:
        return self._weights.get(name, 0.0) or self._mean


def duration(seconds: float) -> str:
    """``0:07``, ``12:30`` or ``1:02:03``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def fitted(text: str, room: int) -> str:
    """The line cut to a number of columns, its middle left out where it is too long; empty where that says nothing."""
    text = printable(" ".join(text.split()))
    if len(text) <= room:
        return text
    if room < _SHORTEST:
        return ""
    # How far it is comes first and the times come last, so the name is what can be cut.
    head, separator, tail = text.partition(" · ")
    tail = separator + tail
    return (head[: max(0, room - len(tail) - 1)] + _ELLIPSIS + tail)[:room]


BEHIND = "\x1b7{}\x1b[K\x1b8"
"""Shows a text from the cursor to the end of its line and puts the cursor back (DECSC, EL, DECRC of ECMA-48)."""
