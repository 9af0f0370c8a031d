"""BSP and BPP against known answers of a third-party SM-DP+ and against themselves."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp import bpp, signatures
from pytest_euicc.rsp.bsp import Bsp, BspFault, BspFaultKind, SessionKeys, derive, protected_length

EID = bytes.fromhex("89049032123451234512345678901235")
SECRET = bytes.fromhex("c9a993dd4879a8f7161f2085410edd4f9652f1df37be097ba96ba2ca6be528fe")
KEYS = SessionKeys(
    bytes.fromhex("472f5bfadd97f21d34f3ce9b51b92751"),
    bytes.fromhex("9ec07f5b36a13e12a991d66e294e6242"),
    bytes.fromhex("406d507b448a699e7a36a38494debbde"),
)
METADATA = bytes.fromhex(
    "bf252d5a0a98001032547698103214910947534d415f54455354921147534d415f544553545f50524f46494c45950100"
)
REPLACE = bytes.fromhex(
    "bf26368010000102030405060708090a0b0c0d0e0f8110010102030405060708090a0b0c0d0e0f8210020102030405060708090a0b0c0d0e0f"
)


def test_derived_keys() -> None:
    assert derive(SECRET, 0x88, 0x10, bytes([0x80] * 8), EID) == KEYS


KNOWN = [
    (0x87, bytes.fromhex("bf2400"), "8718f6fe031e4b9cfe87c8e1e62f3fde85c49412d7722a6a2d89"),
    (0x88, METADATA, "8838" + METADATA.hex() + "8a62cc9adbb5ccbc"),
    (
        0x87,
        REPLACE,
        "8748a14c800a001992351cd46ad2945654674369701d82b7b46567652bc8fbed234939fc57fba748015525fd6c651e9d3d1330652d42a0cfad95"
        "0e912122af4ec5362d3c0bc535729c40",
    ),
]


def test_known_segments() -> None:
    sender, receiver = Bsp(KEYS), Bsp(KEYS)
    for tag, plain, protected in KNOWN:
        assert sender.protect(tag, plain).hex() == protected
        assert receiver.open(bytes.fromhex(protected)) == plain


def test_known_replace_session_keys() -> None:
    keys = SessionKeys(bytes([1, 1, *range(2, 16)]), bytes([2, 1, *range(2, 16)]), bytes(range(16)))
    assert bpp.replace_session_keys(keys) == REPLACE


@given(st.lists(st.tuples(st.sampled_from([0x86, 0x87, 0x88]), st.binary(max_size=1007)), max_size=6))
def test_opened_is_what_was_protected(parts: list[tuple[int, bytes]]) -> None:
    sender, receiver = Bsp(KEYS), Bsp(KEYS)
    for tag, plain in parts:
        segment = sender.protect(tag, plain)
        assert len(segment) <= 1020 or tag == 0x88
        assert receiver.open(segment) == plain


@pytest.mark.parametrize(
    ("segment", "kind"),
    [
        (b"", BspFaultKind.STRUCTURE),
        (b"\x87\x03abc", BspFaultKind.STRUCTURE),
        (b"\x89\x08abcdefgh", BspFaultKind.STRUCTURE),
        (bytes.fromhex(KNOWN[0][2][:-2] + "00"), BspFaultKind.MAC),
    ],
)
def test_faults(segment: bytes, kind: BspFaultKind) -> None:
    with pytest.raises(BspFault) as caught:
        Bsp(KEYS).open(segment)
    assert caught.value.kind is kind


def test_bad_padding_is_told_from_a_bad_mac() -> None:
    class Unpadded(Bsp):
        def encrypt_and_mac(self, tag: int, data: bytes, *, mark: bytes = b"") -> bytes:
            return self._with_mac(tag, self._crypt(data, 1, encrypt=True))

    # No 80 at all, and an 80 that a whole block of zeros follows.
    for padded in (bytes(16), bytes(15) + b"\x80" + bytes(16)):
        with pytest.raises(BspFault) as caught:
            Bsp(KEYS).open(Unpadded(KEYS).encrypt_and_mac(0x86, padded))
        assert caught.value.kind is BspFaultKind.PADDING


def test_a_refused_segment_changes_nothing() -> None:
    segment, following = (sender := Bsp(KEYS)).protect(0x86, b"one"), sender.protect(0x86, b"two")
    receiver = Bsp(KEYS)
    for broken in (following, segment[:-1] + bytes([segment[-1] ^ 1])):
        with pytest.raises(BspFault):
            receiver.open(broken)
    assert [receiver.open(segment), receiver.open(following)] == [b"one", b"two"]


def test_faults_can_be_forgiven() -> None:
    segment = Bsp(KEYS).encrypt_and_mac(0x86, b"profile", mark=b"\0")
    broken = segment[:-1] + bytes([segment[-1] ^ 1])
    with pytest.raises(BspFault) as caught:
        Bsp(KEYS).open(broken, forgive=frozenset({BspFaultKind.PADDING}))
    assert caught.value.kind is BspFaultKind.MAC
    assert Bsp(KEYS).open(broken, forgive=frozenset(BspFaultKind)) == b"profile"


@pytest.mark.parametrize("plain", [0, 15, 16, 1007])
@pytest.mark.parametrize("tag", [0x86, 0x87, 0x88])
def test_the_length_of_a_segment_is_known_before(tag: int, plain: int) -> None:
    assert protected_length(tag, plain) == len(Bsp(KEYS).protect(tag, bytes(plain)))


@pytest.mark.parametrize("octets", [0, 1, 15, 17])
def test_encrypted_octets_that_are_not_whole_blocks(octets: int) -> None:
    class Uncut(Bsp):
        def encrypt_and_mac(self, tag: int, data: bytes, *, mark: bytes = b"") -> bytes:
            return self._with_mac(tag, data)

    with pytest.raises(BspFault) as caught:
        Bsp(KEYS).open(Uncut(KEYS).encrypt_and_mac(0x86, bytes(octets)))
    assert caught.value.kind is BspFaultKind.STRUCTURE


@pytest.mark.parametrize("curve", signatures.CURVES.values(), ids=list(signatures.CURVES))
@pytest.mark.parametrize("random_keys", [None, SessionKeys(b"e" * 16, b"m" * 16, b"c" * 16)], ids=["session", "random"])
def test_a_package_opens_segment_by_segment(curve: ec.EllipticCurve, random_keys: SessionKeys | None) -> None:
    card = signatures.private_key_from(b"card", curve)
    server = signatures.private_key_from(b"server", curve)
    signer = signatures.private_key_from(b"signer", curve)
    binding = bpp.Binding(b"\x01\x02", signatures.public_point(card), EID, server, signer, bytes(8))
    profile = bytes(range(256)) * 9
    package = bpp.build(binding, METADATA, profile, random_keys=random_keys, metadata_portion=30)
    cut = bpp.segments(package)
    assert b"".join(cut) == package
    secure_channel = tlv.find(package, 0xBF36, 0xBF23)
    assert cut[0].endswith(secure_channel)
    secret = signatures.shared_secret(card, signatures.public_point(server))
    bsp = Bsp(derive(secret, 0x88, 16, bytes(8), EID))
    parts = tlv.parse(package).children()
    assert bsp.open(parts[1].value) == bytes.fromhex("BF2400")
    assert b"".join(bsp.open(child.octets) for child in parts[2].children()) == METADATA
    assert len(parts[2].children()) == 2
    if random_keys is not None:
        assert bsp.open(parts[3].value) == bpp.replace_session_keys(random_keys)
        bsp = Bsp(random_keys)
    elements = parts[-1].children()
    assert b"".join(bsp.open(child.octets) for child in elements) == profile
    assert max(len(child.octets) for child in elements) == 1020


def test_signatures_are_plain_format_and_reproducible() -> None:
    for curve in signatures.CURVES.values():
        key = signatures.private_key_from(b"a", curve)
        signature = signatures.sign(key, b"data")
        assert signature == signatures.sign(key, b"data")
        assert len(signature) == 64
        assert signatures.verify(key.public_key(), b"data", signature)
        assert not signatures.verify(key.public_key(), b"date", signature)
        assert not signatures.verify(key.public_key(), b"data", signature[:-1])
        assert not signatures.verify(key.public_key(), b"data", bytes(64))


def test_a_point_off_the_curve_is_refused() -> None:
    key = signatures.private_key_from(b"a", signatures.CURVES["nist"])
    with pytest.raises(ValueError, match="point"):
        signatures.shared_secret(key, b"\x02" + bytes(32))
    with pytest.raises(ValueError, match="Invalid EC key"):
        signatures.shared_secret(key, b"\x04" + bytes(63) + b"\x01")
