"""Vectors of whole procedures with an LPA and an SM-DP+ (SGP.22 clause 3)."""

import pytest

from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("procedures")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
