"""Values without fields, out of their contents."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_euicc.asn1.schema import Node
from pytest_euicc.asn1.values import NamedInt, decode_oid

_MAXIMUM_INTEGER_OCTETS = 128
_VERSION_OCTETS = 3


class VersionOctets(bytes):
    """A VersionType of three octets; ``str`` of it is ``2.6.0``, as people write it."""

    def __str__(self) -> str:
        return ".".join(map(str, self))


def _version(octets: bytes) -> bytes:
    return VersionOctets(octets) if len(octets) == _VERSION_OCTETS else octets


def scalar_decoder(node: Node) -> Callable[[bytes], Any]:
    """What reads the contents of a type; it raises ValueError with the reason where they are none."""
    if node.kind == "INTEGER" and node.names:
        # The first of several names of one number is its name.
        names = {number: name for name, number in reversed(list(node.names.items()))}

        def named(octets: bytes) -> NamedInt:
            number = _integer(octets)
            return NamedInt.named(number, names.get(number))

        return named
    if node.type_name == "VersionType":
        return _version
    return _DECODERS[node.kind]


def size_of(value: Any) -> int:
    """What a size constraint counts: octets, bits, or characters of a text (X.680 51.5)."""
    return int(value[1]) if isinstance(value, tuple) else len(value)


def read_octets(octets: bytes) -> bytes:
    """The contents of an OCTET STRING are its value."""
    return octets


def _integer(octets: bytes) -> int:
    if not 1 <= len(octets) <= _MAXIMUM_INTEGER_OCTETS:
        raise ValueError(f"an INTEGER of {len(octets)} octets")
    return int.from_bytes(octets, "big", signed=True)


def _boolean(octets: bytes) -> bool:
    if len(octets) != 1:
        raise ValueError(f"a BOOLEAN of {len(octets)} octets")
    return octets != b"\0"


def _null(octets: bytes) -> None:
    if octets:
        raise ValueError("a NULL with contents")


def _bits(octets: bytes) -> tuple[bytes, int]:
    if not octets or octets[0] > 7 or (octets[0] and len(octets) == 1):
        raise ValueError("the count of unused bits is wrong")
    return octets[1:], (len(octets) - 1) * 8 - octets[0]


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8: {error.reason}") from None


_DECODERS: dict[str, Callable[[bytes], Any]] = {
    "OCTET STRING": read_octets,
    "INTEGER": _integer,
    "BOOLEAN": _boolean,
    "NULL": _null,
    "BIT STRING": _bits,
    "UTF8String": _text,
    "OBJECT IDENTIFIER": decode_oid,
}
