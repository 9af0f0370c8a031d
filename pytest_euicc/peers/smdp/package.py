"""The tester's Bound Profile Package, sent function by function of ES8+ (SGP.22 2.5.4, 2.5.5, 5.5).

Each function protects its own plain request and sends it; what a vector wants wrong is either in the plain request,
before the protection, or in the protected octets. The first segment announces the length of the whole package, so it
is made with a look at the steps that follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused, VectorMistake
from pytest_euicc.conformance.engine.message import Message
from pytest_euicc.conformance.engine.registry import ACTIONS
from pytest_euicc.conformance.files.vector import Step
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.tamper import tamper
from pytest_euicc.peers.smdp.requests import (
    PROTECTED_FUNCTIONS,
    REPLACE_SESSION_KEYS,
    SECURE_CHANNEL,
    Arguments,
    ProtectedFunction,
    current_load,
    start_load,
)
from pytest_euicc.peers.smdp.session import Load, SmdpPeer
from pytest_euicc.rsp import bpp, signatures
from pytest_euicc.rsp.bsp import KEY_LENGTH, Bsp, SessionKeys, derive, protected_length
from pytest_euicc.rsp.certificates import Role

HOST_ID = b"pytest-euicc"
_ENDS_PACKAGE = (
    SECURE_CHANNEL,
    "es10b.get_euicc_challenge",
    "es10b.load_bound_profile_package",
    "tester.download",
    "card.reset",
)


@dataclass(frozen=True)
class Segments:
    """What a step of ES8+ sends: its request as a value, and the segments that carry it."""

    value: Any
    octets: list[bytes]


def protected(name: str, peer: SmdpPeer, message: Message, arguments: Arguments) -> Segments:
    """The segments of one function, each for a chain of STORE DATA (SGP.22 2.5.5)."""
    function, load = PROTECTED_FUNCTIONS[name], current_load(peer)
    bsp = load.bsp
    if bsp is None:
        raise VectorMistake(f"{name}: there are no session keys before InitialiseSecureChannel")
    request = function.plain(peer, message, arguments)
    if arguments.get("keys") == "old" and load.earlier is not None:
        bsp = load.earlier
    segments = _segments(bsp, function, request.octets, arguments)
    sequence = tlv.encode(function.sequence, b"".join(segments))
    if name == REPLACE_SESSION_KEYS:
        _take_keys(load, request.octets)
    octets = tamper(sequence, message.tamper, f"BoundProfilePackage.{function.field}")
    return Segments(request.value, split_segments(octets))


def _segments(bsp: Bsp, function: ProtectedFunction, octets: bytes, arguments: Arguments) -> list[bytes]:
    portion = arguments.get("portion") or function.portion
    parts = [octets[at : at + portion] for at in range(0, len(octets), portion)]
    unpadded = arguments.get("padding") == "wrong"
    return [
        # The last segment is padded with zeros that nothing begins.
        bsp.encrypt_and_mac(function.segment, part, mark=b"\0")
        if unpadded and number == len(parts) - 1
        else bsp.protect(function.segment, part)
        for number, part in enumerate(parts)
    ]


def _take_keys(load: Load, request: bytes) -> None:
    """What follows is under the new keys, if they can be used at all."""
    load.earlier = load.bsp
    try:
        value = codec.decode("ReplaceSessionKeysRequest", request)
    except codec.Asn1Error:
        return
    keys = SessionKeys(value["ppkEnc"], value["ppkCmac"], value["initialMacChainingValue"])
    if {len(keys.encryption), len(keys.mac), len(keys.chaining_value)} == {KEY_LENGTH}:
        load.bsp = Bsp(keys)


def split_segments(sequence: bytes) -> list[bytes]:
    """The segments of a sequence as an LPA cuts them; one that is no TLV any more goes as it is."""
    try:
        outer = tlv.parse(sequence)
        children = [child.octets for child in outer.children()]
    except tlv.TlvError:
        return [sequence]
    if outer.tag in (bpp.FIRST_87, bpp.SECOND_87):
        return [outer.header + b"".join(children[:1]), *children[1:]]
    return [outer.header, *children]


def _length(name: str, octets: bytes, arguments: Arguments) -> int:
    """Octets of the protected sequence of a plain request."""
    function = PROTECTED_FUNCTIONS[name]
    portion = arguments.get("portion") or function.portion
    parts = (min(portion, len(octets) - at) for at in range(0, len(octets), portion))
    inner = sum(protected_length(function.segment, part) for part in parts)
    return len(tlv.encode_tag(function.sequence) + tlv.encode_length(inner)) + inner


# ---------------------------------------------------------------------------------------- InitialiseSecureChannel


def secure_channel(context: Context, peer: SmdpPeer, message: Message, arguments: Arguments) -> Segments:
    """The first segment: BF36 with its length, and the InitialiseSecureChannelRequest (SGP.22 5.5.1).

    smdpSign covers what ``with`` and ``tamper_plain`` changed, unless ``with`` gives a signature of its own.
    """
    load = start_load(peer)
    value = {
        "remoteOpId": 1,
        "transactionId": peer.transaction_id,
        "controlRefTemplate": {"keyType": bytes([bpp.AES]), "keyLen": bytes([KEY_LENGTH]), "hostId": HOST_ID},
        "smdpOtpk": signatures.public_point(load.one_time_key),
        "smdpSign": bytes(64),
    }
    value = message.overlay(value, asn1_shape("InitialiseSecureChannelRequest"))
    request = codec.encode("InitialiseSecureChannelRequest", value)
    request = tamper(request, arguments.get("tamper_plain") or [], "InitialiseSecureChannelRequest")
    if not message.overrides("smdpSign"):
        request = _with_signature(peer, request, arguments)
    request = tamper(request, message.tamper, "InitialiseSecureChannelRequest")
    load.bsp = Bsp(_session_keys(peer, load, value, arguments))
    following = remaining_length(context, peer)
    return Segments(value, [tlv.encode_tag(bpp.BPP) + tlv.encode_length(len(request) + following) + request])


def _with_signature(peer: SmdpPeer, request: bytes, arguments: Arguments) -> bytes:
    parts = tlv.parse(request).children()
    covered = b"".join(part.octets for part in parts if part.tag != 0x5F37)
    otpk = peer.otpk if arguments.get("over", "session") == "session" else bytes(65)
    key = peer.identity(Role.DP_PB, arguments.get("signer") or peer.kind).private_key
    signature = signatures.sign(key, covered + tlv.encode(0x5F49, otpk))
    return tlv.encode(0xBF23, covered + tlv.encode(0x5F37, signature))


def _session_keys(peer: SmdpPeer, load: Load, request: dict[str, Any], arguments: Arguments) -> SessionKeys:
    template = request["controlRefTemplate"]
    try:
        secret = signatures.shared_secret(load.one_time_key, peer.otpk)
    except ValueError as error:
        raise Refused(f"no package can be bound: euiccOtpk: {error}") from error
    eid = arguments.get("eid") or peer.eid
    return derive(secret, template["keyType"][0], template["keyLen"][0], template["hostId"], eid)


def remaining_length(context: Context, peer: SmdpPeer) -> int:
    """Octets of the package after InitialiseSecureChannel: by the steps that follow, by default where none does."""
    steps = _of_package(context.upcoming)
    load = current_load(peer)
    preview = replace(peer, load=replace(load, metadata={}))
    total = 0
    for name, function in PROTECTED_FUNCTIONS.items():
        step = steps.get(name)
        if step is None and name == REPLACE_SESSION_KEYS:
            continue
        message, arguments = _step_arguments(context, step)
        total += _length(name, function.plain(preview, message, arguments).octets, arguments)
    return total


def _of_package(steps: Sequence[Step]) -> dict[str, Step]:
    """The steps that send the functions of this package, by their action."""
    found: dict[str, Step] = {}
    for step in steps:
        if step.action in _ENDS_PACKAGE:
            break
        if step.action in PROTECTED_FUNCTIONS:
            found.setdefault(step.action, step)
    return found


def _step_arguments(context: Context, step: Step | None) -> tuple[Message, Arguments]:
    """What a step gives to its function; nothing if it refers to values that only earlier steps will save."""
    if step is None:
        return Message(), {}
    try:
        arguments = ACTIONS.get(step.action).parameters.bind(context.resolve(step.arguments))
        return Message(context.resolve(step.with_)), arguments
    except ValueError:
        return Message(), {}


# ---------------------------------------------------------------------------------------- whole packages


def build_package(peer: SmdpPeer, metadata: dict[str, Any], profile: bytes, keys: str, eid: bytes | None) -> bytes:
    """A whole Bound Profile Package for the session (SGP.22 2.5.4).

    Raises:
        InconclusiveError: the eUICC's one-time key is not on the curve.
    """
    load = start_load(peer)
    signer = peer.identity(Role.DP_PB, peer.kind).private_key
    binding = bpp.Binding(peer.transaction_id, peer.otpk, eid or peer.eid, load.one_time_key, signer, HOST_ID)
    random_keys = load.random_keys if keys == "random" else None
    try:
        return bpp.build(binding, codec.encode("StoreMetadataRequest", metadata), profile, random_keys=random_keys)
    except ValueError as error:
        raise Refused(f"no package can be bound: {error}") from error
