"""A card for this process alone, out of those of a product: the first one that nobody else uses.

A lease is a lock on a file, which the system frees when the process ends in any way: a worker that is killed leaves
its card to the next one. Readers and ports have locks of their own against other runs.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from filelock import FileLock, Timeout

from pytest_euicc.card.errors import CardError, ReaderBusy
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.lab.contradictions import OtherCard

T = TypeVar("T")

PATIENCE = 30.0
"""Seconds to wait for a card that another process uses: one that is asked for its EID is used for a moment."""
_PAUSE = 0.3
_SAME = ("svn", "firmware")


class NoFreeCard(PytestEuiccError):
    """No card of a product can be had."""


class NotTheSame(PytestEuiccError):
    """A card is not of the same product as the others."""


class Lease:
    """One card of a product among the workers of a run.

    Args:
        folder: shared by them; None where there is one process.
        number: which card of the product.
    """

    def __init__(self, folder: Path | None, product: str, number: int) -> None:
        file = None if folder is None else folder / f"card-{product}-{number}.lock"
        self._lock = None if file is None else FileLock(file, thread_local=False)

    def take(self) -> Lease:
        """Take it, and return itself.

        Raises:
            ReaderBusy: another worker has it.
        """
        try:
            if self._lock is not None:
                self._lock.acquire(timeout=0)
        except Timeout:
            raise ReaderBusy("in use by another worker of this run") from None
        return self

    def release(self) -> None:
        """Give it back; harmless when it is not held."""
        if self._lock is not None:
            self._lock.release()


def lease(
    product: str,
    cards: Sequence[str],
    open_card: Callable[[int, str], T],
    *,
    first: int = 0,
    patience: float = PATIENCE,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """What *open_card* returns for the first card that can be had.

    Args:
        product: its name, for messages.
        cards: as for ``--euicc``.
        open_card: takes one of them with its place in *cards*.
        first: which to try first, so that workers do not all begin with the same.
        patience: seconds to wait while cards are in use.

    Raises:
        NoFreeCard: none can be had; the message says why of each.
    """
    if not cards:
        raise NoFreeCard(f"{product}: no card on this host; `host:` in the pool file says where a card is")
    until = clock() + patience
    start = first % len(cards)
    while True:
        faults: dict[int, PytestEuiccError] = {}
        for number in (*range(start, len(cards)), *range(start)):
            try:
                return open_card(number, cards[number])
            except (CardError, OtherCard, NotTheSame) as fault:
                faults[number] = fault
        if not any(isinstance(fault, ReaderBusy) for fault in faults.values()) or clock() >= until:
            reported = "".join(f"\n  {cards[number]}: {fault}" for number, fault in faults.items())
            raise NoFreeCard(f"{product}: none of its cards can be used:{reported}")
        sleep(_PAUSE)


def check_same(folder: Path | None, product: str, described: dict[str, str]) -> None:
    """See that a card reports about itself what the first card of its product said.

    Args:
        folder: shared by the workers of a run; None where there is one process.
        described: what it reports about itself, in words.

    Raises:
        NotTheSame: it does not.
    """
    if folder is None:
        return
    reported = {name: described.get(name, "not reported") for name in _SAME}
    file, own = folder / f"product-{product}.json", folder / f"product-{product}.{os.getpid()}"
    own.write_text(json.dumps(reported), encoding="utf-8")
    try:
        # A link is made at once and by one process alone, with all that is in it.
        os.link(own, file)
    except FileExistsError:
        others = json.loads(file.read_text(encoding="utf-8"))
        differing = [f"{name} {reported[name]}, not {others[name]}" for name in _SAME if reported[name] != others[name]]
        if differing:
            eid = described.get("eid", "not reported")
            raise NotTheSame(
                f"the card with EID {eid} has {' and '.join(differing)} as the first card "
                f"of {product}: it is another product. Give it a declaration and an entry of its own in the pool file"
            ) from None
    finally:
        own.unlink(missing_ok=True)
