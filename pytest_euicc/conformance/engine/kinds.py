"""Kinds of implementations under test: how a session with one is set up for a sequence and restored after it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Literal, Protocol

from pytest_euicc.conformance.engine.arguments import Registry
from pytest_euicc.conformance.engine.bench import Bench
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import SetupIncomplete


@dataclass
class Undo:
    """The states that a sequence has reached, or begun to, as generators that undo them."""

    context: Context
    states: list[tuple[str, Generator[None, None, None]]] = field(default_factory=list)

    def run(self) -> None:
        """Let every state undo what it did, the last one first; what it cannot is left behind."""
        for name, generator in reversed(self.states):
            with self.context.undoing(f"clean-up of state {name}"):
                next(generator, None)

    def forget(self) -> None:
        """What states would undo is restored in another way."""
        for _, generator in self.states:
            with suppress(Exception):
                generator.close()


class Preparation(Protocol):
    """What was done before a sequence so that the implementation can be restored after it."""

    def restore(self, undo: Undo) -> None:
        """Restore the implementation; what cannot be restored is in ``left_behind`` of the context."""


class Kind(Protocol):
    """A kind of implementation under test."""

    @property
    def title(self) -> str:
        """For people, with an article: ``an eUICC``."""

    @property
    def answer(self) -> Literal["sw", "status"]:
        """What its answers are judged by first: a status word, or the status of a function over HTTP."""

    @property
    def harness(self) -> str:
        """Name of the fixture that opens one: a `Harness` for the run."""

    def prepare(self, context: Context, *, changes: bool) -> Preparation:
        """Set up what a sequence needs before its first state.

        Args:
            changes: whether the sequence changes the implementation by what is written in it.

        Raises:
            NotPermitted: it must not be changed.
            Exception: the sequence is inconclusive, as `cause_of` says.
        """


KINDS: Registry[Kind] = Registry("kind of implementation under test (iut)")
"""By the name that ``iut:`` of a vector and of a declaration gives."""


class OnServer:
    """A kind of server: what a sequence needs is ordered by its states, which also withdraw it."""

    answer: Literal["sw", "status"] = "status"
    harness = "smdp_harness"

    def __init__(self, title: str) -> None:
        self.title = title

    def prepare(self, _context: Context, *, changes: bool) -> Preparation:  # noqa: ARG002
        """Nothing: servers are changed by what states order alone."""
        return self

    def restore(self, undo: Undo) -> None:
        """Let states withdraw what they ordered."""
        undo.run()


class BetweenCardAndServers:
    """An LPA, whose card and servers are the tester's own: the bench makes them anew for each sequence."""

    title = "an LPA"
    answer: Literal["sw", "status"] = "status"
    harness = "lpa_harness"

    def prepare(self, context: Context, *, changes: bool) -> Preparation:  # noqa: ARG002
        """Set up the bench.

        Raises:
            SetupIncomplete: the session has none.
        """
        bench = context.session.bench
        if bench is None:
            raise SetupIncomplete("there is no LPA in this session; give --lpa own or --lpa FILE")
        bench.begin(context.random.getrandbits(64))
        return _BenchEnd(bench)


@dataclass
class _BenchEnd:
    """Nothing on the bench outlives its sequence."""

    bench: Bench

    def restore(self, undo: Undo) -> None:
        undo.run()
        self.bench.end()
