"""Signatures and key agreement against published answers (RFC 6979, RFC 5903, RFC 7027)."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.signatures import CURVES

BOTH = pytest.mark.parametrize("curve", CURVES.values(), ids=list(CURVES))


def test_deterministic_signature_of_rfc_6979() -> None:
    """RFC 6979 A.2.5, SHA-256, message "sample"."""
    number = 0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721
    key = ec.derive_private_key(number, ec.SECP256R1())
    signature = bytes.fromhex(
        "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
        "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"
    )
    assert signatures.sign(key, b"sample") == signature
    assert signatures.verify(key.public_key(), b"sample", signature)


@pytest.mark.parametrize(
    ("curve", "own", "other", "secret"),
    [
        (  # RFC 5903 8.1
            ec.SECP256R1(),
            "C88F01F510D9AC3F70A292DAA2316DE544E9AAB8AFE84049C62A9C57862D1433",
            "C6EF9C5D78AE012A011164ACB397CE2088685D8F06BF9BE0B283AB46476BEE53",
            "D6840F6B42F6EDAFD13116E0E12565202FEF8E9ECE7DCE03812464D04B9442DE",
        ),
        (  # RFC 7027 A.1
            ec.BrainpoolP256R1(),
            "81DB1EE100150FF2EA338D708271BE38300CB54241D79950F77B063039804F1D",
            "55E40BC41E37E3E2AD25C3C6654511FFA8474A91A0032087593852D3E7D76BD3",
            "89AFC39D41D3B327814B80940B042590F96556EC91E6AE7939BCE31F3A18BF2B",
        ),
    ],
)
def test_published_key_agreement(curve: ec.EllipticCurve, own: str, other: str, secret: str) -> None:
    key = ec.derive_private_key(int(own, 16), curve)
    point = signatures.public_point(ec.derive_private_key(int(other, 16), curve))
    assert len(point) == 65
    assert signatures.shared_secret(key, point) == bytes.fromhex(secret)


def test_hash_of_a_confirmation_code() -> None:
    """Computed with openssl dgst, both rounds."""
    expected = "87b0215c5d8f952804b1c92d5f2ae9966568b47cd659519536d862e7a9470d2d"
    transaction_id = bytes.fromhex("0102030405060708090a0b0c0d0e0f10")
    assert signatures.hash_cc("12345678", transaction_id).hex() == expected


@BOTH
@given(data=st.binary(max_size=100), place=st.integers(0, 63), change=st.integers(1, 255))
def test_a_changed_signature_never_verifies(curve: ec.EllipticCurve, data: bytes, place: int, change: int) -> None:
    key = signatures.private_key_from(b"signer", curve)
    signature = bytearray(signatures.sign(key, data))
    assert signatures.verify(key.public_key(), data, bytes(signature))
    signature[place] ^= change
    assert not signatures.verify(key.public_key(), data, bytes(signature))


@BOTH
def test_a_number_without_its_leading_zeros_is_no_signature(curve: ec.EllipticCurve) -> None:
    """BSI TR-03111 5.2.1: r and s have the length of the order, whatever their values."""
    key = signatures.private_key_from(b"signer", curve)
    made = ((bytes([high, low]), signatures.sign(key, bytes([high, low]))) for high in range(256) for low in range(256))
    data, signature = next((data, signature) for data, signature in made if signature[32] == 0)
    assert signatures.verify(key.public_key(), data, signature)
    assert not signatures.verify(key.public_key(), data, signature[:32] + signature[33:])


@BOTH
@given(signature=st.binary(max_size=80))
def test_hostile_signatures_are_no_error(curve: ec.EllipticCurve, signature: bytes) -> None:
    assert not signatures.verify(signatures.private_key_from(b"signer", curve).public_key(), b"data", signature)


@BOTH
def test_numbers_out_of_range_are_no_signature(curve: ec.EllipticCurve) -> None:
    key = signatures.private_key_from(b"signer", curve).public_key()
    for octets in (bytes(64), b"\xff" * 64, bytes(32) + b"\x01" * 32, b"\x01" * 32 + bytes(32)):
        assert not signatures.verify(key, b"data", octets)


@BOTH
@given(point=st.one_of(st.binary(max_size=70), st.binary(min_size=64, max_size=64).map(lambda rest: b"\x04" + rest)))
def test_what_is_no_point_of_the_curve_is_refused(curve: ec.EllipticCurve, point: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        signatures.shared_secret(signatures.private_key_from(b"own", curve), point)


def test_a_point_of_the_other_curve_is_refused() -> None:
    nist, brainpool = (signatures.private_key_from(b"own", curve) for curve in CURVES.values())
    with pytest.raises(ValueError, match=r"."):
        signatures.shared_secret(nist, signatures.public_point(brainpool))


@pytest.mark.parametrize("curve", [ec.SECP192R1(), *CURVES.values(), ec.SECP384R1()], ids=lambda curve: curve.name)
@given(seed=st.binary(max_size=40))
def test_every_seed_gives_a_key(curve: ec.EllipticCurve, seed: bytes) -> None:
    numbers = signatures.private_key_from(seed, curve).private_numbers()
    assert numbers == signatures.private_key_from(seed, curve).private_numbers()
