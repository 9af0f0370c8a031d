"""What a sequence will ask of a card, by what its states and steps have asked on average (card_work.json)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from pytest_euicc.lab.card_time import CardTime

Mean = tuple[float, float, float]
"""APDUs, RSP sessions and loads."""
FILE = Path(__file__).with_name("card_work.json")
READER, WHOLE = "in a reader", "put back as a whole"
UNCHANGED, CHANGED = "a sequence that changes nothing", "a sequence that changes the card"
_UNKNOWN: Mean = (4.0, 0.0, 0.0)


@cache
def _means() -> Mapping[str, Mapping[str, Mean]]:
    data: dict[str, dict[str, Mean]] = json.loads(FILE.read_text(encoding="utf-8"))
    return data


def expected(states: Iterable[str], actions: Iterable[str], *, changes: bool, whole: bool) -> Mean:
    """The work of a sequence.

    Args:
        states: all that it passes through, implied ones too.
        whole: the card is restored by a snapshot or by commands of the declaration, not by comparing its content.
    """
    means = _means()[WHOLE if whole else READER]
    causes = [CHANGED if changes else UNCHANGED, *(f"state {name}" for name in states)]
    causes += [f"step {name}" for name in actions]
    return total(means.get(cause, _UNKNOWN) for cause in causes)


def total(works: Iterable[Mean]) -> Mean:
    """All of them together."""
    apdus = authentications = loads = 0.0
    for work in works:
        apdus, authentications, loads = apdus + work[0], authentications + work[1], loads + work[2]
    return apdus, authentications, loads


def seconds(work: Mean, card: CardTime | None = None) -> float:
    """How long a card takes for it; that of the defaults of CardTime if None."""
    card = card or CardTime()
    return work[0] * card.apdu + work[1] * card.authentication + work[2] * card.load
