"""Permitted variants of loading a Bound Profile Package (SGP.22 2.5.6, 5.5, 5.7.6)."""

from __future__ import annotations

from collections.abc import Callable

from pytest_euicc.simulator.variant import Variant

VARIANTS = (
    Variant("errors-without-euicc-response", "Error results have no simaResponse", "2.5.6: optional"),
    Variant("euicc-response-an-element", "simaResponse has a status for every profile element", "left open by 5.5.5"),
    Variant("profiles-in-blocks", "Installed profiles take memory in blocks of 1024 octets", "left open by 5.7.8"),
    Variant("profiles-with-overhead", "Installed profiles take 3000 octets more than their files",
            "left open by 5.7.8"),
    Variant("isdp-aids-not-again", "The AID of a deleted profile's ISD-P is not used again",
            "left open by SGP.02 annex H"),
    Variant("load-without-session-is-6a88", "A package without a prepared download is refused with 6A88",
            "left open by 5.7.6"),
)  # fmt: skip


_BLOCK, _OVERHEAD = 1024, 3000


def memory_taken(octets: int, varies: Callable[[str], bool]) -> int:
    """What an installed profile takes, by the octets of its package."""
    if varies("profiles-with-overhead"):
        octets += _OVERHEAD
    if varies("profiles-in-blocks"):
        octets += -octets % _BLOCK
    return octets
