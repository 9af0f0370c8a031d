"""The registry of states: what a sequence starts from.

A state is a generator ``(context, *, arguments…)``: it brings the card there, yields, and undoes what it did. Every
state says what it could not undo by ``context.left_behind``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_euicc.conformance.registry import Parameters, Registry

if TYPE_CHECKING:
    from pytest_euicc.conformance.context import Context

StateFunction = Callable[..., Generator[None, None, None]]


class Unreachable(Exception):
    """A state cannot be reached; the sequence is inconclusive. The text says what was missing."""


class NotPermitted(Exception):
    """The card must not be changed; the sequence is not applicable. The text says how to permit it."""


@dataclass(frozen=True)
class State:
    """A registered state; ``implies`` are reached before it when they were not yet."""

    name: str
    title: str
    function: StateFunction
    parameters: Parameters
    implies: tuple[str, ...]

    def __call__(self, context: Context, arguments: dict[str, Any]) -> Generator[None, None, None]:
        """The generator for arguments as written (references resolved)."""
        return self.function(context, **self.parameters.bind(arguments))


STATES: Registry[State] = Registry("state")


def state(name: str, *, implies: tuple[str, ...] = ()) -> Callable[[StateFunction], StateFunction]:
    """Register a state; the first line of its docstring is its title."""

    def register(function: StateFunction) -> StateFunction:
        title = (function.__doc__ or name).strip().splitlines()[0].rstrip(".")
        STATES.add(name, State(name, title, function, Parameters(function), implies))
        return function

    return register


def closure(names: list[str]) -> list[str]:
    """All states that reaching ``names`` in order passes through, each once, implied ones first."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name not in ordered:
            for implied in STATES.get(name).implies:
                visit(implied)
            ordered.append(name)

    for name in names:
        visit(name)
    return ordered
