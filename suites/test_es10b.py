"""Vectors of ES10b, between LPA and eUICC (SGP.22 5.7.5 to 5.7.14)."""

import pytest

from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("ES10b")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
