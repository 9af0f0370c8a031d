"""Vectors of ES10a, the addresses of SM-DP+ and SM-DS (SGP.22 5.7.3, 5.7.4)."""

import pytest

from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("ES10a")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
