"""A named deviation of a simulator: what both registries of defects are made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from pytest_euicc.asn1 import tlv
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.text import closest


class UnknownDefect(PytestEuiccError):
    """A simulator has no defect of that name; the message has the one that is meant."""


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


def known_defects(option: str, names: Iterable[str], registry: Collection[str]) -> frozenset[str]:
    """The names that an option gave, all of them in the registry of a simulator; raises UnknownDefect."""
    unknown = [name for name in names if name not in registry]
    if unknown:
        hint = closest(unknown[0], registry) or "; `pytest-euicc defects` lists them"
        raise UnknownDefect(f"{option}: no defect {unknown[0]!r}{hint}")
    return frozenset(names)


def longer_length(octets: bytes) -> bytes:
    """The same TLV with a length of three octets after 83, which DER has for very long ones alone (X.690 10.1)."""
    element = tlv.parse(octets)
    return tlv.encode_tag(element.tag) + b"\x83" + len(element.value).to_bytes(3, "big") + element.value
