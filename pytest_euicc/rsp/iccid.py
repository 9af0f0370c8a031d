"""The two codings of an ICCID that meet in a download.

SGP.22 and EF ICCID have the digits with swapped nibbles (ETSI TS 102 221 13.2): ``98001032…``. The header of a profile
package has them in their natural order (TCA IFS 8.2, as the published TS.48 packages show): ``89000123…``. People write
the digits without padding (ITU-T E.118).
"""

from __future__ import annotations

from random import Random

_LENGTH = 20


def swapped(octets: bytes) -> bytes:
    """The other coding: every octet with its nibbles swapped."""
    return bytes(octet >> 4 | (octet & 0x0F) << 4 for octet in octets)


def to_octets(digits: str) -> bytes:
    """10 octets, nibbles swapped, padded with F; raises ValueError."""
    plain = digits.rstrip("Ff")
    if not plain.isascii() or not plain.isdecimal() or not 18 <= len(plain) <= _LENGTH:
        raise ValueError(f"{digits!r} is not an ICCID; write 18 to 20 digits, in quotes")
    padded = plain.ljust(_LENGTH, "F")
    return swapped(bytes.fromhex(padded))


def to_digits(octets: bytes) -> str:
    """The digits without padding."""
    return swapped(octets).hex().upper().rstrip("F")


def check_digit(digits: str) -> str:
    """The digit that ends an ICCID (ITU-T E.118, ISO/IEC 7812-1 annex B)."""
    doubled = (int(digit) * (2 - at % 2) for at, digit in enumerate(reversed(digits)))
    return str(-sum(value - 9 * (value > 9) for value in doubled) % 10)


def new_iccid(random: Random) -> bytes:
    """An ICCID under no country's code, with its check digit, another one each time; 10 octets, nibbles swapped."""
    digits = f"8999{random.randrange(10**14):014d}"
    return to_octets(digits + check_digit(digits))
