"""From values to DER, by asn1tools; what it has no form for is put into one it takes."""

from __future__ import annotations

from typing import Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.asn1.errors import Asn1Error, join
from pytest_euicc.asn1.schema import SEQUENCE_TAG, Node, schema
from pytest_euicc.asn1.tlv import TlvError

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
    prepared = _prepare(type_name, schema().node(type_name), value, "")
    try:
        return bytes(schema().compiled.der.encode(type_name, prepared))
    except Exception as error:
        # asn1tools lets errors of every kind through for values of a wrong type.
        raise Asn1Error(type_name, "", None, f"cannot be encoded: {error}") from None


def _prepare(type_name: str, node: Node, value: Any, path: str) -> Any:
    """The value in the form of asn1tools: numbers for names, opaque pieces under their tag, defaults left out."""
    wanted = _PYTHON_TYPES.get(node.kind)
    if wanted is not None and not isinstance(value, wanted):
        raise Asn1Error(type_name, path, None, f"{node.kind} cannot be made from {value!r}")
    match node.kind:
        case "CHOICE":
            chosen = node.field(value[0]) if len(value) == 2 else None
            if chosen is None:
                names = ", ".join(entry.name for entry in node.fields)
                raise Asn1Error(type_name, path, None, f"{value!r} is no alternative; {names} are")
            return value[0], _prepare(type_name, chosen, value[1], join(path, chosen.name))
        case "SEQUENCE":
            return _fields(type_name, node, value, path)
        case "SEQUENCE OF":
            assert node.element is not None  # noqa: S101
            return [_prepare(type_name, node.element, entry, join(path, str(i))) for i, entry in enumerate(value)]
        case "INTEGER":
            return _number(type_name, node, value, path)
        case "BIT STRING":
            return _bits(type_name, node, value, path)
        case "OPAQUE":
            return _opaque(type_name, node, bytes(value), path)
    return bytes(value) if isinstance(value, bytearray) else value


def _fields(type_name: str, node: Node, value: dict[str, Any], path: str) -> dict[str, Any]:
    for name in value:
        if node.field(name) is None:
            names = ", ".join(entry.name for entry in node.fields) or "none"
            raise Asn1Error(type_name, path, None, f"no field {name!r}; there are: {names}")
    prepared = {}
    for entry in node.fields:
        if entry.name not in value:
            if not entry.optional:
                raise Asn1Error(type_name, path, None, f"{entry.name} is missing")
            continue
        ready = _prepare(type_name, entry, value[entry.name], join(path, entry.name))
        # DER leaves a default value out (X.690 11.5).
        if entry.default is None or ready != entry.default:
            prepared[entry.name] = ready
    return prepared


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
    """asn1tools writes an ANY as it is, so a tag of the place is put on here."""
    if node.tag in (None, SEQUENCE_TAG):
        return octets
    if node.explicit:
        return tlv.encode(node.tag, octets)
    try:
        element = tlv.read(octets, 0)
    except TlvError as error:
        raise Asn1Error(type_name, path, None, f"no TLV: {error}") from None
    return tlv.encode_tag(node.tag) + octets[len(tlv.encode_tag(element.tag)) :]
