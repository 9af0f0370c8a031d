"""Vectors of ES9+, between LPA and SM-DP+ (SGP.22 5.6, 6.5)."""

import pytest

from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("ES9+")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
