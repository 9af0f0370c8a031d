"""Profiles of an inventory that sequences have taken, so that none serves two; workers share a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from pytest_euicc.conformance.smdp_access import OrderWish
from pytest_euicc.conformance.smdp_inventory import HeldProfile, serving


class Claims:
    """Places in an inventory that are taken.

    Args:
        folder: that all workers of a run share; None where there is one process.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._taken: list[int] = []
        self._alone: FileLock | None = None

    def take(self, places: Sequence[int]) -> int | None:
        """Take the first of the places that is free; None if none is."""
        with self._shared() as taken:
            free = next((place for place in places if place not in taken), None)
            if free is not None:
                taken.append(free)
            return free

    def pick(self, inventory: Sequence[HeldProfile], wish: OrderWish) -> HeldProfile | None:
        """The profile that serves a wish: one that may serve again and again, or one that is taken now."""
        if wish.by_eid and sum(not profile.matching_id for profile in inventory) > 1:
            # The server may choose any of them.
            return None
        found = serving(inventory, wish)
        place = found[0] if found and inventory[found[0]].reusable else self.take(found)
        return inventory[place] if place is not None else None

    @contextmanager
    def _shared(self) -> Iterator[list[int]]:
        if self._folder is None:
            yield self._taken
            return
        path = self._folder / "taken.json"
        with FileLock(self._folder / "taken.lock"):
            taken: list[int] = json.loads(path.read_text()) if path.exists() else []
            yield taken
            path.write_text(json.dumps(taken))

    def be_alone(self) -> None:
        """Keep other workers from what only one may do at a time, until `share`."""
        if self._folder is not None and self._alone is None:
            self._alone = FileLock(self._folder / "alone.lock")
            self._alone.acquire()

    def share(self) -> None:
        """Let others have their turn."""
        if self._alone is not None:
            self._alone.release()
            self._alone = None
