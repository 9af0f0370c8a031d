"""Named deviations of the simulated LPA. Each is one sentence and the clause it violates."""

from __future__ import annotations

from pytest_euicc.simulator.defect import Defect, registry

DEFECTS: dict[str, Defect] = registry()
"""Every defect by its name."""
