"""Vectors of ES6, between operator and eUICC (SGP.22 5.4)."""

import pytest

from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("ES6")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
