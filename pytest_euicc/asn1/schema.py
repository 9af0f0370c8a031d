"""The ASN.1 modules as trees of fields and tags."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from types import MappingProxyType
from typing import Any

from pytest_euicc.asn1 import modules
from pytest_euicc.asn1.tlv import encode_tag
from pytest_euicc.asn1.values import NamedInt

_CLASS = {"UNIVERSAL": 0x00, "APPLICATION": 0x40, "PRIVATE": 0xC0}
SEQUENCE_TAG = 0x30
_UNIVERSAL = {
    "BOOLEAN": 0x01,
    "INTEGER": 0x02,
    "BIT STRING": 0x03,
    "OCTET STRING": 0x04,
    "NULL": 0x05,
    "OBJECT IDENTIFIER": 0x06,
    "UTF8String": 0x0C,
    "SEQUENCE": SEQUENCE_TAG,
    "SEQUENCE OF": SEQUENCE_TAG,
}
_CONSTRUCTED = ("SEQUENCE", "SEQUENCE OF", "CHOICE", "OPAQUE")
_NO_NAMES: Mapping[str, int] = MappingProxyType({})

Bounds = tuple[tuple[int, int], ...]
"""Alternatives of a constraint, each (lowest, highest); none at all is no constraint."""


@dataclass(frozen=True, eq=False)
class Node:
    """One type at its place.

    Attributes:
        kind: ASN.1 name of the type (``SEQUENCE``, ``CHOICE``, ``OCTET STRING`` …), ``OPAQUE`` for X.509 pieces and for
            open types.
        tag: outermost tag as one number; None for a CHOICE or an open type without a tag of its own.
        type_name: name of the type, empty if it is written in place.
        name: of the component, empty at the top.
        optional: the component may be missing, also because it has a default.
        default: the value of a missing component, as decoding gives it; None if there is none.
        fields: of a SEQUENCE or CHOICE, in order.
        element: of a SEQUENCE OF.
        names: of named numbers or named bits, to their numbers.
        size: allowed counts of octets, characters, bits or elements.
        numbers: allowed values of an INTEGER.
        explicit: the tag stands around the type's own (a tagged CHOICE or open type, X.680 31.2.7).
    """

    kind: str
    tag: int | None
    type_name: str = ""
    name: str = ""
    optional: bool = False
    default: Any = None
    fields: tuple[Node, ...] = ()
    element: Node | None = None
    names: Mapping[str, int] = field(default_factory=lambda: _NO_NAMES)
    size: Bounds = ()
    numbers: Bounds = ()
    explicit: bool = False

    @cached_property
    def _by_name(self) -> dict[str, Node]:
        return {entry.name: entry for entry in reversed(self.fields)}

    @cached_property
    def _tags(self) -> frozenset[int]:
        """Tags that an element of this type can have; an open type takes any."""
        if self.tag is not None:
            return frozenset({self.tag})
        return frozenset(tag for entry in self.fields for tag in entry._tags)

    @cached_property
    def _open(self) -> bool:
        return self.tag is None and (self.kind == "OPAQUE" or any(entry._open for entry in self.fields))

    @cached_property
    def tag_octets(self) -> bytes:
        """The outermost tag as it is written; raises ValueError where there is none."""
        if self.tag is None:
            raise ValueError(f"{self.kind} {self.name} has no tag of its own")
        return encode_tag(self.tag)

    def field(self, name: str) -> Node | None:
        """A component by its name."""
        return self._by_name.get(name)

    def takes(self, tag: int) -> bool:
        """True if an element with this tag can be this type."""
        return self._open or tag in self._tags

    @cached_property
    def _places(self) -> Mapping[int, tuple[int, ...]]:
        """Of a SEQUENCE or CHOICE without components of an open type: numbers of the components that a tag can be."""
        found: dict[int, list[int]] = {}
        for number, entry in enumerate(self.fields):
            for tag in entry._tags:
                found.setdefault(tag, []).append(number)
        return {tag: tuple(numbers) for tag, numbers in found.items()}

    @cached_property
    def only_places(self) -> Mapping[int, int] | None:
        """Of a SEQUENCE: numbers of its components by tag; None where several have one tag, or one takes any."""
        if self._has_open or any(len(numbers) > 1 for numbers in self._places.values()):
            return None
        return {tag: numbers[0] for tag, numbers in self._places.items()}

    @cached_property
    def _has_open(self) -> bool:
        return any(entry._open for entry in self.fields)

    def place(self, tag: int, start: int = 0) -> int:
        """Number of the first component from ``start`` on that an element with this tag can be; -1 if there is none."""
        if self._has_open:
            return next((at for at in range(start, len(self.fields)) if self.fields[at].takes(tag)), -1)
        for at in self._places.get(tag, ()):
            if at >= start:
                return at
        return -1

    def chosen(self, tag: int) -> Node | None:
        """The component that an element with this tag is."""
        at = self.place(tag)
        return None if at < 0 else self.fields[at]

    def components(self, tags: Iterable[int]) -> list[Node | None]:
        """Of a SEQUENCE: what each element is by its tag and place, None for one that is unknown or out of order.

        The tag alone does not tell: a signed part and two certificates, all under 30, may follow one another.
        """
        found: list[Node | None] = []
        start = 0
        for tag in tags:
            at = self.place(tag, start)
            if at < 0:
                found.append(None)
            else:
                found.append(self.fields[at])
                start = at + 1
        return found


class Schema:
    """All types of the modules; trees are built when first asked for."""

    def __init__(self, compiled: modules.Compiled) -> None:
        self.compiled = compiled
        self._types = compiled.types
        self._nodes: dict[str, Node] = {}

    def names(self) -> Iterator[str]:
        """Names of all types."""
        return iter(self._types)

    def node(self, type_name: str) -> Node:
        """The tree of a type; raises KeyError."""
        if type_name not in self._nodes:
            if type_name not in self._types:
                raise KeyError(type_name)
            self._nodes[type_name] = self._build({"type": type_name}, None)
        return self._nodes[type_name]

    def _build(self, described: dict[str, Any], automatic: int | None) -> Node:
        """A node; ``automatic`` is the number that AUTOMATIC TAGS give a component without a tag of its own."""
        chain = [described]
        while chain[-1]["type"] in self._types:
            chain.append(self._types[chain[-1]["type"]])
        base = chain[-1]
        kind = "OPAQUE" if base["type"] == "ANY" else base["type"]
        # X.509 types are ANY by a name; an ANY written in place is an open type.
        open_type = kind == "OPAQUE" and len(chain) == 1
        tagged = next((entry["tag"] for entry in chain if "tag" in entry), None)
        if tagged is None and automatic is not None:
            tagged = {"number": automatic}
        if tagged is not None:
            tag: int | None = _tag(tagged, kind in _CONSTRUCTED)
        elif kind == "OPAQUE":
            tag = None if open_type else SEQUENCE_TAG
        else:
            tag = _UNIVERSAL.get(kind)
        # X.680 25.3: automatic tagging is for lists in which no component is written with a tag.
        members = [member for member in base.get("members", ()) if member is not None]
        untagged = not any("tag" in member for member in members)
        names = _names(base)
        return Node(
            kind=kind,
            tag=tag,
            type_name=described["type"] if described["type"] in self._types else "",
            name=described.get("name", ""),
            optional=bool(described.get("optional")) or "default" in described,
            default=_default(kind, described.get("default"), names),
            fields=tuple(self._build(member, number if untagged else None) for number, member in enumerate(members)),
            element=self._build(base["element"], None) if "element" in base else None,
            names=names,
            size=_bounds(chain, "size"),
            numbers=_bounds(chain, "restricted-to"),
            explicit=tagged is not None and (kind == "CHOICE" or open_type),
        )


def _tag(tagged: dict[str, Any], constructed: bool) -> int:
    first = _CLASS.get(tagged.get("class", ""), 0x80) | (0x20 if constructed else 0)
    number = int(tagged["number"])
    if number < 0x1F:
        return first | number
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.insert(0, 0x80 | number & 0x7F)
    return int.from_bytes(bytes([first | 0x1F, *octets]), "big")


def _names(described: dict[str, Any]) -> Mapping[str, int]:
    if "named-numbers" in described:
        return MappingProxyType({name: int(number) for name, number in described["named-numbers"].items()})
    if "named-bits" in described:
        return MappingProxyType({name: int(number) for name, number in described["named-bits"]})
    return _NO_NAMES


def _default(kind: str, written: Any, names: Mapping[str, int]) -> Any:
    if kind == "OCTET STRING" and written is not None:
        return bytes.fromhex(written.removeprefix("0x"))
    if kind == "INTEGER" and names and written is not None:
        return NamedInt(names[written], names)
    return written


def _bounds(chain: list[dict[str, Any]], key: str) -> Bounds:
    """The constraint nearest to the place where the type is used."""
    written = next((entry[key] for entry in chain if entry.get(key)), None)
    return tuple(
        (_number(one[0]), _number(one[1])) if isinstance(one, tuple) else (_number(one), _number(one))
        for one in written or ()
    )


def _number(written: int | str) -> int:
    return {"MIN": -sys.maxsize, "MAX": sys.maxsize}[written] if isinstance(written, str) else written


@cache
def schema() -> Schema:
    """The schema of this version of the modules."""
    return Schema(modules.load())
