"""Shapes of ASN.1 types."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.shapes import Kind, Shape

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
