"""The IMEI of a device as DeviceInfo carries it (SGP.22 4.2, 3GPP TS 23.003 6.2)."""

from __future__ import annotations

from pytest_euicc.errors import PytestEuiccError


class ImeiError(PytestEuiccError, ValueError):
    """A text that is no IMEI."""


def octets_of_imei(digits: str) -> bytes:
    """Eight octets in telephony BCD, the check digit in the high half of the last one, F in the low half.

    Raises:
        ImeiError: it has not 14 or 15 digits.
    """
    if not digits.isdecimal() or len(digits) not in (14, 15):
        raise ImeiError(f"{digits!r} is not an IMEI: write 14 digits, or 15 with the check digit")
    whole = digits if len(digits) == 15 else digits + _check_digit(digits)
    pairs = [whole[at : at + 2] for at in range(0, 14, 2)]
    return bytes(int(pair[1] + pair[0], 16) for pair in pairs) + bytes([int(whole[14]) << 4 | 0x0F])


def _check_digit(digits: str) -> str:
    """By Luhn's rule, with every second digit doubled (3GPP TS 23.003 annex B)."""
    doubled = (int(digit) * (1 + at % 2) for at, digit in enumerate(digits))
    return str(-sum(value - 9 * (value > 9) for value in doubled) % 10)
