"""Vectors of ES6, between operator and eUICC (SGP.22 5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # Collecting needs no more of it, and is quicker so.
    from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("ES6")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
