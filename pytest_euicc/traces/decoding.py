"""Hex explained: as a command or response APDU, as a value of every ASN.1 type that it fits, or as plain TLV."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.card.status_words import describe
from pytest_euicc.conformance.values.text import describe as words_of
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.text import closest
from pytest_euicc.traces.explaining import lines
from pytest_euicc.traces.reading import Exchange, messages

_LONGEST = 20_000
_CLASSES = frozenset({0x00, 0x01, 0x02, 0x03, 0x80, 0x81, 0x82, 0x83, 0x84, 0x90, 0xA0})
_INSTRUCTIONS = frozenset({0xA4, 0xE2, 0x70, 0xB0, 0xB2, 0xF2, 0x10, 0x12, 0x14, 0xC2, 0xAA, 0xC0, 0xCA})


class DecodeError(PytestEuiccError):
    """What was given cannot be decoded; the message says why."""


def decode(text: str, type_name: str = "") -> Iterator[str]:
    """Lines for people.

    Args:
        type_name: the ASN.1 type to read it by; empty: every type that it fits.

    Raises:
        DecodeError: it is no hex, the type is not known, or the value is not of the type.
    """
    packed = "".join(text.split()).replace(":", "")
    try:
        octets = bytes.fromhex(packed)
    except ValueError:
        raise DecodeError(f"{text[:60]!r} is not hex; write an even number of hex digits") from None
    if not octets:
        raise DecodeError("nothing to decode; give octets in hex")
    if type_name:
        yield from _as(type_name, octets)
    elif octets[0] in _CLASSES and len(octets) >= 4 and octets[1] in _INSTRUCTIONS:
        for message in messages([Exchange(1, octets, None)]):
            yield from list(lines(message))[:-1]
    else:
        yield from _any(octets)


def _as(type_name: str, octets: bytes) -> Iterator[str]:
    if type_name not in codec.type_names():
        raise DecodeError(f"no ASN.1 type {type_name!r}{closest(type_name, codec.type_names())}")
    try:
        received = codec.receive(type_name, octets)
    except codec.Asn1Error as error:
        raise DecodeError(f"not {type_name}: {error}") from None
    yield f"{type_name}: {words_of(received.value, _LONGEST)}"
    yield from (f"  unknown element {element}" for element in received.unknown)
    yield from (f"  not DER at octet {fault.offset}: {fault.reason}" for fault in codec.check_der(octets, type_name))


def fitting(octets: bytes) -> list[str]:
    """Types with a tag of their own that the octets are a value of, those without unknown elements first."""
    found = []
    try:
        tag = tlv.parse(octets).tag
    except tlv.TlvError:
        return []
    # A universal tag says nothing about the type.
    if tag in (0x30, 0x31, 0x02, 0x04):
        return []
    for name in codec.type_names():
        try:
            received = codec.receive(name, octets)
        except (codec.Asn1Error, KeyError):
            continue
        found.append((len(received.unknown), name))
    return [name for unknown, name in sorted(found) if unknown == min(found)[0]]


def _any(octets: bytes) -> Iterator[str]:
    names = fitting(octets)
    for name in names:
        yield from _as(name, octets)
    if names:
        return
    if _is_response(octets):
        if octets[:-2]:
            yield from _any(octets[:-2])
        sw = int.from_bytes(octets[-2:])
        yield f"{sw:04X} ({describe(sw)})"
        return
    try:
        yield from list(_tree(octets, 0))
    except tlv.TlvError as error:
        raise DecodeError(f"neither an APDU nor a known ASN.1 type nor a TLV: {error}") from None


def _is_response(octets: bytes) -> bool:
    """Whether it ends with a status word, after TLV or nothing; the last object of a value is hardly an empty one."""
    try:
        tlv.parse_all(octets[:-2])
    except tlv.TlvError:
        return False
    return len(octets) >= 2 and octets[-2] >> 4 in (6, 9)


def _tree(octets: bytes, depth: int) -> Iterator[str]:
    for element in tlv.parse_all(octets):
        first = element.header[0]
        if first & 0x20:
            yield f"{'  ' * depth}{element.tag:X} ({len(element.value)} octets)"
            yield from _tree(element.value, depth + 1)
        else:
            yield f"{'  ' * depth}{element.tag:X} {element.value.hex().upper()}"
