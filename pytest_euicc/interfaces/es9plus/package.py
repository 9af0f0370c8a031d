"""The check of a Bound Profile Package: opened as an eUICC does, held against what was announced and ordered.

SGP.22 2.5, 5.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Outcome
from pytest_euicc.conformance.engine.registry import check
from pytest_euicc.conformance.files.orders import Keys
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.peers.euicc import Binding, EuiccPeer

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ec

    from pytest_euicc.rsp.bpp_opening import OpenedPackage, Recipient

_HEADER, _END = 0xA0, 0xAA
_WHOLE = "boundProfilePackage"


@check("package")
def package(
    context: Context, outcome: Outcome, *, keys: Keys | None = None, metadata_segments: int = 1
) -> Iterator[Mismatch]:
    """The Bound Profile Package opens with the eUICC's one-time key, segment by segment (SGP.22 2.5.4, 5.5).

    Verifies smdpSign, keys and counters of the segments, the metadata against those announced and ordered, the profile
    against the one ordered (or that it is a profile package), dpOid, and that no key was used for another binding of
    the sequence. A message names the deviation if it is a known one.

    Args:
        keys: session keys, or ``random``: what the profile is protected with.
        metadata_segments: minimum number of segments 88.
    """
    from pytest_euicc.rsp.bpp_opening import BppFault, open_package
    from pytest_euicc.rsp.certificates import Certificate, CertificateFault

    peer = context.part(EuiccPeer)
    if not peer.package or not peer.bindings:
        yield Mismatch(_WHOLE, "a package", "none received")
        return
    if outcome.value.get("transactionId") != peer.transaction_id:
        yield Mismatch("transactionId", describe(peer.transaction_id), describe(outcome.value.get("transactionId")))
    try:
        signer = Certificate(peer.smdp_certificate).public_key
        recipient = _recipient(peer, peer.bindings[-1], signer)
        opened = open_package(peer.package, recipient)
    except CertificateFault as fault:
        yield Mismatch("smdpCertificate", "the certificate whose key signs the package", str(fault))
        return
    except BppFault as fault:
        earlier = _earlier_binding(peer, signer)
        yield Mismatch(_WHOLE, "a package that opens (SGP.22 2.5)", f"{fault}{earlier}")
        return
    yield from _configuration(peer, opened.configure)
    yield from _metadata(peer, opened, metadata_segments)
    yield from _profile(peer, opened, recipient)
    yield from _keys(opened, keys)
    yield from _fresh(peer, opened)
    yield from _other_random_keys(peer, opened, signer)


@check("segment_sizes")
def segment_sizes(context: Context, _outcome: Outcome) -> Iterator[Mismatch]:
    """No protected segment of the package is longer than 1020 bytes (SGP.22 2.5.3).

    A separate check, because it says nothing about the content of the package.
    """
    from pytest_euicc.rsp.bpp_opening import FUNCTIONS
    from pytest_euicc.rsp.bsp import LARGEST_SEGMENT

    octets = context.part(EuiccPeer).package
    for sequence in tlv.parse(octets).children() if octets else ():
        lengths = [len(segment.octets) for segment in sequence.children()] if sequence.tag in FUNCTIONS else [0]
        if max(lengths) > LARGEST_SEGMENT:
            wanted = f"segments of at most {LARGEST_SEGMENT} octets (SGP.22 2.5.3)"
            yield Mismatch(_WHOLE, wanted, f"{FUNCTIONS[sequence.tag]}: segments of up to {max(lengths)}")


def _recipient(peer: EuiccPeer, binding: Binding, signer: ec.EllipticCurvePublicKey) -> Recipient:
    from pytest_euicc.rsp.bpp_opening import Recipient

    return Recipient(binding.one_time_key, peer.eid, binding.transaction_id, signer)


def _earlier_binding(peer: EuiccPeer, signer: ec.EllipticCurvePublicKey) -> str:
    """What of an earlier download of the sequence the package is bound to instead, for the message."""
    from pytest_euicc.rsp.bpp_opening import BppFault, Recipient, open_package

    now = peer.bindings[-1]
    for before in peer.bindings[:-1]:
        for key, transaction_id, what in (
            (before.one_time_key, now.transaction_id, "the one-time key"),
            (now.one_time_key, before.transaction_id, "the transactionId"),
            (before.one_time_key, before.transaction_id, "the one-time key and the transactionId"),
        ):
            try:
                open_package(peer.package, Recipient(key, peer.eid, transaction_id, signer))
            except BppFault:
                continue
            return f"; it opens with {what} of an earlier download"
    return ""


def _configuration(peer: EuiccPeer, configure: bytes) -> Iterator[Mismatch]:
    """dpProprietaryData are optional, but name this SM-DP+ (SGP.22 5.5.2)."""
    value = codec.decode("ConfigureISDPRequest", configure)
    named = value.get("dpProprietaryData", {}).get("dpOid")
    if named is not None and named != peer.smdp_oid():
        yield Mismatch("ConfigureISDP.dpOid", f"{peer.smdp_oid()} as in CERT.DPauth (SGP.22 5.5.2)", named)


def _metadata(peer: EuiccPeer, opened: OpenedPackage, segments: int) -> Iterator[Mismatch]:
    received = opened.metadata
    ordered = peer.order.metadata if peer.order else None
    for wanted, what in ((peer.metadata, "profileMetadata as announced"), (ordered, "that of the profile ordered")):
        if wanted is not None and received != wanted:
            yield Mismatch("StoreMetadata", f"{what}, {wanted.hex().upper()} (SGP.22 3.1.3)", received.hex().upper())
    if opened.metadata_segments < segments:
        yield Mismatch("StoreMetadata", f"at least {segments} segments 88", str(opened.metadata_segments))


def _profile(peer: EuiccPeer, opened: OpenedPackage, recipient: Recipient) -> Iterator[Mismatch]:
    """The profile ordered where it is known, else a profile package; CBC hides a wrong counter from padding and MAC."""
    from pytest_euicc.rsp.bpp_opening import explain

    ordered = peer.order.package if peer.order else None

    def right(octets: bytes) -> bool:
        return octets == ordered if ordered is not None else _is_profile_package(octets)

    if right(opened.profile):
        return
    wanted = "a profile package, from its header to its end (SGP.22 2.5.2)"
    if ordered is not None:
        wanted = f"the package ordered, {len(ordered)} octets beginning {ordered[:32].hex().upper()}"
    received = f"{len(opened.profile)} octets beginning {opened.profile[:32].hex().upper()}"
    found = explain(peer.package, recipient, lambda other: right(other.profile))
    if found is not None:
        received += f"; it is right where {found.sentence} (SGP.22 {found.clause})"
    yield Mismatch("profile", wanted, received)


def _is_profile_package(octets: bytes) -> bool:
    try:
        elements = tlv.parse_all(octets)
    except tlv.TlvError:
        return False
    return len(elements) > 1 and elements[0].tag == _HEADER and elements[-1].tag == _END


def _keys(opened: OpenedPackage, keys: Keys | None) -> Iterator[Mismatch]:
    used = "session" if opened.random_keys is None else "random"
    if keys is not None and used != keys:
        yield Mismatch(_WHOLE, f"the profile under {keys} keys (SGP.22 2.5.3)", f"under {used} keys")
    if opened.random_keys is not None:
        own = {opened.session_keys.encryption, opened.session_keys.mac}
        if own & {opened.random_keys.encryption, opened.random_keys.mac}:
            yield Mismatch("ReplaceSessionKeys", "random keys (SGP.22 2.5.3)", "the session's own keys")


def _fresh(peer: EuiccPeer, opened: OpenedPackage) -> Iterator[Mismatch]:
    """A one-time key pair of the SM-DP+ is for one binding: only the same key of the eUICC may see it again (5.6.2)."""
    from pytest_euicc.rsp.signatures import public_point

    own = public_point(peer.bindings[-1].one_time_key)
    for before in peer.bindings[:-1]:
        same_binding = public_point(before.one_time_key) == own
        if not same_binding and before.smdp_otpk == opened.smdp_otpk:
            received = f"{opened.smdp_otpk.hex().upper()}, which was bound to another key of the eUICC before"
            yield Mismatch("smdpOtpk", "a one-time key of this binding (SGP.22 5.6.2)", received)
            return


def _other_random_keys(peer: EuiccPeer, opened: OpenedPackage, signer: ec.EllipticCurvePublicKey) -> Iterator[Mismatch]:
    """Random keys are of one profile; its Protected Profile Package may be bound again with them (SGP.22 2.5.3)."""
    from pytest_euicc.rsp.bpp_opening import BppFault, open_package

    if opened.random_keys is None:
        return
    for before in peer.bindings[:-1]:
        if before.metadata == peer.metadata:
            continue
        try:
            other = open_package(before.package, _recipient(peer, before, signer))
        except BppFault:
            continue
        if other.random_keys == opened.random_keys:
            yield Mismatch("ReplaceSessionKeys", "keys of this profile (SGP.22 2.5.3)", "those of another profile")
