"""What sequences leave on a card beside profiles, noted in the journal and removed by the interface that knows it."""

from __future__ import annotations

from typing import Any, Protocol

from pytest_euicc.conformance.engine.arguments import Registry
from pytest_euicc.conformance.engine.context import Context


class Leftover(Protocol):
    """One kind of things; all data is JSON."""

    def held(self, context: Context) -> Any:
        """What the card holds before the run; None where it has nothing of that kind, or does not say."""

    def take_off(self, context: Context, before: Any, noted: list[dict[str, Any]]) -> None:
        """Take off what was noted and is still there; what remains is left behind.

        Args:
            before: what `held` returned when the run began that was cut short.
            noted: in order, what sequences of it noted before they changed the card.
        """


LEFTOVERS: Registry[Leftover] = Registry("kind of things that are left on a card")
"""By the name under which sequences note them (`Context.note`)."""


def held(context: Context) -> dict[str, Any]:
    """What the card holds of every kind that it has."""
    found = {name: each.held(context) for name, each in LEFTOVERS.entries.items()}
    return {name: value for name, value in found.items() if value is not None}


def take_off(context: Context, before: dict[str, Any], lines: list[dict[str, Any]]) -> None:
    """Take off what the lines of a journal say."""
    for name, each in LEFTOVERS.entries.items():
        noted = [line[name] for line in lines if name in line]
        if noted or name in before:
            each.take_off(context, before.get(name), noted)
