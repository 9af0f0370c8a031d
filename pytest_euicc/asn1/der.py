"""Is it DER? Faults of X.690 clauses 10 and 11 in received octets, each with its offset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_euicc.asn1 import tlv
from pytest_euicc.asn1.schema import Node
from pytest_euicc.asn1.tlv import Tlv, TlvError

_MAXIMUM_DEPTH = 32


@dataclass(frozen=True)
class DerFault:
    """One place that is not canonical: offset in the octets, and why."""

    offset: int
    reason: str

    def __str__(self) -> str:
        return f"octet {self.offset}: {self.reason}"


def check_node(element: Tlv, node: Node | None, depth: int = 0) -> Iterator[DerFault]:
    """Faults of an element and all inside it; ``node`` is its type where it is known."""
    if depth > _MAXIMUM_DEPTH:
        yield DerFault(element.offset, "nested too deeply")
        return
    yield from _header(element)
    kind = node.kind if node is not None else _universal(element)
    if node is not None and kind == "OPAQUE":
        kind, node = "SEQUENCE", None
    if element.constructed:
        try:
            children = element.children()
        except TlvError as error:
            yield DerFault(error.offset, error.reason)
            return
        for child, child_node in zip(children, _types(children, element, node), strict=True):
            yield from check_node(child, child_node, depth + 1)
        if node is not None and kind == "SEQUENCE":
            yield from _defaults(children, node)
    else:
        yield from _contents(element, kind, node)


def _types(children: list[Tlv], element: Tlv, node: Node | None) -> list[Node | None]:
    if node is None:
        return [None] * len(children)
    if node.kind == "SEQUENCE OF":
        return [node.element] * len(children)
    if node.kind == "CHOICE" and not node.explicit:
        chosen = next((entry for entry in node.fields if entry.takes(element.tag)), None)
        return _types(children, element, chosen)
    return [next((entry for entry in node.fields if entry.takes(child.tag)), None) for child in children]


def _header(element: Tlv) -> Iterator[DerFault]:
    tag = tlv.encode_tag(element.tag)
    if len(tag) > 1 and (tag[1] == 0x80 or (len(tag) == 2 and tag[1] < 0x1F)):
        yield DerFault(element.offset, f"tag {element.tag:X} is not in its shortest form (X.690 8.1.2)")
    length = element.header[len(tag) :]
    shortest = tlv.encode_length(len(element.value))
    if length != shortest:
        reason = f"length {length.hex().upper()} is not in its shortest form {shortest.hex().upper()} (X.690 10.1)"
        yield DerFault(element.offset + len(tag), reason)


_UNIVERSAL = {1: "BOOLEAN", 2: "INTEGER", 3: "BIT STRING", 10: "ENUMERATED"}


def _universal(element: Tlv) -> str:
    return _UNIVERSAL.get(element.tag, "")


def _contents(element: Tlv, kind: str, node: Node | None) -> Iterator[DerFault]:
    at, octets = element.offset + len(element.header), element.value
    if node is not None and kind == "CHOICE":
        chosen = next((entry for entry in node.fields if entry.takes(element.tag)), None)
        if chosen is not None:
            yield from _contents(element, chosen.kind, chosen)
    elif kind == "BOOLEAN" and octets not in (b"\x00", b"\xff"):
        yield DerFault(at, f"BOOLEAN {octets.hex().upper()}, canonical are 00 and FF (X.690 11.1)")
    elif kind in ("INTEGER", "ENUMERATED"):
        padded = len(octets) > 1 and (
            (octets[0] == 0 and not octets[1] & 0x80) or (octets[0] == 0xFF and octets[1] & 0x80)
        )
        if padded or not octets:
            yield DerFault(at, f"{kind} {octets.hex().upper()} is not in its shortest form (X.690 8.3.2)")
    elif kind == "BIT STRING" and octets:
        unused = octets[0]
        if unused > 7 or (unused and len(octets) == 1):
            yield DerFault(at, f"{unused} unused bits (X.690 8.6.2)")
        elif unused and octets[-1] & ((1 << unused) - 1):
            yield DerFault(at + len(octets) - 1, "unused bits are not zero (X.690 11.2.1)")
        elif node is not None and node.names and len(octets) > 1 and not octets[-1] >> unused & 1:
            yield DerFault(at + len(octets) - 1, "trailing zero bits of a named bit list (X.690 11.2.2)")


def _defaults(children: list[Tlv], node: Node) -> Iterator[DerFault]:
    for child in children:
        entry = next((field for field in node.fields if field.takes(child.tag)), None)
        if entry is None or entry.default is None:
            continue
        default = entry.names.get(entry.default) if isinstance(entry.default, str) else entry.default
        same = child.value == default if isinstance(default, bytes) else _integer(child.value) == default
        if same:
            yield DerFault(child.offset, f"{entry.name} has its default value and must be left out (X.690 11.5)")


def _integer(octets: bytes) -> int:
    return int.from_bytes(octets, "big", signed=True)
