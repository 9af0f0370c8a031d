"""Vectors of the card below the ISD-R: ATR, selection, channels."""

import pytest

from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("card")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
