"""Vectors of any other interface, such as a vendor's own."""

import pytest

from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors(None)


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
