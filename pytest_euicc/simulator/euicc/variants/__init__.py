"""Permitted variants of the simulated eUICC. Each is one sentence and the clause that allows it, or leaves it open.

`make prove` runs the sequences against every one of them, and no sequence may fail for one. A simulator without
variants reads none of this.
"""

from __future__ import annotations

from pytest_euicc.simulator.euicc.variants import (
    contacts,
    elements,
    information,
    iot,
    lists,
    loads,
    management,
    preinstalled,
    sessions,
    settings,
    toolkit,
)
from pytest_euicc.simulator.variant import Variant, registry

VARIANTS: dict[str, Variant] = registry(
    *contacts.VARIANTS,
    *toolkit.VARIANTS,
    *elements.VARIANTS,
    *information.VARIANTS,
    *iot.VARIANTS,
    *lists.VARIANTS,
    *sessions.VARIANTS,
    *loads.VARIANTS,
    *management.VARIANTS,
    *(variant for variant, _ in settings.CHANGES),
    *(variant for variant, _ in preinstalled.CHANGES),
)
