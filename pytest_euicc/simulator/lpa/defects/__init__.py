"""Named deviations of the simulated LPA. Each is one sentence and the clause it violates."""

from __future__ import annotations

from pytest_euicc.simulator.defect import Defect, registry
from pytest_euicc.simulator.lpa.defects.card import OF_CARD
from pytest_euicc.simulator.lpa.defects.download import OF_DOWNLOADS
from pytest_euicc.simulator.lpa.defects.session import OF_SESSIONS

DEFECTS: dict[str, Defect] = registry(*OF_SESSIONS, *OF_DOWNLOADS, *OF_CARD)
"""Every defect by its name."""
