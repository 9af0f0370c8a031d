"""Permitted variants of the simulated SM-DP+. Each is one sentence and the clause that allows it, or leaves it open.

`make prove` runs the sequences against every one of them, and no sequence may fail for one.
"""

from __future__ import annotations

from pytest_euicc.simulator.smdp.variants.answers import OF_ANSWERS
from pytest_euicc.simulator.smdp.variants.functions import OF_FUNCTIONS
from pytest_euicc.simulator.smdp.variants.listeners import LISTENER_VARIANTS
from pytest_euicc.simulator.smdp.variants.profiles import OF_PROFILES
from pytest_euicc.simulator.variant import Variant, registry

VARIANTS: dict[str, Variant] = registry(*OF_ANSWERS, *OF_FUNCTIONS, *OF_PROFILES, *LISTENER_VARIANTS.values())
"""Every variant by its name."""
