"""Whether two values are equal, or in order: one as a vector writes it, the other decoded."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pytest_euicc.conformance.values.resolve import ValueMistake, bits_value, scalar
from pytest_euicc.conformance.values.shapes import ANY, Shape
from pytest_euicc.conformance.values.text import parse_hex


def is_bits(value: Any) -> bool:
    """Whether a decoded value is a BIT STRING: octets, number of bits."""
    return isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], bytes)


def bit_set(value: tuple[bytes, int]) -> set[int]:
    """Numbers of the bits that are 1."""
    octets, length = value
    return {index for index in range(length) if octets[index // 8] & (0x80 >> index % 8)}


def equal(expected: Any, actual: Any, shape: Shape = ANY) -> bool:
    """Whether a value is the one that the text of a vector (or a saved value) stands for."""
    if isinstance(actual, bytes):
        try:
            return parse_hex(expected) == actual
        except ValueError:
            return False
    if isinstance(actual, bool) or isinstance(expected, bool):
        return actual is expected
    if is_bits(actual):
        try:
            wanted = expected if is_bits(expected) else bits_value(expected, shape)
        except ValueError:
            return False
        # Named bits: trailing zero bits carry no meaning (X.680 22.7); text of 0 and 1 is exact.
        return bool(actual == wanted) if isinstance(expected, str) else bit_set(actual) == bit_set(wanted)
    if isinstance(actual, int):
        if isinstance(expected, str) and expected == getattr(actual, "name", None):
            return True
        try:
            return int(scalar(expected, Shape("integer", names=shape.names))) == actual
        except (ValueMistake, TypeError):
            return False
    if isinstance(actual, str):
        return isinstance(expected, str | int) and actual == str(scalar(expected, shape) if shape.names else expected)
    if isinstance(actual, tuple) and isinstance(expected, Mapping):
        return len(expected) == 1 and equal(next(iter(expected.items())), actual, shape)
    if isinstance(actual, tuple) and isinstance(expected, tuple):
        return expected[0] == actual[0] and equal(expected[1], actual[1], shape.field(actual[0]))
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        return actual.keys() == expected.keys() and all(
            equal(expected[key], actual[key], shape.field(key)) for key in actual
        )
    if isinstance(actual, list) and isinstance(expected, list):
        pairs = zip(expected, actual, strict=False)
        return len(actual) == len(expected) and all(equal(a, b, shape.element) for a, b in pairs)
    return actual is None and expected is None


def in_range(argument: Any, number: int) -> bool:
    """Whether a number is the one wanted, or within ``{min, max}``."""
    if isinstance(argument, Mapping):
        return bool(argument.get("min", number) <= number <= argument.get("max", number))
    return bool(argument == number)


def _comparable(value: Any, like: Any) -> Any:
    """``value`` as something that can be ordered beside ``like``: octets as one number, text as text."""
    if isinstance(like, bytes):
        octets = parse_hex(value)
        # Octet strings are ordered as numbers: a version 020200 lies before 020600.
        return int.from_bytes(octets.rjust(max(len(octets), len(like)), b"\0"), "big")
    if isinstance(like, int):
        return int(scalar(value, Shape("integer")))
    return str(value)


def ordered(argument: Any, actual: Any, test: Callable[[Any, Any], bool]) -> bool:
    """What a test says of a value beside the one wanted; False where they cannot be ordered."""
    try:
        return test(_comparable(actual, actual), _comparable(argument, actual))
    except (ValueError, TypeError):
        return False


def size(actual: Any) -> int:
    """Octets of bytes or text (UTF-8); -1 of anything else."""
    return len(actual.encode()) if isinstance(actual, str) else len(actual) if isinstance(actual, bytes) else -1


def starts_with(argument: Any, actual: Any, _shape: Shape) -> bool:
    """Whether text or bytes begin with the ones wanted."""
    if isinstance(actual, bytes):
        try:
            return actual.startswith(parse_hex(argument))
        except ValueError:
            return False
    return isinstance(actual, str) and actual.startswith(str(argument))


def matches(argument: Any, actual: Any, _shape: Shape) -> bool:
    """Whether the whole text (bytes as capital hex) matches a regular expression."""
    text = actual.hex().upper() if isinstance(actual, bytes) else getattr(actual, "name", None) or str(actual)
    return re.fullmatch(str(argument), text) is not None
