"""Few sequences that use everything: for a test that compares ways to run them, not what each one finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from pytest_euicc.conformance.files.vector import Call, Case, Sequence, Step


def covering(cases: Iterable[Case]) -> list[tuple[Case, Sequence]]:
    """Of each case what is the first to use an action, a state or an argument of one, and one at least.

    All are chosen of the card's own interface: what transports do differently, resets and channels, is there.
    """
    used: set[tuple[str, ...]] = set()
    chosen = []
    for case in cases:
        for sequence in case.sequences:
            words = {("case", case.case), *_words(sequence)}
            if case.interface == "card" or not words <= used:
                used |= words
                chosen.append((case, sequence))
    return chosen


def _words(sequence: Sequence) -> Iterator[tuple[str, ...]]:
    entries: list[Call | Step] = [*sequence.given, *sequence.steps, *sequence.finally_]
    for entry in entries:
        yield from _of(entry)


def _of(entry: Call | Step) -> Iterator[tuple[str, ...]]:
    name = entry.action if isinstance(entry, Step) else entry.name
    yield (name,)
    for argument in entry.arguments:
        yield name, argument


def every(cases: Iterable[Case]) -> list[tuple[Case, Sequence]]:
    """All sequences."""
    return [(case, sequence) for case in cases for sequence in case.sequences]


Choice = Callable[[Iterable[Case]], list[tuple[Case, Sequence]]]
CHOICES = (covering, pytest.param(every, marks=pytest.mark.exhaustive))
"""`make test` runs few sequences, `make exhaustive` every one."""
