"""A Bound Profile Package cut into the segments that go to the eUICC, once it has the parts it must have."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp import bpp

_INITIALISE = 0xBF23
_PARTS: tuple[tuple[int, int | None], ...] = (
    (_INITIALISE, None),
    (bpp.FIRST_87, 0x87),
    (bpp.SEQUENCE_88, 0x88),
    (bpp.SECOND_87, 0x87),
    (bpp.SEQUENCE_86, 0x86),
)
"""Tags of the parts in their order, each with the tag of its elements (SGP.22 2.5.4)."""
_OPTIONAL = bpp.SECOND_87


class PackageFault(ValueError):
    """A package that no eUICC could load; the text names the part."""


def segments(package: bytes) -> list[bytes]:
    """The segments of a package (SGP.22 2.5.5), each with the tags and lengths as received.

    Raises:
        PackageFault: parts are missing, unknown, empty or out of order (SGP.22 2.5.4).
        TlvError: it is no TLV structure.
    """
    outer = tlv.parse(package)
    if outer.tag != bpp.BPP:
        raise PackageFault(f"tag {outer.tag:X} where BF36, a Bound Profile Package, was to come")
    parts = outer.children()
    _check_order([part.tag for part in parts])
    inner = dict(_PARTS)
    for part in parts:
        wanted = inner[part.tag]
        if wanted is None:
            continue
        elements = part.children()
        if not elements:
            raise PackageFault(f"the part {part.tag:X} has no element {wanted:X}")
        for element in elements:
            if element.tag != wanted:
                raise PackageFault(f"an element {element.tag:X} in the part {part.tag:X}, which has only {wanted:X}")
    return bpp.segments(package)


def _check_order(tags: Sequence[int]) -> None:
    wanted = [tag for tag, _ in _PARTS if tag != _OPTIONAL or tag in tags]
    if list(tags) != wanted:
        names = ", ".join(f"{tag:X}" for tag in tags) or "none"
        raise PackageFault(
            f"the parts are {names}; expected are {', '.join(f'{tag:X}' for tag in wanted)} (SGP.22 2.5.4)"
        )
