"""Bound Profile Packages built, cut, opened again, and refused for each thing that can be wrong with them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import bpp, signatures
from pytest_euicc.rsp.bpp_opening import BppFault, BppFaultKind, OpenedPackage, Recipient, open_package
from pytest_euicc.rsp.bsp import Bsp, SessionKeys
from pytest_euicc.rsp.signatures import CURVES

EID = bytes.fromhex("89049032123451234512345678901235")
METADATA = bytes.fromhex(
    "bf252d5a0a98001032547698103214910947534d415f54455354921147534d415f544553545f50524f46494c45950100"
)
RANDOM_KEYS = SessionKeys(b"e" * 16, b"m" * 16, b"c" * 16)
PROFILE = bytes(range(256)) * 9
BOTH = pytest.mark.parametrize("curve", CURVES.values(), ids=list(CURVES))
KEYS = pytest.mark.parametrize("random_keys", [None, RANDOM_KEYS], ids=["session-keys", "random-keys"])


def _key(name: str, curve: ec.EllipticCurve) -> ec.EllipticCurvePrivateKey:
    return signatures.private_key_from(name.encode(), curve)


def _session(curve: ec.EllipticCurve = CURVES["nist"], eid: bytes = EID) -> tuple[bpp.Binding, Recipient]:
    card, signer = _key("card" + eid.hex(), curve), _key("signer", curve)
    binding = bpp.Binding(
        b"\x01\x02", signatures.public_point(card), eid, _key("server" + eid.hex(), curve), signer, bytes(8)
    )
    return binding, Recipient(card, eid, b"\x01\x02", signer.public_key())


def _fault(package: bytes, recipient: Recipient) -> BppFaultKind:
    with pytest.raises(BppFault) as caught:
        open_package(package, recipient)
    return caught.value.kind


@BOTH
@KEYS
def test_opened_is_what_was_built(curve: ec.EllipticCurve, random_keys: SessionKeys | None) -> None:
    binding, recipient = _session(curve)
    package = bpp.build(binding, METADATA, PROFILE, random_keys=random_keys)
    otpk = signatures.public_point(binding.one_time_key)
    keys = binding.session_keys()
    expected = OpenedPackage(bytes.fromhex("BF2400"), METADATA, random_keys, PROFILE, otpk, bytes(8), keys, 1)
    assert open_package(package, recipient) == expected


@given(st.binary(min_size=1, max_size=5000))
def test_any_profile_comes_back_in_segments_of_the_right_size(profile: bytes) -> None:
    binding, recipient = _session()
    package = bpp.build(binding, METADATA, profile)
    assert open_package(package, recipient).profile == profile
    assert all(len(segment) <= 1020 for segment in bpp.segments(package))


@pytest.mark.parametrize(("octets", "segments"), [(1, 1), (1007, 1), (1008, 2), (2014, 2), (2015, 3)])
def test_a_segment_carries_1007_octets(octets: int, segments: int) -> None:
    elements = bpp.protect_profile(RANDOM_KEYS, bytes(octets))
    assert len(elements) == segments
    assert max(map(len, elements)) <= 1020


def test_large_metadata_goes_over_several_segments() -> None:
    icon = {"iconType": "png", "icon": bytes(1024)}
    metadata = codec.encode("StoreMetadataRequest", codec.decode("StoreMetadataRequest", METADATA) | icon)
    binding, recipient = _session()
    package = bpp.build(binding, metadata, PROFILE)
    carried = tlv.parse(package).children()[2].children()
    assert len(carried[0].octets) == 1020
    assert len(carried) == 2
    assert open_package(package, recipient).metadata == metadata


def test_a_protected_profile_is_bound_again_to_another_euicc() -> None:
    protected = bpp.protect_profile(RANDOM_KEYS, PROFILE)
    packages = []
    for eid in (EID, bytes.fromhex("89033023426300000000000000000001")):
        binding, recipient = _session(eid=eid)
        package = bpp.build(binding, METADATA, b"", random_keys=RANDOM_KEYS, protected=protected)
        assert open_package(package, recipient).profile == PROFILE
        packages.append(tlv.parse(package).children())
    assert packages[0][-1].octets == packages[1][-1].octets
    assert packages[0][3].octets != packages[1][3].octets


@KEYS
def test_the_lpa_cuts_where_the_specification_does(random_keys: SessionKeys | None) -> None:
    """SGP.22 2.5.5: one segment each for BF23, A0, the header of A1, its 88s, A2, the header of A3, its 86s."""
    binding, _ = _session()
    package = bpp.build(binding, METADATA, PROFILE, random_keys=random_keys, metadata_portion=30)
    cut = bpp.segments(package)
    assert b"".join(cut) == package
    starts = [segment[:2].hex() if segment[:1] == b"\xbf" else segment[:1].hex() for segment in cut]
    keys = ["a2"] if random_keys else []
    assert starts == ["bf36", "a0", "a1", "88", "88", *keys, "a3", "86", "86", "86"]
    headers = [segment for segment in cut if segment[0] in (0xA1, 0xA3)]
    assert [len(header) for header in headers] == [2, 4]


def test_lengths_stay_as_received_when_cut() -> None:
    long_form = bytes.fromhex("BF3681098703") + b"abc" + bytes.fromhex("A1820000")
    assert bpp.segments(long_form) == [bytes.fromhex("BF3681098703") + b"abc", bytes.fromhex("A1820000")]


def test_the_signature_covers_the_one_time_keys_of_both() -> None:
    binding, recipient = _session()
    other = replace(binding, euicc_otpk=signatures.public_point(_key("another card", CURVES["nist"])))
    assert _fault(bpp.build(other, METADATA, PROFILE), recipient) is BppFaultKind.SIGNATURE


def test_each_fault() -> None:
    binding, recipient = _session()
    package = bpp.build(binding, METADATA, PROFILE)
    assert _fault(package, replace(recipient, transaction_id=b"\x03")) is BppFaultKind.TRANSACTION
    assert _fault(package, replace(recipient, eid=bytes(16))) is BppFaultKind.PROTECTION
    signer = _key("somebody", CURVES["nist"]).public_key()
    assert _fault(package, replace(recipient, signer=signer)) is BppFaultKind.SIGNATURE


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"operation": 2}, BppFaultKind.OPERATION),
        ({"key_type": 0x80}, BppFaultKind.CONTROL_REFERENCE),
        ({"key_length": 32}, BppFaultKind.CONTROL_REFERENCE),
    ],
)
def test_faults_of_the_secure_channel(change: dict[str, int], kind: BppFaultKind) -> None:
    binding, recipient = _session()
    parts = tlv.parse(bpp.build(binding, METADATA, PROFILE)).children()
    secure_channel = bpp.initialise_secure_channel(binding, **change)
    assert _fault(bpp.assemble(secure_channel, [part.octets for part in parts[1:]]), recipient) is kind


def test_a_one_time_key_of_the_other_curve() -> None:
    binding, recipient = _session()
    other = replace(binding, one_time_key=_key("server", CURVES["brainpool"]))
    secure_channel = bpp.initialise_secure_channel(other)
    parts = tlv.parse(bpp.build(binding, METADATA, PROFILE)).children()
    package = bpp.assemble(secure_channel, [part.octets for part in parts[1:]])
    assert _fault(package, recipient) is BppFaultKind.ONE_TIME_KEY


def test_a_segment_of_more_than_1020_octets_opens() -> None:
    binding, recipient = _session()
    protected = bpp.protect_profile(RANDOM_KEYS, PROFILE, portion=1008)
    package = bpp.build(binding, METADATA, b"", random_keys=RANDOM_KEYS, protected=protected)
    assert open_package(package, recipient).profile == PROFILE


@pytest.mark.parametrize("order", [[0, 1, 2], [0, 2, 1, 3], [0, 1, 2, 3, 3], [1, 0, 2, 3], [0, 1, 3], []])
def test_parts_missing_double_or_in_another_order(order: list[int]) -> None:
    binding, recipient = _session()
    parts = [part.octets for part in tlv.parse(bpp.build(binding, METADATA, PROFILE)).children()]
    package = tlv.encode(bpp.BPP, b"".join(parts[index] for index in order))
    assert _fault(package, recipient) is BppFaultKind.STRUCTURE


@pytest.mark.parametrize(("sequence", "tag"), [(bpp.FIRST_87, 0x88), (bpp.SEQUENCE_88, 0x87), (bpp.SEQUENCE_86, 0x87)])
def test_a_sequence_with_well_protected_segments_of_another_kind(sequence: int, tag: int) -> None:
    binding, recipient = _session()
    bsp = Bsp(binding.session_keys())
    kinds = {bpp.FIRST_87: 0x87, bpp.SEQUENCE_88: 0x88, bpp.SEQUENCE_86: 0x86} | {sequence: tag}
    contents = {bpp.FIRST_87: bytes.fromhex("BF2400"), bpp.SEQUENCE_88: METADATA, bpp.SEQUENCE_86: b"profile"}
    parts = [tlv.encode(each, bsp.protect(kinds[each], contents[each])) for each in contents]
    package = bpp.assemble(bpp.initialise_secure_channel(binding), parts)
    assert _fault(package, recipient) is BppFaultKind.STRUCTURE


def test_an_empty_sequence() -> None:
    binding, recipient = _session()
    assert _fault(bpp.build(binding, METADATA, b""), recipient) is BppFaultKind.STRUCTURE


def test_metadata_that_is_none() -> None:
    binding, recipient = _session()
    assert _fault(bpp.build(binding, bytes.fromhex("BF2500"), PROFILE), recipient) is BppFaultKind.CONTENT


def test_new_keys_of_another_length() -> None:
    binding, recipient = _session()
    keys = SessionKeys(bytes(32), bytes(32), bytes(16))
    package = bpp.build(binding, METADATA, b"", random_keys=keys, protected=bpp.protect_profile(RANDOM_KEYS, PROFILE))
    assert _fault(package, recipient) is BppFaultKind.CONTENT


def test_segments_swapped() -> None:
    binding, recipient = _session()
    first, second, *rest = bpp.protect_profile(RANDOM_KEYS, PROFILE)
    package = bpp.build(binding, METADATA, b"", random_keys=RANDOM_KEYS, protected=[second, first, *rest])
    assert _fault(package, recipient) is BppFaultKind.PROTECTION


@pytest.mark.parametrize("configure", [b"", bytes.fromhex("BF2500"), bytes.fromhex("BF2402")])
def test_a_configure_isdp_that_is_none(configure: bytes) -> None:
    binding, recipient = _session()
    package = bpp.build(binding, METADATA, PROFILE, configure=configure)
    assert _fault(package, recipient) in (BppFaultKind.CONTENT, BppFaultKind.STRUCTURE)


@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_a_changed_octet_never_opens(place: int, change: int) -> None:
    binding, recipient = _session()
    package = bytearray(bpp.build(binding, METADATA, PROFILE, random_keys=RANDOM_KEYS))
    package[place % len(package)] ^= change
    with pytest.raises(BppFault):
        open_package(bytes(package), recipient)


@given(st.binary(max_size=200))
def test_hostile_octets(octets: bytes) -> None:
    _, recipient = _session()
    with pytest.raises(BppFault):
        open_package(octets, recipient)


def test_the_counter_advances_over_segments_that_are_only_macked() -> None:
    """The metadata's 88s count as blocks: the same 87 behind one or two of them is encrypted differently."""
    ciphertexts = set()
    for count in (1, 2):
        bsp = Bsp(RANDOM_KEYS)
        for _ in range(count):
            bsp.mac_only(0x88, METADATA)
        ciphertexts.add(bsp.encrypt_and_mac(0x87, METADATA)[2:-8])
    assert len(ciphertexts) == 2
