"""What implementations under test are called in reports, and how their options begin."""

from __future__ import annotations

NAMES = {"euicc": "eUICC", "smdp": "SM-DP+", "lpa": "LPA"}
"""By ``iut``, in the order of reports."""
PREFIXES = {"euicc": "O_E_", "smdp": "O_P_", "lpa": "O_D_"}
"""Of the names of options, by ``iut``."""
