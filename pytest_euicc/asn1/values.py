"""Numbers with names, and object identifiers."""

from __future__ import annotations

from collections.abc import Mapping

_MAXIMUM_OID_OCTETS = 128


class NamedInt(int):
    """An INTEGER with named numbers: a number that knows its name.

    Attributes:
        name: of the number; None where the type names none.
    """

    name: str | None

    def __new__(cls, number: int, names: Mapping[str, int]) -> NamedInt:
        """Look the number up among the names of its type."""
        made = super().__new__(cls, number)
        made.name = next((name for name, value in names.items() if value == number), None)
        return made

    @classmethod
    def named(cls, number: int, name: str | None) -> NamedInt:
        """The number with a name that was looked up already."""
        made = super().__new__(cls, number)
        made.name = name
        return made

    def __getnewargs__(self) -> tuple[int, dict[str, int]]:  # type: ignore[override]
        return int(self), {self.name: int(self)} if self.name else {}

    def __repr__(self) -> str:
        return f"{self.name}({int(self)})" if self.name else str(int(self))


def decode_oid(octets: bytes) -> str:
    """The dotted text of an OBJECT IDENTIFIER's contents (X.690 8.19); raises ValueError."""
    if len(octets) > _MAXIMUM_OID_OCTETS:
        raise ValueError(f"an object identifier of {len(octets)} octets")
    if not octets or octets[-1] & 0x80:
        raise ValueError("the object identifier is cut off")
    arcs: list[int] = []
    value = 0
    fresh = True
    for octet in octets:
        if fresh and octet == 0x80:
            raise ValueError("an arc of the object identifier is padded")
        value = value << 7 | octet & 0x7F
        fresh = not octet & 0x80
        if fresh:
            arcs.append(value)
            value = 0
    # The first subidentifier holds two arcs; only under 2 the second may be larger than 39.
    first = min(arcs[0] // 40, 2)
    return ".".join(map(str, [first, arcs[0] - 40 * first, *arcs[1:]]))


def encode_oid(text: str) -> bytes:
    """The contents of an OBJECT IDENTIFIER out of its dotted text (X.690 8.19); raises ValueError."""
    arcs = [int(part) if part.isascii() and part.isdecimal() else -1 for part in text.split(".")]
    if len(arcs) < 2 or min(arcs) < 0 or arcs[0] > 2 or (arcs[0] < 2 and arcs[1] > 39):
        raise ValueError(f"{text!r} is not an object identifier")
    contents = b""
    for arc in [arcs[0] * 40 + arcs[1], *arcs[2:]]:
        groups = [arc & 0x7F]
        while arc := arc >> 7:
            groups.append(0x80 | arc & 0x7F)
        contents += bytes(reversed(groups))
    return contents
