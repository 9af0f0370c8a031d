"""Vectors of ES10b of an IoT eUICC, between IPA and eUICC (SGP.32 5.9)."""

import pytest

from pytest_euicc.fixtures import SequenceRun

pytestmark = pytest.mark.euicc_vectors("ES10b (IoT)")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
