"""Tag-length-value structures of BER and DER (ITU-T X.690), with the octets kept as received."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

from pytest_euicc.errors import PytestEuiccError

_MAXIMUM_LENGTH_OCTETS = 4
_MAXIMUM_TAG_OCTETS = 4
_new = tuple.__new__
"""``Tlv(…)`` in a third of the time, without the call of its own ``__new__``."""
_SHORT_LENGTHS = tuple(bytes([length]) for length in range(0x80))


class TlvError(PytestEuiccError, ValueError):
    """Octets that are no TLV structure.

    Attributes:
        offset: where in the octets given the fault lies.
        reason: what is wrong there.
    """

    def __init__(self, offset: int, reason: str) -> None:
        super().__init__(f"octet {offset}: {reason}")
        self.offset = offset
        self.reason = reason


class Tlv(NamedTuple):
    """One element.

    Attributes:
        tag: the octets of the tag field read as one number (``0xBF38``, ``0x5F37``, ``0x30``).
        offset: of the tag field in the octets that were parsed.
        header: tag and length fields as received.
        value: the contents.
    """

    tag: int
    offset: int
    header: bytes
    value: bytes

    @property
    def octets(self) -> bytes:
        """The whole element as received."""
        return self.header + self.value

    @property
    def end(self) -> int:
        """Offset of the first octet behind the element."""
        return self.offset + len(self.header) + len(self.value)

    @property
    def constructed(self) -> bool:
        """True if the contents are elements themselves (X.690 8.1.2.5)."""
        return bool(self.header[0] & 0x20)

    def children(self) -> list[Tlv]:
        """The elements of the contents, offsets counted as this one's; raises TlvError."""
        return _elements(self.value, self.offset + len(self.header))


def parse(octets: bytes) -> Tlv:
    """The one element that the octets are; raises TlvError, also where something follows it."""
    element = read(octets, 0)
    end = len(element.header) + len(element.value)
    if end != len(octets):
        raise TlvError(end, f"{len(octets) - end} octets after the end")
    return element


def parse_all(octets: bytes) -> list[Tlv]:
    """All elements of a concatenation; raises TlvError."""
    return _elements(octets, 0)


def _elements(octets: bytes, base: int) -> list[Tlv]:
    found: list[Tlv] = []
    at, end = 0, len(octets)
    while at < end:
        # Nearly all elements have a tag of one or two octets and a length of one; `read` takes three times as long.
        tag, behind = octets[at], at + 1
        if tag & 0x1F == 0x1F:
            tag = tag << 8 | octets[behind] if behind < end and octets[behind] < 0x80 else 0
            behind += 1
        stop = behind + 1 + octets[behind] if behind < end and octets[behind] < 0x80 else 0
        if tag and at < stop <= end:
            element = _new(Tlv, (tag, base + at, octets[at : behind + 1], octets[behind + 1 : stop]))
        else:
            element = read(octets, at, base)
            stop = at + len(element.header) + len(element.value)
        at = stop
        found.append(element)
    return found


def read(octets: bytes, at: int, base: int = 0) -> Tlv:
    """The element that begins at ``at``; its offset is counted from ``base``. Raises TlvError."""
    start, size = at, len(octets)
    if at >= size:
        raise TlvError(base + at, "a tag is missing")
    tag = octets[at]
    at += 1
    if tag & 0x1F == 0x1F:
        more = True
        while more and at < size and at - start < _MAXIMUM_TAG_OCTETS:
            tag = tag << 8 | octets[at]
            more = octets[at] >= 0x80
            at += 1
        if more:
            raise TlvError(base + start, "the tag field does not end")
    if at >= size:
        raise TlvError(base + at, "the length is missing")
    length = octets[at]
    at += 1
    if length == 0x80:
        raise TlvError(base + at - 1, "indefinite length")
    if length > 0x80:
        count = length & 0x7F
        if count > _MAXIMUM_LENGTH_OCTETS:
            raise TlvError(base + at - 1, f"a length field of {count} octets")
        if at + count > size:
            raise TlvError(base + at, "the length field is cut off")
        length = int.from_bytes(octets[at : at + count], "big")
        at += count
    end = at + length
    if end > size:
        raise TlvError(base + start, f"{tag:X} announces {length} octets, only {size - at} follow")
    return _new(Tlv, (tag, base + start, octets[start:at], octets[at:end]))


def within(octets: bytes, tag: int) -> Iterator[Tlv]:
    """The elements with a tag, wherever they stand, but none inside another of them; raises TlvError."""
    waiting = parse_all(octets)[::-1]
    while waiting:
        element = waiting.pop()
        if element.tag == tag:
            yield element
        elif element.constructed:
            waiting += element.children()[::-1]


def encode(tag: int, value: bytes) -> bytes:
    """An element with the shortest length field (DER, X.690 10.1)."""
    return encode_tag(tag) + encode_length(len(value)) + value


@lru_cache(maxsize=1024)
def encode_tag(tag: int) -> bytes:
    """The octets of a tag given as one number."""
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big")


def encode_length(length: int) -> bytes:
    """The shortest length field."""
    if length < 0x80:
        return _SHORT_LENGTHS[length]
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(octets)]) + octets


def find(octets: bytes, *path: int) -> bytes:
    """The whole received element at a path of tags, the first tag being that of ``octets`` itself.

    Raises:
        TlvError: there is no such element.
    """
    element = parse(octets)
    if element.tag != path[0]:
        raise TlvError(0, f"tag {element.tag:X}, expected {path[0]:X}")
    for tag in path[1:]:
        found = next((child for child in element.children() if child.tag == tag), None)
        if found is None:
            raise TlvError(element.offset, f"no {tag:X} inside {element.tag:X}")
        element = found
    return element.octets
