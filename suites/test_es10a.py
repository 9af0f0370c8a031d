"""Vectors of ES10a, the addresses of SM-DP+ and SM-DS (SGP.22 5.7.3, 5.7.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # Collecting needs no more of it, and is quicker so.
    from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("ES10a")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
