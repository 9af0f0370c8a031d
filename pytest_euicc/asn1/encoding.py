"""From values to DER: walks the value beside the schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.asn1.errors import Asn1Error, join
from pytest_euicc.asn1.schema import SEQUENCE_TAG, Node, schema
from pytest_euicc.asn1.tlv import TlvError, encode_length
from pytest_euicc.asn1.values import encode_oid

_PYTHON_TYPES: dict[str, type | tuple[type, ...]] = {
    "OCTET STRING": (bytes, bytearray),
    "OPAQUE": (bytes, bytearray),
    "BOOLEAN": bool,
    "UTF8String": str,
    "OBJECT IDENTIFIER": str,
    "BIT STRING": tuple,
    "SEQUENCE": dict,
    "SEQUENCE OF": (list, tuple),
    "CHOICE": tuple,
}


def encode(type_name: str, value: Any) -> bytes:
    """The DER of a value; size constraints are not enforced, so that requests beyond them can be made.

    Raises:
        Asn1Error: a field that the type does not have, a missing one, or a value of the wrong kind.
        KeyError: the type is unknown.
    """
    return _element(type_name, schema().node(type_name), value, "")


def _element(type_name: str, node: Node, value: Any, path: str) -> bytes:
    """A value with its tag and length."""
    kind = node.kind
    wanted = _PYTHON_TYPES.get(kind)
    if wanted is not None and not isinstance(value, wanted):
        raise Asn1Error(type_name, path, None, f"{kind} cannot be made from {value!r}")
    match kind:
        case "SEQUENCE":
            contents = b"".join(_fields(type_name, node, value, path))
        case "OCTET STRING":
            contents = bytes(value)
        case "CHOICE":
            contents = _chosen(type_name, node, value, path)
            if not node.explicit:
                return contents
        case "SEQUENCE OF":
            element = node.element
            assert element is not None  # noqa: S101
            contents = b"".join(_element(type_name, element, each, join(path, str(i))) for i, each in enumerate(value))
        case "INTEGER":
            number = _number(type_name, node, value, path)
            # One bit more than the number has, for its sign.
            contents = number.to_bytes((number + (number < 0)).bit_length() // 8 + 1, "big", signed=True)
        case "BIT STRING":
            octets, count = _bits(type_name, node, value, path)
            contents = bytes([-count % 8]) + octets
        case "OPAQUE":
            return _opaque(type_name, node, bytes(value), path)
        case _:
            contents = _text(type_name, node, value, path)
    return node.tag_octets + encode_length(len(contents)) + contents


def _text(type_name: str, node: Node, value: Any, path: str) -> bytes:
    """The contents of the kinds that are seldom met."""
    match node.kind:
        case "BOOLEAN":
            return b"\xff" if value else b"\0"
        case "NULL":
            return b""
        case "UTF8String":
            try:
                return bytes(value.encode())
            except UnicodeEncodeError as error:
                raise Asn1Error(type_name, path, None, f"cannot be encoded: {error.reason}") from None
        case "OBJECT IDENTIFIER":
            try:
                return encode_oid(value)
            except ValueError as error:
                raise Asn1Error(type_name, path, None, f"cannot be encoded: {error}") from None
    raise Asn1Error(type_name, path, None, f"type {node.kind} is not handled")


def _chosen(type_name: str, node: Node, value: tuple[Any, ...], path: str) -> bytes:
    chosen = node.field(value[0]) if len(value) == 2 and isinstance(value[0], str) else None
    if chosen is None:
        names = ", ".join(entry.name for entry in node.fields)
        raise Asn1Error(type_name, path, None, f"{value!r} is no alternative; {names} are")
    return _element(type_name, chosen, value[1], join(path, chosen.name))


def _fields(type_name: str, node: Node, value: dict[str, Any], path: str) -> Iterator[bytes]:
    for name in value:
        if node.field(name) is None:
            names = ", ".join(entry.name for entry in node.fields) or "none"
            raise Asn1Error(type_name, path, None, f"no field {name!r}; there are: {names}")
    for entry in node.fields:
        if entry.name in value:
            octets = _element(type_name, entry, value[entry.name], join(path, entry.name))
            # DER leaves a default value out (X.690 11.5).
            if entry.default is None or octets != _element(type_name, entry, entry.default, path):
                yield octets
        elif not entry.optional:
            raise Asn1Error(type_name, path, None, f"{entry.name} is missing")


def _number(type_name: str, node: Node, value: Any, path: str) -> int:
    if isinstance(value, str) and value in node.names:
        return node.names[value]
    if isinstance(value, str):
        names = ", ".join(node.names) or "a number"
        raise Asn1Error(type_name, path, None, f"{value!r} is no name of it; {names} would be")
    if not isinstance(value, int) or isinstance(value, bool):
        raise Asn1Error(type_name, path, None, f"INTEGER cannot be made from {value!r}")
    return int(value)


def _bits(type_name: str, node: Node, value: tuple[Any, ...], path: str) -> tuple[bytes, int]:
    octets, count = value if len(value) == 2 else (None, None)
    if not isinstance(octets, bytes) or not isinstance(count, int) or not 0 <= count <= len(octets) * 8:
        raise Asn1Error(type_name, path, None, f"BIT STRING cannot be made from {value!r}")
    bits = "".join(f"{octet:08b}" for octet in octets)[:count]
    if node.names:
        # A named bit list has no trailing zero bits (X.690 11.2.2).
        bits = bits.rstrip("0")
    padded = bits + "0" * (-len(bits) % 8)
    return bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8)), len(bits)


def _opaque(type_name: str, node: Node, octets: bytes, path: str) -> bytes:
    """A whole element, under the tag of its place."""
    if node.tag in (None, SEQUENCE_TAG):
        return octets
    if node.explicit:
        return tlv.encode(node.tag, octets)
    try:
        element = tlv.read(octets, 0)
    except TlvError as error:
        raise Asn1Error(type_name, path, None, f"no TLV: {error}") from None
    return tlv.encode_tag(node.tag) + octets[len(tlv.encode_tag(element.tag)) :]
