"""A named deviation of a simulator: what both registries of defects are made of."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_euicc.asn1 import tlv


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


def longer_length(octets: bytes) -> bytes:
    """The same TLV with a length of three octets after 83, which DER has for very long ones alone (X.690 10.1)."""
    element = tlv.parse(octets)
    return tlv.encode_tag(element.tag) + b"\x83" + len(element.value).to_bytes(3, "big") + element.value
