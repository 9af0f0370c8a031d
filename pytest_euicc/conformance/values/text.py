"""Text that more than one module of the engine needs: versions, hex, suggestions, values for people."""

from __future__ import annotations

import json
import re
from typing import Any

from pytest_euicc.asn1.scalars import VersionOctets
from pytest_euicc.masking import mask_value
from pytest_euicc.text import printable

_VERSION = re.compile(r"\d{1,3}(\.\d{1,3}){1,2}")
_HEX = re.compile(r"(?:0[xX])?((?:[0-9A-Fa-f]{2})*)")


def parse_version(text: str) -> tuple[int, int, int]:
    """``2.4`` or ``2.4.0`` as three numbers.

    Raises:
        ValueError: with a message for people.
    """
    if not _VERSION.fullmatch(text):
        raise ValueError(f"{text!r} is not a version; write for example 2.4 or 2.4.0")
    numbers = [int(part) for part in text.split(".")]
    return numbers[0], numbers[1], numbers[2] if len(numbers) > 2 else 0


def parse_hex(value: object) -> bytes:
    """Octets from hex text; spaces and line breaks do not count, a dotted ``a.b.c`` is a VersionType (three octets).

    Raises:
        ValueError: with a message for people.
    """
    if isinstance(value, bytes):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ValueError(f"{describe(value)} is not hex text")  # noqa: TRY004  (ValueError is what pydantic reports)
    packed = "".join(value.split())
    if _VERSION.fullmatch(packed) and packed.count(".") == 2:
        return bytes(parse_version(packed))
    found = _HEX.fullmatch(packed)
    if not found:
        raise ValueError(f'{value!r} is not hex text; write an even number of hex digits, such as "A000"')
    return bytes.fromhex(found[1])


def eid_digits(text: str) -> str:
    """The digits of an EID, spaces left out.

    Raises:
        ValueError: with a message for people.
    """
    digits = "".join(text.split())
    if len(digits) != 32 or not digits.isascii() or not digits.isdecimal():
        raise ValueError(f"{text!r} is not an EID; it has 32 digits")
    return digits


def to_json(value: Any) -> Any:
    """A decoded value as JSON has it.

    Octets are capital hex, a VersionType has dots, a CHOICE is a mapping of one key, a BIT STRING its bits.
    """
    match value:
        case VersionOctets():
            return str(value)
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex().upper()
        case dict():
            return {str(key): to_json(entry) for key, entry in value.items()}
        # A list of two texts is no CHOICE.
        case (str() as name, content) if isinstance(value, tuple):
            return {name: to_json(content)}
        case (bytes() as octets, int() as length) if isinstance(value, tuple):
            return bit_text(octets, length)
        case list() | tuple() | set() | frozenset():
            return [to_json(entry) for entry in value]
        case bool() | None | float():
            return value
        case int():
            return getattr(value, "name", None) or int(value)
        case str():
            return value
    return str(value)


def bit_text(octets: bytes, length: int) -> str:
    """The bits of a BIT STRING as text of 0 and 1, first bit first."""
    return "".join(f"{octet:08b}" for octet in octets)[:length]


def describe(value: Any, limit: int = 400) -> str:
    """A value in one line for people, secrets masked, cut at ``limit`` characters."""
    text = printable(json.dumps(mask_value(to_json(value)), ensure_ascii=False))
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"


_NAME = re.compile(r"[A-Za-z_]\w*")


def is_name(text: str) -> bool:
    """Whether ``text`` can name a saved value or a channel."""
    return _NAME.fullmatch(text) is not None
