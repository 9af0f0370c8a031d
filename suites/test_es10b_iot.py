"""Vectors of ES10b of an IoT eUICC, between IPA and eUICC (SGP.32 5.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # Collecting needs no more of it, and is quicker so.
    from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("ES10b (IoT)")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
