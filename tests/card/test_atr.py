"""Answers to reset, taken apart by hand (ISO 7816-3 8.2)."""

from functools import reduce
from operator import xor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_euicc.card.atr import Atr, AtrError, protocols

# TS 3B, T0 9F: TA1 and TD1, 15 historical. TD1 80: TD2. TD2 1F: T=15, TA3. TA3 C3. TCK at the end.
_WITH_T15 = bytes.fromhex("3B9F96801FC3") + bytes(range(0x80, 0x8F))
UICC = _WITH_T15 + bytes((reduce(xor, _WITH_T15[1:]),))


def test_a_uicc() -> None:
    atr = Atr.parse(UICC)
    assert atr.interface == {"TA1": 0x96, "TD1": 0x80, "TD2": 0x1F, "TA3": 0xC3}
    assert (atr.protocols, atr.checksum, atr.checksum_due) == ((0,), "right", True)
    assert atr.historical == bytes(range(0x80, 0x8F))
    assert atr.global_interface == ({"TA": 0xC3},)


def test_global_octets_of_an_euicc() -> None:
    # T0 90, TA1 97, TD1 80, TD2 B1, TA3 FE, TB3 45, TD3 3F, TA4 C7, TB4 82
    body = bytes.fromhex("909780B1FE453FC782")
    atr = Atr.parse(b"\x3b" + body + bytes((reduce(xor, body),)))
    assert (atr.protocols, atr.checksum) == ((0, 1), "right")
    assert atr.global_interface == ({"TA": 0xC7, "TB": 0x82},)


@pytest.mark.parametrize(
    ("octets", "offered", "checksum", "due"),
    [
        ("3B00", (0,), "none", False),
        ("3B0000", (0,), "right", False),
        ("3B800181", (1,), "right", True),
        ("3B800182", (1,), "wrong", True),
        ("3B8001", (1,), "none", True),
        ("3F02AABB", (0,), "none", False),
    ],
)
def test_protocols_and_checksum(octets: str, offered: tuple[int, ...], checksum: str, due: bool) -> None:
    atr = Atr.parse(bytes.fromhex(octets))
    assert (atr.protocols, atr.checksum, atr.checksum_due) == (offered, checksum, due)
    assert protocols(bytes.fromhex(octets)) == offered


@pytest.mark.parametrize("octets", ["", "3B", "3C00", "3B80", "3B02AA", "3B9F", "3B00AABB"])
def test_what_is_no_atr(octets: str) -> None:
    with pytest.raises(AtrError):
        Atr.parse(bytes.fromhex(octets))
    assert protocols(bytes.fromhex(octets)) == (0,)


@given(st.binary(max_size=40))
def test_any_octets_are_read_or_refused(octets: bytes) -> None:
    try:
        atr = Atr.parse(b"\x3b" + octets)
    except AtrError:
        return
    assert atr.octets == b"\x3b" + octets
    assert len(atr.historical) == octets[0] & 0x0F
