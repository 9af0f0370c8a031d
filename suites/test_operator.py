"""Vectors that need a person at the bench (--euicc-operator)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    # Collecting needs no more of it, and is quicker so.
    from pytest_euicc.api import SequenceRun

pytestmark = pytest.mark.euicc_vectors("operator")


def test_sequence(sequence: SequenceRun) -> None:
    """One sequence of a vector."""
    sequence.run()
