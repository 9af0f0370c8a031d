"""From bytes to values: walks the received TLVs along the schema and accounts for every byte."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.asn1.errors import Asn1Error, join
from pytest_euicc.asn1.schema import SEQUENCE_TAG, Bounds, Node, schema
from pytest_euicc.asn1.tlv import Tlv, TlvError
from pytest_euicc.asn1.values import NamedInt, decode_oid

MAXIMUM_DEPTH = 32
_MAXIMUM_INTEGER_OCTETS = 128


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
    """A decoded message with its octets and what the type does not know of it.

    ``odd`` is why parts of the entries of a list could not be read; these parts are not in ``value``.
    """

    type_name: str
    octets: bytes
    value: Any
    unknown: tuple[UnknownElement, ...] = ()
    odd: tuple[Asn1Error, ...] = ()


def receive(type_name: str, octets: bytes, *, entry_by_entry: bool = False) -> Received:
    """Decode and keep what is needed to judge the message.

    Args:
        entry_by_entry: a field of an entry of a list that cannot be read is left out and listed in ``odd``, and so is
            an entry with another tag; the others are read all the same.

    Raises:
        Asn1Error: octets that are not of the type: a missing, repeated or misplaced element, a broken constraint,
            something behind the end.
        KeyError: the type is unknown.
    """
    node = schema().node(type_name)
    walk = _Walk(type_name, entry_by_entry)
    try:
        element = tlv.parse(octets)
    except TlvError as error:
        raise Asn1Error(type_name, "", error.offset, error.reason) from None
    if not node.takes(element.tag):
        raise walk.fault("", element, f"tag {element.tag:X}, wanted {_wanted(node)}")
    value = walk.value(node, element, "", 0)
    return Received(type_name, octets, value, tuple(walk.unknown), tuple(walk.odd))


def _wanted(node: Node) -> str:
    """Tags that would have been right, for messages."""
    return _alternatives(node) if node.tag is None else f"{node.tag:X}"


def _alternatives(node: Node) -> str:
    return " or ".join(_wanted(entry) for entry in node.fields)


@dataclass
class _Walk:
    type_name: str
    entry_by_entry: bool = False
    unknown: list[UnknownElement] = field(default_factory=list)
    odd: list[Asn1Error] = field(default_factory=list)
    lists: int = 0

    def _note(self, fault: Asn1Error) -> None:
        """Note what is odd inside an entry of a list; raise it anywhere else, and inside lists of an entry."""
        if not self.entry_by_entry or self.lists != 1:
            raise fault
        self.odd.append(fault)

    def fault(self, path: str, element: Tlv, reason: str) -> Asn1Error:
        return Asn1Error(self.type_name, path, element.offset, reason)

    def value(self, node: Node, element: Tlv, path: str, depth: int) -> Any:
        if depth > MAXIMUM_DEPTH:
            raise self.fault(path, element, "nested too deeply")
        match node.kind:
            case "SEQUENCE":
                return self._sequence(node, element, path, depth)
            case "CHOICE":
                return self._choice(node, element, path, depth)
            case "SEQUENCE OF":
                return self._list(node, element, path, depth)
            case "OPAQUE":
                return self._opaque(node, element, path)
        value = self._scalar(node, element, path)
        if node.size:
            self._check(node.size, _size(value), "size", path, element)
        if node.numbers:
            self._check(node.numbers, value, "number", path, element)
        return value

    def _children(self, element: Tlv, path: str) -> list[Tlv]:
        try:
            return element.children()
        except TlvError as error:
            raise Asn1Error(self.type_name, path, error.offset, error.reason) from None

    def _inner(self, element: Tlv, path: str) -> Tlv:
        """What an explicit tag stands around; more than one element is kept as unknown."""
        children = self._children(element, path)
        if not children:
            raise self.fault(path, element, f"nothing inside {element.tag:X}")
        self._keep(path, children[1:])
        return children[0]

    def _keep(self, path: str, elements: list[Tlv]) -> None:
        self.unknown += [UnknownElement(path, extra.offset, extra.tag, extra.octets) for extra in elements]

    def _opaque(self, node: Node, element: Tlv, path: str) -> bytes:
        """The whole TLV; of an X.509 piece under another tag, with its own again."""
        if node.explicit:
            return self._inner(element, path).octets
        if node.tag in (None, SEQUENCE_TAG):
            return element.octets
        return tlv.encode_tag(SEQUENCE_TAG) + element.octets[len(tlv.encode_tag(element.tag)) :]

    def _choice(self, node: Node, element: Tlv, path: str, depth: int) -> tuple[str, Any]:
        if node.explicit:
            element = self._inner(element, path)
        chosen = node.chosen(element.tag)
        if chosen is None:
            raise self.fault(path, element, f"tag {element.tag:X} is no alternative; {_alternatives(node)} are")
        return chosen.name, self.value(chosen, element, join(path, chosen.name), depth + 1)

    def _sequence(self, node: Node, element: Tlv, path: str, depth: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        unread: set[str] = set()
        children = self._children(element, path)
        for child, entry in zip(children, node.components(child.tag for child in children), strict=True):
            if entry is not None:
                try:
                    values[entry.name] = self.value(entry, child, join(path, entry.name), depth + 1)
                except Asn1Error as fault:
                    self._note(fault)
                    unread.add(entry.name)
                continue
            earlier = node.chosen(child.tag)
            if earlier is not None:
                reason = f"{earlier.name} again or out of order (tag {child.tag:X})"
                self._note(self.fault(join(path, earlier.name), child, reason))
                continue
            self._keep(path, [child])
        for entry in node.fields:
            if entry.name not in values and entry.name not in unread:
                if entry.default is not None:
                    values[entry.name] = entry.default
                elif not entry.optional:
                    self._note(self.fault(path, element, f"{entry.name} is missing"))
        return values

    def _list(self, node: Node, element: Tlv, path: str, depth: int) -> list[Any]:
        assert node.element is not None  # noqa: S101
        values: list[Any] = []
        self.lists += 1
        try:
            for index, child in enumerate(self._children(element, path)):
                self._entry(node.element, child, join(path, str(index)), depth, values)
        finally:
            self.lists -= 1
        if node.size:
            self._check(node.size, len(values), "size", path, element)
        return values

    def _entry(self, node: Node, child: Tlv, path: str, depth: int, values: list[Any]) -> None:
        try:
            if not node.takes(child.tag):
                raise self.fault(path, child, f"tag {child.tag:X}, wanted {_wanted(node)}")
            values.append(self.value(node, child, path, depth + 1))
        except Asn1Error as fault:
            self._note(fault)

    def _check(self, bounds: Bounds, number: int, what: str, path: str, element: Tlv) -> None:
        if not any(low <= number <= high for low, high in bounds):
            allowed = " or ".join(f"{low}" if low == high else f"{low} to {high}" for low, high in bounds)
            raise self.fault(path, element, f"{what} {number}, allowed {allowed}")

    def _scalar(self, node: Node, element: Tlv, path: str) -> Any:
        octets = element.value
        match node.kind:
            case "OCTET STRING":
                return octets
            case "INTEGER":
                if not 1 <= len(octets) <= _MAXIMUM_INTEGER_OCTETS:
                    raise self.fault(path, element, f"an INTEGER of {len(octets)} octets")
                number = int.from_bytes(octets, "big", signed=True)
                return NamedInt(number, node.names) if node.names else number
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


def _size(value: Any) -> int:
    """What a size constraint counts: octets, bits, or characters of a text (X.680 51.5)."""
    return int(value[1]) if isinstance(value, tuple) else len(value)
