"""A permitted variant of a simulator: what a conforming implementation may do otherwise than it does by default."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Variant:
    """One permitted behaviour: its name, what the simulator then does, and why that conforms.

    Attributes:
        clause: the clause that allows it, such as ``5.7.8``, or ``left open by 3.1.3``.
        excludes: names of variants that cannot be switched on together with it; one side names the other.
    """

    name: str
    sentence: str
    clause: str
    excludes: frozenset[str] = frozenset()


def registry(*variants: Variant) -> dict[str, Variant]:
    """Variants by name.

    Raises:
        ValueError: a name is given twice, or a variant excludes one that is not there.
    """
    found = {variant.name: variant for variant in variants}
    if len(found) != len(variants):
        raise ValueError("two variants have one name")
    for variant in variants:
        if unknown := variant.excludes - found.keys():
            raise ValueError(f"{variant.name} excludes {', '.join(sorted(unknown))}, which is no variant")
    return found


def compatible(names: frozenset[str], variants: dict[str, Variant]) -> bool:
    """Whether variants can be switched on together."""
    return not any(variants[name].excludes & names for name in names)
