"""Vectors of an LPA in a device, between card and servers of the bench (SGP.22 clauses 3, 5.6, 5.7)."""

import pytest

from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("LPAd")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
