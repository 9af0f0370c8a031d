"""Deviations of the simulated eUICC when its power goes, that a reset with the power on does not show."""

from __future__ import annotations

from pytest_euicc.simulator.defect import Defect

OF_POWER = (
    Defect("power-cut-leaves-half", "What a command had written when the power went stays", "SGP.32 5.9.1"),
    Defect("power-cut-spoils-results", "A loss of power damages package results that are kept", "SGP.32 5.9.11"),
    Defect("power-loss-disables", "When its power goes, the enabled profile becomes disabled", "5.7.16"),
    Defect("power-loss-drops-notifications", "When its power goes, pending notifications are lost", "3.5"),
    Defect("power-loss-keeps-session", "An RSP session outlives the loss of power", "5.7.7"),
    Defect("power-loss-keeps-half-a-profile", "A load that a loss of power ended leaves a profile", "5.7.6"),
)
