"""A named deviation of a simulator: what both registries of defects are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Defect:
    """One deviation: its name, what the simulator does wrong, and the clause of SGP.22 that says otherwise."""

    name: str
    sentence: str
    clause: str


def registry(*defects: Defect) -> dict[str, Defect]:
    """Defects by name; raises ValueError where a name is given twice."""
    found = {defect.name: defect for defect in defects}
    if len(found) != len(defects):
        raise ValueError("two defects have one name")
    return found
