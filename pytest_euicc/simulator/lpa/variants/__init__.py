"""Permitted variants of the simulated LPA. Each is one sentence and the clause that allows it, or leaves it open."""

from __future__ import annotations

from pytest_euicc.simulator.variant import Variant, registry

VARIANTS: dict[str, Variant] = registry()
"""Every variant by its name."""
