"""How long an LPA is waited for: as long as it gets on, within bounds."""

from __future__ import annotations

import time
from collections.abc import Callable

_AT_MOST = 5


class Patience:
    """A time limit that begins anew with everything that crosses: a large package takes longer than a small one.

    Args:
        seconds: without anything; five times as long in all, for an LPA that repeats itself without end.
        progress: grows with what crosses.
    """

    def __init__(self, seconds: float, progress: Callable[[], int]) -> None:
        self._seconds = seconds
        self._progress = progress
        self._seen = progress()
        now = time.monotonic()
        self._until, self._end = now + seconds, now + _AT_MOST * seconds

    def went_on(self) -> None:
        """Something crossed that ``progress`` does not count."""
        self._until = min(time.monotonic() + self._seconds, self._end)

    def left(self) -> float:
        """Seconds that are left; 0 or less where time is over."""
        crossed = self._progress()
        if crossed != self._seen:
            self._seen = crossed
            self.went_on()
        return self._until - time.monotonic()
