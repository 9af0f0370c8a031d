"""The vectors that come with the product: without mistakes, and each one of a kind."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.conformance.reading import loader

VECTORS = Path(__file__).parents[2] / "vectors"


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return loader.load([VECTORS])


def repeated(names: list[str]) -> list[str]:
    return [name for name, times in Counter(names).items() if times > 1]


def test_no_vector_has_a_mistake() -> None:
    assert [str(mistake) for mistake in loader.lint([VECTORS])] == []


def test_cases_and_sequences_are_unique(cases: list[Case]) -> None:
    assert cases
    assert repeated([case.case for case in cases]) == []
    assert repeated([f"{case.case}-{sequence.id}" for case in cases for sequence in case.sequences]) == []


def test_titles_of_a_case_differ(cases: list[Case]) -> None:
    assert {case.case: twice for case in cases if (twice := repeated([s.title for s in case.sequences]))} == {}


def test_every_sequence_names_a_clause(cases: list[Case]) -> None:
    without = [
        f"{case.case}-{sequence.id}"
        for case in cases
        for sequence in case.sequences
        if not (case.clauses.sgp22 or case.clauses.other or sequence.clauses)
    ]
    assert without == []
