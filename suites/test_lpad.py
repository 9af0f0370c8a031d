"""Vectors of an LPA in a device, between card and servers of the bench (SGP.22 clauses 3, 5.6, 5.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # Collecting needs no more of it, and is quicker so.
    from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("LPAd")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
