"""ICCIDs as people write them and as cards hold them (ITU-T E.118, ETSI TS 102 221 13.2)."""

from __future__ import annotations

_LENGTH = 20


def to_octets(digits: str) -> bytes:
    """10 octets, nibbles swapped, padded with F; raises ValueError."""
    plain = digits.rstrip("Ff")
    if not plain.isascii() or not plain.isdecimal() or not 18 <= len(plain) <= _LENGTH:
        raise ValueError(f"{digits!r} is no ICCID; write 18 to 20 digits, in quotes")
    padded = plain.ljust(_LENGTH, "F")
    return bytes.fromhex("".join(padded[at + 1] + padded[at] for at in range(0, _LENGTH, 2)))


def to_digits(octets: bytes) -> str:
    """The digits without padding."""
    text = octets.hex().upper()
    return "".join(text[at + 1] + text[at] for at in range(0, len(text), 2)).rstrip("F")
