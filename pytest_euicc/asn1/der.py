"""Is it DER? Faults of X.690 clauses 8 to 11 in received octets, each with its offset."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from pytest_euicc.asn1 import tlv
from pytest_euicc.asn1.schema import Node
from pytest_euicc.asn1.tlv import Tlv, TlvError
from pytest_euicc.asn1.values import decode_oid

_MAXIMUM_DEPTH = 32
_SHOWN_OCTETS = 8
_SET_TAG = 0x31
_CONSTRUCTED_BIT = 0x20
_FIRST_NOT_UNIVERSAL = 0x40
# External, embedded PDV, SEQUENCE and SET; every other universal type is primitive in DER (X.690 10.2).
_CONSTRUCTED_UNIVERSALS = (0x08, 0x0B, 0x10, 0x11)
_KINDS = {
    0x01: "BOOLEAN",
    0x02: "INTEGER",
    0x03: "BIT STRING",
    0x05: "NULL",
    0x06: "OBJECT IDENTIFIER",
    0x0A: "ENUMERATED",
    0x0C: "UTF8String",
}


@dataclass(frozen=True)
class DerFault:
    """One place that is not canonical: offset in the octets, and why; ``default``: a default value is written out."""

    offset: int
    reason: str
    default: bool = False

    def __str__(self) -> str:
        return f"octet {self.offset}: {self.reason}"


def faults_of(element: Tlv, node: Node | None) -> list[DerFault]:
    """Faults of an element and all inside it; ``node`` is its type where it is known."""
    faults: list[DerFault] = []
    _check(element, node, 0, faults)
    return faults


def _check(element: Tlv, node: Node | None, depth: int, faults: list[DerFault]) -> None:
    if depth > _MAXIMUM_DEPTH:
        faults.append(DerFault(element.offset, "nested too deeply"))
        return
    node = _resolved(node, element)
    if node is not None and node.kind == "OPAQUE":
        at = element.offset
        faults += [DerFault(at + fault.offset, fault.reason) for fault in _opaque(element.octets)]
        return
    # A tag of one octet that is not universal with a length of one octet is in its shortest form.
    if len(element.header) > 2 or element.tag < _FIRST_NOT_UNIVERSAL:
        faults += _header(element)
    if not element.constructed:
        if node is not None or element.tag in _KINDS:
            faults += _contents(element, node)
        return
    try:
        children = element.children()
    except TlvError as error:
        faults.append(DerFault(error.offset, error.reason))
        return
    components = _components(node, children)
    for child, component in zip(children, components, strict=True):
        _check(child, component, depth + 1, faults)
        if component is not None and component.default is not None:
            faults += _default(child, component)
    if node is None and element.tag == _SET_TAG:
        faults += _set_order(children)


@lru_cache(maxsize=256)
def _opaque(octets: bytes) -> tuple[DerFault, ...]:
    """Faults of a piece whose type is not known: a certificate as a rule, which comes again in every answer."""
    faults: list[DerFault] = []
    _check(tlv.parse(octets), None, 0, faults)
    return tuple(faults)


def _resolved(node: Node | None, element: Tlv) -> Node | None:
    """The type without CHOICEs that have no tag of their own."""
    while node is not None and node.kind == "CHOICE" and not node.explicit:
        node = node.chosen(element.tag)
    return node


def _components(node: Node | None, children: list[Tlv]) -> list[Node | None]:
    if node is None:
        return [None] * len(children)
    if node.element is not None:
        return [node.element if node.element.takes(child.tag) else None for child in children]
    if node.kind == "CHOICE":
        return [node.chosen(child.tag) for child in children]
    return node.components(child.tag for child in children)


def _header(element: Tlv) -> Iterator[DerFault]:
    tag = tlv.encode_tag(element.tag)
    if len(tag) > 1 and (tag[1] == 0x80 or (len(tag) == 2 and tag[1] < 0x1F)):
        yield DerFault(element.offset, f"tag {element.tag:X} is not in its shortest form (X.690 8.1.2)")
    length = element.header[len(tag) :]
    shortest = tlv.encode_length(len(element.value))
    if length != shortest:
        reason = f"length {length.hex().upper()} is not in its shortest form {shortest.hex().upper()} (X.690 10.1)"
        yield DerFault(element.offset + len(tag), reason)
    if 0 < element.tag < _FIRST_NOT_UNIVERSAL:
        wanted = element.tag & ~_CONSTRUCTED_BIT in _CONSTRUCTED_UNIVERSALS
        if element.constructed is not wanted:
            yield DerFault(
                element.offset, f"tag {element.tag:02X}: the wrong one of primitive and constructed (X.690 8)"
            )


def _contents(element: Tlv, node: Node | None) -> Iterator[DerFault]:
    kind = _KINDS.get(element.tag, "") if node is None else node.kind
    if kind == "OCTET STRING":
        return
    at, octets = element.offset + len(element.header), element.value
    shown = octets[:_SHOWN_OCTETS].hex().upper() + ("…" if len(octets) > _SHOWN_OCTETS else "")
    match kind:
        case "BOOLEAN":
            if octets not in (b"\x00", b"\xff"):
                yield DerFault(at, f"BOOLEAN {shown}, canonical are 00 and FF (X.690 11.1)")
        case "INTEGER" | "ENUMERATED":
            # Nine equal bits at the front are one octet too many.
            if not octets or (len(octets) > 1 and octets[0] in (0x00, 0xFF) and octets[0] >> 7 == octets[1] >> 7):
                yield DerFault(at, f"{kind} {shown} is not in its shortest form (X.690 8.3.2)")
        case "BIT STRING":
            yield from _bits(at, octets, named=node is not None and bool(node.names))
        case "NULL":
            if octets:
                yield DerFault(at, f"NULL with contents {shown} (X.690 8.8.2)")
        case "OBJECT IDENTIFIER":
            try:
                decode_oid(octets)
            except ValueError as error:
                yield DerFault(at, f"{error} (X.690 8.19)")
        case "UTF8String":
            try:
                octets.decode()
            except UnicodeDecodeError as error:
                yield DerFault(at + error.start, f"not UTF-8: {error.reason} (X.690 8.23.10)")


def _bits(at: int, octets: bytes, *, named: bool) -> Iterator[DerFault]:
    if not octets:
        yield DerFault(at, "a BIT STRING without the count of unused bits (X.690 8.6.2)")
        return
    unused, last = octets[0], at + len(octets) - 1
    if unused > 7 or (unused and len(octets) == 1):
        yield DerFault(at, f"{unused} unused bits (X.690 8.6.2)")
    elif unused and octets[-1] & ((1 << unused) - 1):
        yield DerFault(last, "unused bits are not zero (X.690 11.2.1)")
    elif named and len(octets) > 1 and not octets[-1] >> unused & 1:
        yield DerFault(last, "trailing zero bits of a named bit list (X.690 11.2.2)")


def _default(element: Tlv, node: Node) -> Iterator[DerFault]:
    octets = element.value
    value = octets if node.kind == "OCTET STRING" else int.from_bytes(octets, "big", signed=True)
    if value == node.default:
        yield DerFault(
            element.offset, f"{node.name} has its default value and must be left out (X.690 11.5)", default=True
        )


def _set_order(children: list[Tlv]) -> Iterator[DerFault]:
    """A SET OF ascends by its encodings; one tag throughout tells it from a SET. Only X.509 pieces have any."""
    if len({child.tag for child in children}) > 1:
        return
    for before, child in itertools.pairwise(children):
        if child.octets < before.octets:
            yield DerFault(child.offset, "the elements of a SET OF do not ascend (X.690 11.6)")
