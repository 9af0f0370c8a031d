"""Settings of a simulated eUICC as its variants have them."""

from __future__ import annotations

from collections.abc import Container

from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.variants import preinstalled, settings


def varied(original: EuiccSettings, variants: Container[str]) -> EuiccSettings:
    """The settings with the changes of the variants that are switched on, in the order of the registry."""
    changed = original
    for variant, change in (*settings.CHANGES, *preinstalled.CHANGES):
        if variant.name in variants:
            changed = change(changed)
    return changed
