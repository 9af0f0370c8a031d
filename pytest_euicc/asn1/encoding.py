"""From values to DER: walks the value beside the schema."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.asn1.errors import Asn1Error
from pytest_euicc.asn1.schema import SEQUENCE_TAG, Node, schema
from pytest_euicc.asn1.tlv import TlvError, encode_length
from pytest_euicc.asn1.values import encode_oid

_Encoder = Callable[[Any], bytes]


class _Refused(Exception):
    """A value of the wrong kind; the fields that it is in are added on the way out."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.within: list[str] = []


def encode(type_name: str, value: Any) -> bytes:
    """The DER of a value; size constraints are not enforced, so that requests beyond them can be made.

    Raises:
        Asn1Error: a field that the type does not have, a missing one, or a value of the wrong kind.
        KeyError: the type is unknown.
    """
    try:
        return _encoder(schema().node(type_name))(value)
    except _Refused as refused:
        raise Asn1Error(type_name, ".".join(reversed(refused.within)), None, refused.reason) from None


@cache
def _encoder(node: Node) -> _Encoder:
    """What encodes values of a type, with tag and length; made once for each place of each type.

    Types do not contain themselves.
    """
    match node.kind:
        case "SEQUENCE":
            return _tagged(node, dict, _sequence(node))
        case "CHOICE":
            return _choice(node)
        case "SEQUENCE OF":
            return _tagged(node, (list, tuple), _list(node))
        case "OPAQUE":
            return _opaque(node)
        case "INTEGER":
            return _tagged(node, object, _integer(node))
        case "BIT STRING":
            return _tagged(node, tuple, _bits(node))
    wanted, contents = _SCALARS[node.kind]
    return _tagged(node, wanted, contents)


class _Encoders(dict[str, _Encoder]):
    """Of components by their names, each made when it is first met: a run meets few of those of profile packages."""

    def __init__(self, node: Node) -> None:
        self._node = node

    def __missing__(self, name: str) -> _Encoder:
        entry = self._node.field(name)
        assert entry is not None  # noqa: S101
        self[name] = made = _encoder(entry)
        return made


def _tagged(node: Node, wanted: type | tuple[type, ...], contents_of: _Encoder) -> _Encoder:
    tag, kind = node.tag_octets, node.kind

    def encode(value: Any) -> bytes:
        if not isinstance(value, wanted):
            raise _Refused(f"{kind} cannot be made from {value!r}")
        contents = contents_of(value)
        return tag + encode_length(len(contents)) + contents

    return encode


def _choice(node: Node) -> _Encoder:
    encoders = _Encoders(node)

    def chosen(value: Any) -> bytes:
        if not isinstance(value, tuple):
            raise _Refused(f"CHOICE cannot be made from {value!r}")
        if len(value) != 2 or not isinstance(value[0], str) or node.field(value[0]) is None:
            names = ", ".join(entry.name for entry in node.fields)
            raise _Refused(f"{value!r} is not an alternative; {names} are")
        name, inner = value
        try:
            return encoders[name](inner)
        except _Refused as refused:
            refused.within.append(name)
            raise

    return _tagged(node, object, chosen) if node.explicit else chosen


def _sequence(node: Node) -> _Encoder:
    # DER leaves a default value out (X.690 11.5).
    encoders = _Encoders(node)
    parts = [
        (entry.name, None if entry.default is None else encoders[entry.name](entry.default)) for entry in node.fields
    ]
    known = frozenset(entry.name for entry in node.fields)
    mandatory = frozenset(entry.name for entry in node.fields if not entry.optional)

    def contents_of(value: dict[str, Any]) -> bytes:
        if not value.keys() <= known:
            name = next(name for name in value if name not in known)
            names = ", ".join(entry.name for entry in node.fields) or "none"
            raise _Refused(f"no field {name!r}; available: {names}")
        if not mandatory <= value.keys():
            name = next(name for name, _ in parts if name in mandatory and name not in value)
            raise _Refused(f"{name} is missing")
        contents = b""
        name = ""
        try:
            for name, default in parts:
                if name in value:
                    octets = encoders[name](value[name])
                    if octets != default:
                        contents += octets
        except _Refused as refused:
            refused.within.append(name)
            raise
        return contents

    return contents_of


def _list(node: Node) -> _Encoder:
    assert node.element is not None  # noqa: S101
    encode = _encoder(node.element)

    def contents_of(value: Sequence[Any]) -> bytes:
        found: list[bytes] = []
        try:
            for each in value:
                found.append(encode(each))
        except _Refused as refused:
            refused.within.append(str(len(found)))
            raise
        return b"".join(found)

    return contents_of


def _integer(node: Node) -> _Encoder:
    names = node.names

    def contents_of(value: Any) -> bytes:
        if isinstance(value, str):
            if value not in names:
                wanted = ", ".join(names) or "a number"
                raise _Refused(f"{value!r} is not one of its names: {wanted}")
            value = names[value]
        if not isinstance(value, int) or isinstance(value, bool):
            raise _Refused(f"INTEGER cannot be made from {value!r}")
        # One bit more than the number has, for its sign.
        return int(value).to_bytes((value + (value < 0)).bit_length() // 8 + 1, "big", signed=True)

    return contents_of


def _bits(node: Node) -> _Encoder:
    named = bool(node.names)

    def contents_of(value: tuple[Any, ...]) -> bytes:
        octets, count = value if len(value) == 2 else (None, None)
        if not isinstance(octets, bytes) or not isinstance(count, int) or not 0 <= count <= len(octets) * 8:
            raise _Refused(f"BIT STRING cannot be made from {value!r}")
        bits = int.from_bytes(octets, "big") >> len(octets) * 8 - count
        if named:
            # A named bit list has no trailing zero bits (X.690 11.2.2).
            zeros = (bits & -bits).bit_length() - 1 if bits else count
            bits, count = bits >> zeros, count - zeros
        unused = -count % 8
        return bytes((unused,)) + (bits << unused).to_bytes((count + unused) // 8, "big")

    return contents_of


def _opaque(node: Node) -> _Encoder:
    """A whole element, under the tag of its place."""
    tag = node.tag

    def encode(value: Any) -> bytes:
        if not isinstance(value, bytes | bytearray):
            raise _Refused(f"OPAQUE cannot be made from {value!r}")
        octets = bytes(value)
        if tag in (None, SEQUENCE_TAG):
            return octets
        if node.explicit:
            return tlv.encode(tag, octets)
        try:
            element = tlv.read(octets, 0)
        except TlvError as error:
            raise _Refused(f"not a TLV: {error}") from None
        return node.tag_octets + octets[len(tlv.encode_tag(element.tag)) :]

    return encode


def _text(value: str) -> bytes:
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise _Refused(f"cannot be encoded: {error.reason}") from None


def _identifier(value: str) -> bytes:
    try:
        return encode_oid(value)
    except ValueError as error:
        raise _Refused(f"cannot be encoded: {error}") from None


_SCALARS: dict[str, tuple[type | tuple[type, ...], _Encoder]] = {
    "OCTET STRING": ((bytes, bytearray), bytes),
    "BOOLEAN": (bool, lambda value: b"\xff" if value else b"\0"),
    "NULL": (object, lambda _: b""),
    "UTF8String": (str, _text),
    "OBJECT IDENTIFIER": (str, _identifier),
}
