"""A permitted variant of a simulator: what a conforming implementation may do otherwise than it does by default."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.text import closest


class UnknownVariant(PytestEuiccError):
    """A simulator has no variant of that name, or not together with another one; the message says which there are."""


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


def compatible(names: frozenset[str], variants: Mapping[str, Variant]) -> bool:
    """Whether variants can be switched on together."""
    return not any(variants[name].excludes & names for name in names)


def known_variants(option: str, names: Iterable[str], variants: Mapping[str, Variant]) -> frozenset[str]:
    """The names that an option gave, all of them in the registry of a simulator and compatible.

    Raises:
        UnknownVariant: there is no such variant, or two of them exclude each other.
    """
    chosen: list[str] = []
    for name in names:
        if name not in variants:
            hint = closest(name, variants) or "; `pytest-euicc variants` lists them"
            raise UnknownVariant(f"{option}: no variant {name!r}{hint}")
        other = next((o for o in chosen if not compatible(frozenset({name, o}), variants)), None)
        if other is not None:
            raise UnknownVariant(f"{option}: {other} and {name} exclude each other; leave one out")
        chosen.append(name)
    return frozenset(chosen)
