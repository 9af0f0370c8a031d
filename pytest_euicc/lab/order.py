"""The order in which sequences take least from a card: those after which profiles of its own are gone come last."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from pytest_euicc.conformance.files.vector import Sequence

Thing = TypeVar("Thing")

_RESETTING_STATES = ("no_profiles",)
_RESETTING_ACTIONS = ("es10c.euicc_memory_reset", "es10b_iot.euicc_memory_reset")
_DELETING_ACTIONS = ("es10c.delete_profile", "es10b_iot.load_euicc_package")
_FILLING = "lpa.fill_memory"
"""What is deleted after it was installed by it; that takes the longer the more room there is."""


def takes(sequence: Sequence) -> int:
    """How much of the card's own is gone after a sequence: 0 nothing, 1 perhaps one profile, 2 all of them.

    What is gone has to be downloaded again for every later sequence that needs a profile.
    """
    states = [(call.name, call.arguments) for call in sequence.given]
    actions = [step.action for step in (*sequence.steps, *sequence.finally_)]
    if any(name in _RESETTING_STATES for name, _ in states) or any(name in _RESETTING_ACTIONS for name in actions):
        return 2
    deleted = any(name == "notification" and arguments.get("event") == "delete" for name, arguments in states)
    deleted |= _FILLING not in actions and any(name in _DELETING_ACTIONS for name in actions)
    return int(deleted)


def for_card(things: Iterable[Thing], sequence_of: Callable[[Thing], Sequence | None]) -> list[Thing]:
    """The sequences among these in this order, each group in the order it had; everything else keeps its place.

    Args:
        sequence_of: None for a test that is no sequence.
    """
    ordered = list(things)
    places = [(at, found) for at, thing in enumerate(ordered) if (found := sequence_of(thing)) is not None]
    chosen = sorted(places, key=lambda place: takes(place[1]))
    moved = [ordered[at] for at, _ in chosen]
    for (at, _), thing in zip(places, moved, strict=True):
        ordered[at] = thing
    return ordered
