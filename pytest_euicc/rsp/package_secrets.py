"""Keys, PINs and PUKs of an unprotected profile package, kept out of reports (TCA IFS 8.4 to 8.7)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.masking import note

_TAGS = {"pinCodes": 0xA2, "pukCodes": 0xA3, "akaParameter": 0xA4, "cdmaParameter": 0xA5, "securityDomain": 0xA6}
_VALUES = frozenset({"opc", "keyData", "pinValue", "pukValue", "authenticationKey", "ssd"})


def note_secrets(package: bytes) -> None:
    """Have reports mask what gives access to the network or the card; elements that cannot be read are passed over."""
    note(*_secrets(package))


@lru_cache(maxsize=1024)
def _secrets(package: bytes) -> tuple[bytes, ...]:
    """Of a package, which a sequence offers again whenever it runs, as `prove` has it do."""
    try:
        elements = tlv.parse_all(package)
    except tlv.TlvError:
        return ()
    found: list[bytes] = []
    for element in elements:
        if element.tag in _TAGS.values():
            try:
                _, value = codec.decode("ProfileElement", element.octets)
            except codec.Asn1Error:
                continue
            found += _within(value)
    return tuple(found)


def note_milenage(key: bytes, opc: bytes) -> None:
    """Mask K and OPc."""
    note(*_milenage(key, opc))


def _milenage(key: bytes, opc: bytes) -> tuple[bytes, ...]:
    """A K of zeros but for its end, as test profiles have, is known by what it stands beside."""
    return key, opc, key + b"\x83" + tlv.encode_length(len(opc)) + opc


def _within(value: Any) -> Iterator[bytes]:
    match value:
        case {"key": bytes(key), "opc": bytes(opc)}:
            yield from _milenage(key, opc)
        case dict():
            yield from (entry for name, entry in value.items() if name in _VALUES and isinstance(entry, bytes))
            for entry in value.values():
                yield from _within(entry)
        case list() | tuple():
            for entry in value:
                yield from _within(entry)
