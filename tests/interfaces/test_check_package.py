"""The check ``package``: each thing that can be wrong with a Bound Profile Package has a message of its own."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.message import Outcome
from pytest_euicc.conformance.files.observations import Observation
from pytest_euicc.conformance.files.orders import HeldOrder
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.interfaces.es9plus.package import package, segment_sizes
from pytest_euicc.peers.euicc import Binding, EuiccPeer
from pytest_euicc.rsp import bpp, profile_package, signatures
from pytest_euicc.rsp.bsp import BLOCK, LARGEST_PLAIN, STANDARD, Protection, SessionKeys
from pytest_euicc.rsp.bsp_deviations import DEVIATIONS
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.rsp.signatures import CURVES

ICCID = bytes.fromhex("98990000000000000010")
RANDOM_KEYS = SessionKeys(b"e" * 16, b"m" * 16, b"c" * 16)
SERVER_KEY = signatures.private_key_from(b"server", CURVES["nist"])
OTHER_SERVER_KEY = signatures.private_key_from(b"server again", CURVES["nist"])
EUICC_KEY = signatures.private_key_from(b"card", CURVES["nist"])
OTHER_EUICC_KEY = signatures.private_key_from(b"card again", CURVES["nist"])
SESSION, OTHER_SESSION = b"\1" * 16, b"\2" * 16
OWN_OID = "2.999.10"


def metadata_of(**changes: Any) -> bytes:
    value = {"iccid": ICCID, "serviceProviderName": "Operator", "profileName": "Gold"}
    return codec.encode("StoreMetadataRequest", value | changes)


METADATA = metadata_of()
LONG_METADATA = metadata_of(iconType="png", icon=bytes(1024))


def profile_of_whole_blocks() -> bytes:
    size = len(profile_package.build(ICCID, filler=2500))
    return profile_package.build(ICCID, filler=2500 + -(size % LARGEST_PLAIN) % BLOCK)


PROFILE = profile_of_whole_blocks()


ORDER = HeldOrder("AC", package=PROFILE, metadata=METADATA)


@dataclass(frozen=True)
class Made:
    """A package in the making, and what the tester knows of it; right unless changed."""

    metadata: bytes = METADATA
    announced: bytes = METADATA
    profile: bytes = PROFILE
    order: HeldOrder | None = ORDER
    random_keys: SessionKeys | None = None
    session: bytes = SESSION
    euicc_key: ec.EllipticCurvePrivateKey = EUICC_KEY
    server_key: ec.EllipticCurvePrivateKey = SERVER_KEY
    signing_key: ec.EllipticCurvePrivateKey | None = None
    oid: str | None = OWN_OID
    protection: Protection = STANDARD
    metadata_portion: int = 1008
    profile_portion: int = LARGEST_PLAIN
    arrange: Callable[[list[bytes]], list[bytes]] = list
    channel: Callable[[bpp.Binding], bytes] | None = None

    def octets(self) -> bytes:
        """The package."""
        eid = default_pki().euicc(None, "nist").certificate.eid or b""
        signer = self.signing_key or default_pki().server(Role.DP_PB, "nist").private_key
        point = signatures.public_point(self.euicc_key)
        binding = bpp.Binding(self.session, point, eid, self.server_key, signer, b"pytest-euicc")
        whole = bpp.build(
            binding,
            self.metadata,
            self.profile,
            configure=bpp.configure_isdp(self.oid),
            random_keys=self.random_keys,
            metadata_portion=self.metadata_portion,
            profile_portion=self.profile_portion,
            protection=self.protection,
        )
        parts = [part.octets for part in tlv.parse(whole).children()[1:]]
        channel = (self.channel or bpp.initialise_secure_channel)(binding)
        return bpp.assemble(channel, self.arrange(parts))


RANDOM = Made(random_keys=RANDOM_KEYS)
LONG = replace(RANDOM, metadata=LONG_METADATA, announced=LONG_METADATA, order=HeldOrder("AC", package=PROFILE))


def context_of(made: Made, *before: Binding) -> Context:
    """A sequence in which a package was asked for with EUICC_KEY in SESSION."""
    pki = default_pki()
    peer = EuiccPeer(pki, random.Random(0), cast(Any, None))
    peer.order = made.order
    peer.metadata, peer.transaction_id, peer.package = made.announced, SESSION, made.octets()
    peer.smdp_certificate = pki.server(Role.DP_PB, "nist").certificate.der
    peer.server_signed1 = {"transactionId": SESSION}
    peer.server_certificate = pki.server(Role.DP_AUTH, "nist").certificate.der
    peer.one_time_key = EUICC_KEY
    peer.bindings = [*before, Binding(peer.package, EUICC_KEY, SESSION, made.announced)]
    context = Context(Session(), "check")
    context.put_part(peer)
    return context


def mismatches(made: Made, *before: Binding, **how: Any) -> list[Mismatch | Observation]:
    """What the check finds in a package."""
    return list(package(context_of(made, *before), Outcome(value={"transactionId": SESSION}), **how))


def reported(made: Made, *before: Binding, **how: Any) -> str:
    (found,) = mismatches(made, *before, **how)
    return str(found)


@pytest.mark.parametrize("made", [Made(), RANDOM, LONG, Made(oid=None), Made(order=None)])
def test_a_package_that_is_right(made: Made) -> None:
    assert mismatches(made) == []


@pytest.mark.parametrize("name", DEVIATIONS)
@pytest.mark.parametrize("known", [True, False], ids=["profile-known", "profile-not-known"])
def test_a_deviation_of_the_protection_is_named(name: str, known: bool) -> None:
    made = replace(LONG, protection=DEVIATIONS[name].protection)
    message = reported(made if known else replace(made, order=None))
    assert DEVIATIONS[name].sentence in message
    assert f"SGP.22 {DEVIATIONS[name].clause}" in message


def swap(first: int, second: int) -> Callable[[list[bytes]], list[bytes]]:
    def arrange(parts: list[bytes]) -> list[bytes]:
        parts[first], parts[second] = parts[second], parts[first]
        return parts

    return arrange


def within(index: int, change: Callable[[list[bytes]], list[bytes]]) -> Callable[[list[bytes]], list[bytes]]:
    """Change the segments of one sequence."""

    def arrange(parts: list[bytes]) -> list[bytes]:
        part = tlv.parse(parts[index])
        segments = [child.octets for child in part.children()]
        parts[index] = tlv.encode(part.tag, b"".join(change(segments)))
        return parts

    return arrange


def signed_over_own_key(binding: bpp.Binding) -> bytes:
    return bpp.initialise_secure_channel(replace(binding, euicc_otpk=signatures.public_point(binding.one_time_key)))


FAULTS: dict[str, tuple[Made, str]] = {
    "metadata first": (
        Made(arrange=swap(0, 1)),
        "BF36 contains BF23, A1, A0, A3; expected BF36 of BF23, A0, A1, (A2,) A3",
    ),
    "keys before metadata": (replace(RANDOM, arrange=swap(1, 2)), "BF36 contains BF23, A0, A2, A1, A3"),
    "no profile": (Made(arrange=lambda parts: parts[:-1]), "BF36 contains BF23, A0, A1; expected"),
    "segments of the profile swapped": (
        Made(arrange=within(2, lambda segments: [segments[1], segments[0], *segments[2:]])),
        "LoadProfileElements: segment 0: MAC",
    ),
    "a segment of the profile left out": (
        Made(arrange=within(2, lambda segments: [segments[0], *segments[2:]])),
        "LoadProfileElements: segment 1: MAC",
    ),
    "a segment of the metadata left out": (
        replace(LONG, arrange=within(1, lambda segments: segments[:1])),
        "StoreMetadataRequest:",
    ),
    "a changed octet in ConfigureISDP": (
        Made(arrange=within(0, lambda segments: [segments[0][:-1] + bytes([segments[0][-1] ^ 1])])),
        "ConfigureISDP: segment 0: MAC",
    ),
    "the metadata as 87": (
        Made(arrange=within(1, lambda segments: [b"\x87" + segments[0][1:]])),
        "StoreMetadata: A1 contains 87, expected 88",
    ),
    "smdpSign by another key": (Made(signing_key=SERVER_KEY), "InitialiseSecureChannel: smdpSign does not verify"),
    "another session": (Made(session=OTHER_SESSION), "InitialiseSecureChannel: transactionId 0202"),
    "keys of 32 octets": (
        Made(channel=lambda binding: bpp.initialise_secure_channel(binding, key_length=32)),
        "controlRefTemplate: key type 88, length 20",
    ),
    "another operation": (
        Made(channel=lambda binding: bpp.initialise_secure_channel(binding, operation=2)),
        "remoteOpId 2, expected 1",
    ),
    "the OID of another SM-DP+": (Made(oid="2.999.12"), "ConfigureISDP.dpOid: expected 2.999.10"),
    "other metadata than announced": (
        Made(announced=metadata_of(profileName="Silver"), order=None),
        "StoreMetadata: expected profileMetadata as announced",
    ),
    "other metadata than ordered": (
        Made(order=HeldOrder("AC", metadata=metadata_of(profileName="Silver"))),
        "StoreMetadata: expected that of the profile ordered",
    ),
    "another profile than ordered": (
        Made(profile=profile_package.build(ICCID, filler=9)),
        "profile: expected the package ordered",
    ),
    "no profile package": (Made(profile=b"\xbf\x21\x01\0", order=None), "profile: expected a profile package"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told(name: str) -> None:
    made, words = FAULTS[name]
    assert words in reported(made)


def test_every_fault_is_told_in_other_words() -> None:
    messages = [reported(made) for made, _ in FAULTS.values()]
    messages += [reported(replace(LONG, protection=deviation.protection)) for deviation in DEVIATIONS.values()]
    assert len(set(messages)) == len(messages)


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (Made(profile_portion=1008), "LoadProfileElements: segments of up to 1036"),
        (replace(LONG, metadata_portion=1009), "StoreMetadata: segments of up to 1021"),
    ],
)
def test_segments_that_are_too_long_say_nothing_of_what_is_in_them(made: Made, words: str) -> None:
    assert mismatches(made) == []
    (found,) = segment_sizes(context_of(made), Outcome())
    assert str(found).endswith(words)


@pytest.mark.parametrize("made", [Made(), RANDOM, LONG])
def test_segments_of_the_right_size(made: Made) -> None:
    assert list(segment_sizes(context_of(made), Outcome())) == []


def test_smdp_sign_without_the_key_of_the_euicc() -> None:
    assert "smdpSign does not verify" in reported(Made(channel=signed_over_own_key))


def test_keys_of_the_wrong_kind() -> None:
    assert "under session keys" in reported(Made(), keys="random")
    assert "under random keys" in reported(RANDOM, keys="session")


def test_session_keys_sent_as_random_ones() -> None:
    eid = default_pki().euicc(None, "nist").certificate.eid or b""
    binding = bpp.Binding(SESSION, signatures.public_point(EUICC_KEY), eid, SERVER_KEY, SERVER_KEY, b"pytest-euicc")
    assert "the session's own keys" in reported(Made(random_keys=binding.session_keys()))


def test_metadata_in_fewer_segments_than_wanted() -> None:
    assert "at least 2 segments 88, received 1" in reported(Made(), metadata_segments=2)
    assert mismatches(LONG, metadata_segments=2) == []


# ------------------------------------------------------------------ retries

EARLIER = Made(session=OTHER_SESSION, euicc_key=OTHER_EUICC_KEY, random_keys=RANDOM_KEYS)


def earlier(made: Made = EARLIER) -> Binding:
    return Binding(made.octets(), made.euicc_key, made.session, made.announced)


def test_what_a_retry_may_have_in_common_with_the_first_attempt() -> None:
    fresh = replace(RANDOM, server_key=OTHER_SERVER_KEY)
    assert mismatches(fresh, earlier()) == [], "another key of the eUICC, the random keys of the profile"
    same_key = replace(EARLIER, euicc_key=EUICC_KEY)
    assert mismatches(RANDOM, earlier(same_key)) == [], "the same key of the eUICC, that of the server again"
    assert mismatches(fresh, earlier(same_key)) == [], "the same key of the eUICC, everything else anew"


def test_a_one_time_key_for_two_bindings() -> None:
    assert "bound to another key of the eUICC before" in reported(RANDOM, earlier())


def test_random_keys_for_two_profiles() -> None:
    other = replace(EARLIER, announced=metadata_of(profileName="Silver"), server_key=OTHER_SERVER_KEY)
    assert "those of another profile" in reported(RANDOM, earlier(other))


@pytest.mark.parametrize(
    ("stale", "words"),
    [
        (Made(euicc_key=OTHER_EUICC_KEY), "it opens with the one-time key of an earlier download"),
        (Made(session=OTHER_SESSION), "it opens with the transactionId of an earlier download"),
        (
            Made(euicc_key=OTHER_EUICC_KEY, session=OTHER_SESSION),
            "it opens with the one-time key and the transactionId of an earlier download",
        ),
    ],
)
def test_a_package_that_is_bound_to_the_first_attempt(stale: Made, words: str) -> None:
    assert words in reported(stale, earlier())
