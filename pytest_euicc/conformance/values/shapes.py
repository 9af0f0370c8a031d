"""What a value may look like: the fields of an ASN.1 type, or of an answer that is not ASN.1.

The loader checks field names of vectors against shapes; matchers and ``with`` read text by them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

from pytest_euicc.asn1 import codec

Kind = Literal[
    "sequence", "choice", "list", "octets", "bits", "integer", "enumerated", "text", "boolean", "null", "oid", "any"
]


NOTHING = "nothing"
"""What ``expect`` says where no value is to come at all."""
PLACES = ("first", "middle", "last")
"""Elements of a list that a path of ``tamper`` can name besides their numbers."""


@dataclass(frozen=True)
class Shape:
    """The shape of a value.

    Attributes:
        kind: what it is; ``any`` when nothing is known, then everything below is allowed.
        name: for messages, such as ``EUICCInfo2``.
        names: values of an ENUMERATED, of a named INTEGER, or the bits of a BIT STRING, with their numbers.
        parts: fields of a sequence, alternatives of a choice, or the one element of a list (key ``""``); made on
            demand, for types can contain themselves.
        optional: the value may be missing altogether; ``expect: nothing`` says so.
    """

    kind: Kind
    name: str = ""
    names: Mapping[str, int] | None = None
    parts: Callable[[], Mapping[str, Shape]] | None = None
    tag: int | None = None
    optional: bool = False

    @property
    def tags(self) -> frozenset[int]:
        """The tags with which a value may begin."""
        if self.tag is None and self.kind == "choice":
            return frozenset().union(*(alternative.tags for alternative in self.fields.values()))
        return frozenset() if self.tag is None else frozenset({self.tag})

    @cached_property
    def fields(self) -> Mapping[str, Shape]:
        """Fields of a sequence or alternatives of a choice by name; empty for every other kind."""
        return self.parts() if self.parts and self.kind in ("sequence", "choice") else {}

    @cached_property
    def element(self) -> Shape:
        """The shape of a list's elements."""
        return self.parts()[""] if self.parts and self.kind == "list" else ANY

    def field(self, name: str) -> Shape:
        """The shape of one field, ``ANY`` when it is not known."""
        return self.fields.get(name, ANY)

    def at(self, path: str) -> Shape | None:
        """The shape at a dotted path of fields and list positions; None if there is no such place."""
        shape = self
        for part in path.split(".") if path else []:
            if shape.kind == "any":
                return ANY
            if shape.kind == "list" and (part.isdigit() or part in PLACES):
                shape = shape.element
            elif part in shape.fields:
                shape = shape.fields[part]
            else:
                return None
        return shape


ANY = Shape("any")
OCTETS = Shape("octets", "octets")
NUMBER = Shape("integer", "number")
TEXT = Shape("text", "text")
BOOLEAN = Shape("boolean", "boolean")


def mapping(name: str, /, **fields: Shape) -> Shape:
    """The shape of a value with these fields."""
    return Shape("sequence", name, parts=lambda: fields)


def listing(element: Shape) -> Shape:
    """The shape of a list."""
    return Shape("list", f"list of {element.name}", parts=lambda: {"": element})


_KINDS: dict[str, Kind] = {
    "SEQUENCE": "sequence",
    "SET": "sequence",
    "SEQUENCE OF": "list",
    "SET OF": "list",
    "CHOICE": "choice",
    "OCTET STRING": "octets",
    "OPAQUE": "octets",
    "BIT STRING": "bits",
    "INTEGER": "integer",
    "ENUMERATED": "enumerated",
    "BOOLEAN": "boolean",
    "NULL": "null",
    "OBJECT IDENTIFIER": "oid",
    "UTF8String": "text",
}
_SEQUENCE_TAG = 0x30


@cache
def asn1_shape(type_name: str) -> Shape:
    """The shape of a type of the ASN.1 modules, or of a field in it: ``BoundProfilePackage.sequenceOf86``.

    Raises:
        LookupError: there is no such type or field.
    """
    type_name, _, path = type_name.partition(".")
    shape = _shape(codec.fields(type_name), type_name).at(path)
    if shape is None:
        raise LookupError(f"{type_name} has no field {path!r}")
    return shape


def _shape(node: codec.Node, name: str) -> Shape:
    def parts() -> Mapping[str, Shape]:
        if node.element is not None:
            return {"": _shape(node.element, f"an element of {name}")}
        return {field.name: _shape(field, field.name) for field in node.fields}

    # X.509 pieces are opaque: a SEQUENCE of which only the octets are kept.
    tag = _SEQUENCE_TAG if node.kind == "OPAQUE" and node.tag is None else node.tag
    return Shape(_KINDS.get(node.kind, "any"), name, node.names or None, parts, tag)
