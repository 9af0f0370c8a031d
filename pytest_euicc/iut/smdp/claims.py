"""Which profiles of an inventory are in use, so that each is used once; workers share a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from filelock import FileLock


class Claims:
    """Positions in an inventory that are in use.

    Args:
        folder: shared by all workers of a run; None for a single process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._taken: list[int] = []
        self._alone: FileLock | None = None

    def take(self, places: Sequence[int]) -> int | None:
        """Claim the first position that is free; None if none is."""
        with self._shared() as taken:
            free = next((place for place in places if place not in taken), None)
            if free is not None:
                taken.append(free)
            return free

    @contextmanager
    def _shared(self) -> Iterator[list[int]]:
        if self._folder is None:
            yield self._taken
            return
        path = self._folder / "taken.json"
        with _lock(self._folder / "taken.lock"):
            taken: list[int] = json.loads(path.read_text()) if path.exists() else []
            yield taken
            path.write_text(json.dumps(taken))

    def be_alone(self) -> None:
        """Exclude other workers, until `share`."""
        if self._folder is not None and self._alone is None:
            self._alone = _lock(self._folder / "alone.lock")
            self._alone.acquire()

    def share(self) -> None:
        """Let other workers continue."""
        if self._alone is not None:
            self._alone.release()
            self._alone = None


def _lock(path: Path) -> FileLock:
    # A process that shares with no others starts without it.
    from filelock import FileLock

    return FileLock(path)
