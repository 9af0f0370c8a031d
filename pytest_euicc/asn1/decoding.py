"""From bytes to values: walks the received TLVs along the schema and accounts for every byte."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from pytest_euicc.asn1 import tlv
from pytest_euicc.asn1.errors import Asn1Error
from pytest_euicc.asn1.scalars import read_octets, scalar_decoder, size_of
from pytest_euicc.asn1.schema import SEQUENCE_TAG, Bounds, Node, schema
from pytest_euicc.asn1.tlv import Tlv, TlvError


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


class Received(NamedTuple):
    """A decoded message with its octets and what the type does not know of it.

    ``odd`` is why parts of the entries of a list could not be read; these parts are not in ``value``.
    """

    type_name: str
    octets: bytes
    value: Any
    unknown: tuple[UnknownElement, ...] = ()
    odd: tuple[Asn1Error, ...] = ()


def receive(type_name: str, octets: bytes, *, entry_by_entry: bool = False) -> Received:
    """Decode a message, with everything needed to judge it.

    Args:
        entry_by_entry: a field of an entry of a list that cannot be read is left out and listed in ``odd``, and so is
            an entry with another tag; the others are read all the same.

    Raises:
        Asn1Error: octets that are not of the type: a missing, repeated or misplaced element, a broken constraint,
            something behind the end.
        KeyError: the type is unknown.
    """
    walk = _Walk(type_name, entry_by_entry)
    value = _walked(walk, octets)
    return Received(type_name, octets, value, tuple(walk.unknown), tuple(walk.odd))


def decode(type_name: str, octets: bytes) -> Any:
    """The value of a message; unknown elements are tolerated (EXTENSIBILITY IMPLIED). Raises as ``receive``."""
    return _walked(_Walk(type_name, entry_by_entry=False), octets)


def _walked(walk: _Walk, octets: bytes) -> Any:
    node = schema().node(walk.type_name)
    try:
        element = tlv.parse(octets)
    except TlvError as error:
        raise Asn1Error(walk.type_name, "", error.offset, error.reason) from None
    if not node.takes(element.tag):
        raise walk.fault(None, element, f"tag {element.tag:X}, expected {_wanted(node)}")
    return _decoder(node)(walk, element, None)


def _wanted(node: Node) -> str:
    """Tags that would have been right, for messages."""
    return _alternatives(node) if node.tag is None else f"{node.tag:X}"


def _alternatives(node: Node) -> str:
    return " or ".join(_wanted(entry) for entry in node.fields)


_Place = tuple["_Place", str | int] | None
"""Where a walk is: what is around, and the field or the number of the entry in it; text only for messages."""


def _path(place: _Place) -> str:
    names: list[str] = []
    while place is not None:
        place, name = place
        names.append(str(name))
    return ".".join(reversed(names))


class _Walk:
    """What comes together on the way through one message."""

    __slots__ = ("entry_by_entry", "lists", "odd", "type_name", "unknown")

    def __init__(self, type_name: str, entry_by_entry: bool) -> None:
        self.type_name = type_name
        self.entry_by_entry = entry_by_entry
        self.unknown: list[UnknownElement] = []
        self.odd: list[Asn1Error] = []
        self.lists = 0

    def note(self, fault: Asn1Error) -> None:
        """Note what is odd inside an entry of a list; raise it anywhere else, and inside lists of an entry."""
        if not self.entry_by_entry or self.lists != 1:
            raise fault
        self.odd.append(fault)

    def fault(self, place: _Place, element: Tlv, reason: str) -> Asn1Error:
        return Asn1Error(self.type_name, _path(place), element.offset, reason)

    def children(self, element: Tlv, place: _Place) -> list[Tlv]:
        try:
            return element.children()
        except TlvError as error:
            raise Asn1Error(self.type_name, _path(place), error.offset, error.reason) from None

    def inner(self, element: Tlv, place: _Place) -> Tlv:
        """What an explicit tag stands around; more than one element is kept as unknown."""
        children = self.children(element, place)
        if not children:
            raise self.fault(place, element, f"nothing inside {element.tag:X}")
        self.keep(place, children[1:])
        return children[0]

    def keep(self, place: _Place, elements: list[Tlv]) -> None:
        self.unknown += [UnknownElement(_path(place), extra.offset, extra.tag, extra.octets) for extra in elements]


_Decoder = Callable[[_Walk, Tlv, _Place], Any]


@cache
def _decoder(node: Node) -> _Decoder:
    """What decodes elements of a type; made once for each place of each type. Types do not contain themselves."""
    match node.kind:
        case "SEQUENCE":
            return _sequence(node)
        case "CHOICE":
            return _choice(node)
        case "SEQUENCE OF":
            return _list(node)
        case "OPAQUE":
            return _opaque(node)
    return _checked(node, scalar_decoder(node))


class _Decoders(dict[int, _Decoder]):
    """Of components by their numbers, each made when it is first met: a run meets few of those of profile packages."""

    def __init__(self, node: Node) -> None:
        self._fields = node.fields

    def __missing__(self, at: int) -> _Decoder:
        self[at] = made = _decoder(self._fields[at])
        return made


def _checked(node: Node, read: Callable[[bytes], Any]) -> _Decoder:
    """A value without fields, within its constraints."""
    size, numbers = node.size, node.numbers
    if node.kind == "OCTET STRING" and not size and read is read_octets:
        return lambda _walk, element, _place: element.value

    low, high = size[0] if size else (0, 0)

    def decode(walk: _Walk, element: Tlv, place: _Place) -> Any:
        try:
            value = read(element.value)
        except ValueError as error:
            raise walk.fault(place, element, str(error)) from None
        if size:
            length = len(value) if type(value) is bytes else size_of(value)
            # Nearly all have one range.
            if not low <= length <= high:
                _check(size, length, "size", walk, element, place)
        if numbers:
            _check(numbers, value, "number", walk, element, place)
        return value

    return decode


def _check(bounds: Bounds, number: int, what: str, walk: _Walk, element: Tlv, place: _Place) -> None:
    for low, high in bounds:
        if low <= number <= high:
            return
    allowed = " or ".join(f"{low}" if low == high else f"{low} to {high}" for low, high in bounds)
    raise walk.fault(place, element, f"{what} {number}, allowed {allowed}")


def _opaque(node: Node) -> _Decoder:
    """The whole TLV; of an X.509 piece under another tag, with its own again."""

    def decode(walk: _Walk, element: Tlv, place: _Place) -> bytes:
        if node.explicit:
            return walk.inner(element, place).octets
        if node.tag in (None, SEQUENCE_TAG):
            return element.octets
        return tlv.encode_tag(SEQUENCE_TAG) + element.octets[len(tlv.encode_tag(element.tag)) :]

    return decode


def _choice(node: Node) -> _Decoder:
    decoders = _Decoders(node)

    def decode(walk: _Walk, element: Tlv, place: _Place) -> tuple[str, Any]:
        if node.explicit:
            element = walk.inner(element, place)
        at = node.place(element.tag)
        if at < 0:
            raise walk.fault(place, element, f"tag {element.tag:X} is not an alternative; {_alternatives(node)} are")
        name = node.fields[at].name
        return name, decoders[at](walk, element, (place, name))

    return decode


def _sequence(node: Node) -> _Decoder:
    decoders, names = _Decoders(node), tuple(entry.name for entry in node.fields)
    # What has to be looked for where it did not come: mandatory components, and those with a default.
    wanted = tuple(
        (entry.name, entry.default) for entry in node.fields if not entry.optional or entry.default is not None
    )

    wanted_names = frozenset(name for name, _ in wanted)
    only = node.only_places

    def decode(walk: _Walk, element: Tlv, place: _Place) -> dict[str, Any]:
        values: dict[str, Any] = {}
        unread: set[str] = set()
        start = 0
        for child in walk.children(element, place):
            at = node.place(child.tag, start) if only is None else only.get(child.tag, -1)
            if at < start:
                _stray(node, walk, child, place)
                continue
            start = at + 1
            name = names[at]
            try:
                values[name] = decoders[at](walk, child, (place, name))
            except Asn1Error as fault:
                walk.note(fault)
                unread.add(name)
        if wanted_names <= values.keys():
            return values
        for name, default in wanted:
            if name not in values and name not in unread:
                if default is not None:
                    values[name] = default
                else:
                    walk.note(walk.fault(place, element, f"{name} is missing"))
        return values

    return decode


def _stray(node: Node, walk: _Walk, child: Tlv, place: _Place) -> None:
    """An element of a SEQUENCE that is none of its components, or not at this place."""
    earlier = node.chosen(child.tag)
    if earlier is None:
        walk.keep(place, [child])
    else:
        reason = f"{earlier.name} again or out of order (tag {child.tag:X})"
        walk.note(walk.fault((place, earlier.name), child, reason))


def _list(node: Node) -> _Decoder:
    entry, size = node.element, node.size
    assert entry is not None  # noqa: S101
    read = _decoder(entry)

    def decode(walk: _Walk, element: Tlv, place: _Place) -> list[Any]:
        values: list[Any] = []
        walk.lists += 1
        try:
            for number, child in enumerate(walk.children(element, place)):
                within = (place, number)
                try:
                    if not entry.takes(child.tag):
                        raise walk.fault(within, child, f"tag {child.tag:X}, expected {_wanted(entry)}")
                    values.append(read(walk, child, within))
                except Asn1Error as fault:
                    walk.note(fault)
        finally:
            walk.lists -= 1
        if size:
            _check(size, len(values), "size", walk, element, place)
        return values

    return decode
