"""Encoding and decoding of the RSP messages, with every received octet accounted for.

asn1tools compiles the modules and encodes. Decoding walks the received TLVs beside the schema instead of using its DER
decoder, which drops an unknown element of a SEQUENCE together with every optional element behind it, reads object
identifiers of arc 2.999 wrongly and lets duplicated and trailing elements pass.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.asn1.der import DerFault, check_node
from pytest_euicc.asn1.schema import Node, schema
from pytest_euicc.asn1.tlv import Tlv, TlvError
from pytest_euicc.asn1.values import NamedInt, decode_oid

__all__ = [
    "Asn1Error",
    "DerFault",
    "NamedInt",
    "Node",
    "Received",
    "UnknownElement",
    "check_der",
    "choice_tags",
    "decode",
    "encode",
    "fields",
    "locate",
    "receive",
    "type_names",
]

_MAXIMUM_DEPTH = 32


class Asn1Error(ValueError):
    """A value that cannot be encoded, or octets that are not of the type.

    Attributes:
        type_name: the type that was asked for.
        path: field names from the top, joined by dots.
        offset: of the element at fault in the received octets; None when encoding.
        reason: what is wrong.
    """

    def __init__(self, type_name: str, path: str, offset: int | None, reason: str) -> None:
        place = f"{type_name}{'.' if path else ''}{path}"
        super().__init__(f"{place}: {reason}" + ("" if offset is None else f" (octet {offset})"))
        self.type_name = type_name
        self.path = path
        self.offset = offset
        self.reason = reason


@dataclass(frozen=True)
class UnknownElement:
    """An element that the type does not have: a later version's, or a fault. ``path`` is where it stood."""

    path: str
    offset: int
    tag: int
    octets: bytes

    def __str__(self) -> str:
        return (
            f"{self.tag:X} at octet {self.offset}{' in ' + self.path if self.path else ''}: {self.octets.hex().upper()}"
        )


@dataclass(frozen=True)
class Received:
    """A decoded message with its octets and what the type does not know of it."""

    type_name: str
    octets: bytes
    value: Any
    unknown: tuple[UnknownElement, ...] = ()


def fields(type_name: str) -> Node:
    """The schema of a type; raises KeyError for an unknown name."""
    return schema().node(type_name)


def type_names() -> list[str]:
    """Names of all types."""
    return list(schema().names())


@cache
def choice_tags(type_name: str) -> frozenset[int]:
    """Tags of the alternatives of a CHOICE."""
    return frozenset(entry.tag for entry in fields(type_name).fields if entry.tag is not None)


# ---------------------------------------------------------------------------------------------------- decoding


def decode(type_name: str, octets: bytes) -> Any:
    """The value of a message; unknown elements are tolerated (EXTENSIBILITY IMPLIED). Raises Asn1Error."""
    return receive(type_name, octets).value


def receive(type_name: str, octets: bytes) -> Received:
    """Decode and keep what is needed to judge the message. Raises Asn1Error, also for a broken constraint."""
    walk = _Walk(type_name)
    try:
        element = tlv.parse(octets)
    except TlvError as error:
        raise Asn1Error(type_name, "", error.offset, error.reason) from None
    node = fields(type_name)
    if not node.takes(element.tag):
        raise Asn1Error(type_name, "", 0, f"tag {element.tag:X}, wanted {_wanted(node)}")
    value = walk.value(node, element, "", 0)
    return Received(type_name, octets, value, tuple(walk.unknown))


def _wanted(node: Node) -> str:
    if node.kind == "OPAQUE":
        return "30"
    if node.tag is not None:
        return f"{node.tag:X}"
    return " or ".join(_wanted(entry) for entry in node.fields)


@dataclass
class _Walk:
    type_name: str
    unknown: list[UnknownElement] = field(default_factory=list)

    def fault(self, path: str, element: Tlv, reason: str) -> Asn1Error:
        return Asn1Error(self.type_name, path, element.offset, reason)

    def value(self, node: Node, element: Tlv, path: str, depth: int) -> Any:
        if depth > _MAXIMUM_DEPTH:
            raise self.fault(path, element, "nested too deeply")
        if node.kind == "OPAQUE":
            return element.octets
        if node.kind == "CHOICE":
            return self._choice(node, element, path, depth)
        if node.kind in ("SEQUENCE", "SET"):
            return self._sequence(node, self._children(element, path), element, path, depth)
        if node.kind == "SEQUENCE OF":
            return self._list(node, element, path, depth)
        value = self._scalar(node, element, path)
        if node.size is not None:
            self._check_size(node, value, path, element)
        return value

    def _children(self, element: Tlv, path: str) -> list[Tlv]:
        try:
            return element.children()
        except TlvError as error:
            raise Asn1Error(self.type_name, path, error.offset, error.reason) from None

    def _choice(self, node: Node, element: Tlv, path: str, depth: int) -> tuple[str, Any]:
        if node.explicit:
            inner = self._children(element, path)
            if not inner:
                raise self.fault(path, element, "an empty CHOICE")
            for extra in inner[1:]:
                self.unknown.append(UnknownElement(path, extra.offset, extra.tag, extra.octets))
            element = inner[0]
        chosen = next((entry for entry in node.fields if entry.takes(element.tag)), None)
        if chosen is None:
            raise self.fault(path, element, f"tag {element.tag:X} is no alternative; {_wanted(_bare(node))} are")
        return chosen.name, self.value(chosen, element, _join(path, chosen.name), depth + 1)

    def _sequence(self, node: Node, children: list[Tlv], element: Tlv, path: str, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        expected = 0
        for child in children:
            at = next((i for i in range(expected, len(node.fields)) if node.fields[i].takes(child.tag)), None)
            if at is None:
                earlier = next((entry for entry in node.fields[:expected] if entry.takes(child.tag)), None)
                if earlier is not None:
                    reason = f"{earlier.name} again or out of order (tag {child.tag:X})"
                    raise self.fault(_join(path, earlier.name), child, reason)
                self.unknown.append(UnknownElement(path, child.offset, child.tag, child.octets))
                continue
            entry = node.fields[at]
            values[entry.name] = self.value(entry, child, _join(path, entry.name), depth + 1)
            expected = at + 1
        for entry in node.fields:
            if entry.name not in values:
                if entry.default is not None:
                    values[entry.name] = _default(entry)
                elif not entry.optional:
                    raise self.fault(path, element, f"{entry.name} is missing")
        return values

    def _list(self, node: Node, element: Tlv, path: str, depth: int) -> list[Any]:
        assert node.element is not None  # noqa: S101
        values = []
        for index, child in enumerate(self._children(element, path)):
            if not node.element.takes(child.tag):
                raise self.fault(_join(path, str(index)), child, f"tag {child.tag:X}, wanted {_wanted(node.element)}")
            values.append(self.value(node.element, child, _join(path, str(index)), depth + 1))
        if node.size is not None:
            self._check_size(node, values, path, element)
        return values

    def _check_size(self, node: Node, value: Any, path: str, element: Tlv) -> None:
        assert node.size is not None  # noqa: S101
        length = len(value.encode()) if isinstance(value, str) else value[1] if isinstance(value, tuple) else len(value)
        low, high = node.size
        if not low <= length <= high:
            bounds = f"{low}" if low == high else f"{low} to {high}"
            raise self.fault(path, element, f"size {length}, allowed {bounds}")

    def _scalar(self, node: Node, element: Tlv, path: str) -> Any:
        octets = element.value
        match node.kind:
            case "OCTET STRING":
                return octets
            case "INTEGER":
                if not octets:
                    raise self.fault(path, element, "an INTEGER without octets")
                number = int.from_bytes(octets, "big", signed=True)
                return NamedInt(number, node.names) if node.names else number
            case "ENUMERATED":
                number = int.from_bytes(octets, "big", signed=True)
                return next((name for name, n in node.names.items() if n == number), str(number))
            case "BOOLEAN":
                if len(octets) != 1:
                    raise self.fault(path, element, f"a BOOLEAN of {len(octets)} octets")
                return octets != b"\0"
            case "NULL":
                if octets:
                    raise self.fault(path, element, "a NULL with contents")
                return None
            case "BIT STRING":
                if not octets or octets[0] > 7 or (octets[0] and len(octets) == 1):
                    raise self.fault(path, element, "the count of unused bits is wrong")
                return octets[1:], (len(octets) - 1) * 8 - octets[0]
            case "UTF8String":
                try:
                    return octets.decode()
                except UnicodeDecodeError as error:
                    raise self.fault(path, element, f"no UTF-8: {error.reason}") from None
            case "OBJECT IDENTIFIER":
                try:
                    return decode_oid(octets)
                except ValueError as error:
                    raise self.fault(path, element, str(error)) from None
        raise self.fault(path, element, f"type {node.kind} is not handled")


def _bare(node: Node) -> Node:
    return Node(node.kind, None, fields=node.fields)


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _default(entry: Node) -> Any:
    if entry.kind == "INTEGER" and isinstance(entry.default, str):
        return NamedInt(entry.names[entry.default], entry.names)
    return entry.default


# ---------------------------------------------------------------------------------------------------- encoding


def encode(type_name: str, value: Any) -> bytes:
    """The DER of a value; size constraints are not enforced, so that requests beyond them can be made.

    Raises:
        Asn1Error: a field that the type does not have, a missing one, or a value of the wrong kind.
    """
    prepared = _prepare(type_name, fields(type_name), value, "")
    try:
        return bytes(schema().specification.encode(type_name, prepared))
    except Exception as error:
        # asn1tools lets errors of every kind through for values of a wrong type.
        raise Asn1Error(type_name, "", None, f"cannot be encoded: {error}") from None


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


def _prepare(type_name: str, node: Node, value: Any, path: str) -> Any:
    """The value as asn1tools wants it: numbers for names, defaults left out."""
    wanted = _PYTHON_TYPES.get(node.kind)
    if wanted is not None and not isinstance(value, wanted):
        raise Asn1Error(type_name, path, None, f"{node.kind} cannot be made from {value!r}")
    if node.kind == "CHOICE":
        chosen = node.field(value[0]) if len(value) == 2 else None
        if chosen is None:
            names = ", ".join(entry.name for entry in node.fields)
            raise Asn1Error(type_name, path, None, f"{value[0]!r} is no alternative; {names} are")
        return value[0], _prepare(type_name, chosen, value[1], _join(path, chosen.name))
    if node.kind == "SEQUENCE":
        return _prepare_fields(type_name, node, value, path)
    if node.kind == "SEQUENCE OF":
        assert node.element is not None  # noqa: S101
        return [_prepare(type_name, node.element, entry, _join(path, str(i))) for i, entry in enumerate(value)]
    if node.kind == "INTEGER":
        if isinstance(value, str):
            if value not in node.names:
                names = ", ".join(node.names) or "a number"
                raise Asn1Error(type_name, path, None, f"{value!r} is no name of it; {names} would be")
            return node.names[value]
        if not isinstance(value, int) or isinstance(value, bool):
            raise Asn1Error(type_name, path, None, f"INTEGER cannot be made from {value!r}")
        return int(value)
    return bytes(value) if isinstance(value, bytearray) else value


def _prepare_fields(type_name: str, node: Node, value: dict[str, Any], path: str) -> dict[str, Any]:
    prepared = {}
    for name in value:
        if node.field(name) is None:
            names = ", ".join(entry.name for entry in node.fields) or "none"
            raise Asn1Error(type_name, path, None, f"no field {name!r}; there are: {names}")
    for entry in node.fields:
        if entry.name not in value:
            if not entry.optional:
                raise Asn1Error(type_name, path, None, f"{entry.name} is missing")
            continue
        ready = _prepare(type_name, entry, value[entry.name], _join(path, entry.name))
        if entry.default is not None and ready == _default(entry):
            continue
        prepared[entry.name] = ready
    return prepared


# ---------------------------------------------------------------------------------------------------- received octets


def locate(type_name: str, octets: bytes, path: str) -> Tlv:
    """The element at a field path (``serverSigned1.transactionId``, list elements by number), offsets absolute.

    Raises:
        Asn1Error: no such field in the type, or not in the octets.
    """
    try:
        element = tlv.parse(octets)
        node = fields(type_name)
        walked = ""
        for name in path.split(".") if path else []:
            node, element = _descend(type_name, node, element, name, walked)
            walked = _join(walked, name)
    except TlvError as error:
        raise Asn1Error(type_name, path, error.offset, error.reason) from None
    return element


def _descend(type_name: str, node: Node, element: Tlv, name: str, walked: str) -> tuple[Node, Tlv]:
    if node.kind == "SEQUENCE OF":
        assert node.element is not None  # noqa: S101
        children = element.children()
        if not name.isdigit() or int(name) >= len(children):
            raise Asn1Error(type_name, walked, element.offset, f"no element {name}; there are {len(children)}")
        return node.element, children[int(name)]
    entry = node.field(name)
    if entry is None:
        names = ", ".join(child.name for child in node.fields) or "none"
        raise Asn1Error(type_name, walked, element.offset, f"no field {name!r}; there are: {names}")
    if node.kind == "CHOICE" and not node.explicit:
        if entry.takes(element.tag):
            return entry, element
    else:
        for child in element.children():
            if entry.takes(child.tag):
                return entry, child
    raise Asn1Error(type_name, walked, element.offset, f"{name} is not there")


def check_der(octets: bytes, type_name: str | None = None) -> list[DerFault]:
    """Everything that is not canonical (X.690 clauses 10 and 11); with a type also what only the type tells."""
    return list(_der_faults(octets, fields(type_name) if type_name else None))


def _der_faults(octets: bytes, node: Node | None) -> Iterator[DerFault]:
    try:
        element = tlv.read(octets, 0)
    except TlvError as error:
        yield DerFault(error.offset, error.reason)
        return
    yield from check_node(element, node)
    if element.end != len(octets):
        yield DerFault(element.end, f"{len(octets) - element.end} octets after the end")
