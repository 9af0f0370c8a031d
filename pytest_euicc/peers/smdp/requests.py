"""What the functions of ES8+ say in a package of the tester, before anything is protected (SGP.22 2.5.4, 5.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.conformance.engine.message import Encoded, Message
from pytest_euicc.conformance.values.resolve import ValueMistake
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.tamper import tamper
from pytest_euicc.peers.smdp.content import PackageChanges, build
from pytest_euicc.peers.smdp.session import ADDRESS, Load, SmdpPeer
from pytest_euicc.rsp import bpp, signatures
from pytest_euicc.rsp.bsp import KEY_LENGTH, LARGEST_PLAIN, LARGEST_SEGMENT, MAC_LENGTH, SessionKeys
from pytest_euicc.rsp.icons import icon

SECURE_CHANNEL = "es8plus.initialise_secure_channel"
REPLACE_SESSION_KEYS = "es8plus.replace_session_keys"
_LARGEST_METADATA = LARGEST_SEGMENT - 4 - MAC_LENGTH

Arguments = dict[str, Any]


def start_load(peer: SmdpPeer) -> Load:
    """A new package of the session, with keys of its own."""
    key = signatures.private_key_from(peer.random.randbytes(32), signatures.CURVES[peer.curve])
    peer.load = Load(key, SessionKeys(*(peer.random.randbytes(KEY_LENGTH) for _ in range(3))))
    return peer.load


def current_load(peer: SmdpPeer) -> Load:
    """The package that is being sent.

    Raises:
        InconclusiveError: InitialiseSecureChannel has not been sent.
    """
    if peer.load is None:
        raise VectorMistake(f"no package is being sent; begin with {SECURE_CHANNEL}, or a state such as secure_channel")
    return peer.load


def _plain(type_name: str, value: Any, arguments: Arguments) -> Encoded:
    """The request as it is protected: other octets altogether, or changed by ``tamper_plain``."""
    content: bytes | None = arguments.get("content")
    octets = codec.encode(type_name, value) if content is None else content
    return Encoded(value, tamper(octets, arguments.get("tamper_plain") or [], type_name))


def _configure_isdp(_peer: SmdpPeer, message: Message, arguments: Arguments) -> Encoded:
    value = message.overlay({}, asn1_shape("ConfigureISDPRequest"))
    return _plain("ConfigureISDPRequest", value, arguments)


def _store_metadata(peer: SmdpPeer, message: Message, arguments: Arguments) -> Encoded:
    default = default_metadata(peer.iccid)
    if kind := arguments.get("icon"):
        try:
            default |= {"iconType": kind, "icon": icon(kind, arguments.get("icon_octets"))}
        except ValueError as error:
            raise ValueMistake(("icon_octets",), str(error)) from error
    current_load(peer).metadata = message.overlay(default, asn1_shape("StoreMetadataRequest"))
    return _plain("StoreMetadataRequest", current_load(peer).metadata, arguments)


def _replace_session_keys(peer: SmdpPeer, message: Message, arguments: Arguments) -> Encoded:
    keys = current_load(peer).random_keys
    value = {"initialMacChainingValue": keys.chaining_value, "ppkEnc": keys.encryption, "ppkCmac": keys.mac}
    value = message.overlay(value, asn1_shape("ReplaceSessionKeysRequest"))
    return _plain("ReplaceSessionKeysRequest", value, arguments)


def _load_profile_elements(peer: SmdpPeer, _message: Message, arguments: Arguments) -> Encoded:
    metadata = current_load(peer).metadata or default_metadata(peer.iccid)
    return Encoded(None, profile_of(metadata, arguments.get("package")))


@dataclass(frozen=True)
class ProtectedFunction:
    """A function of ES8+ that goes protected.

    Attributes:
        field: of BoundProfilePackage.
        sequence, segment: tags of the sequence and of its segments.
        portion: octets of the plain request in one segment at most.
    """

    field: str
    sequence: int
    segment: int
    portion: int
    plain: Callable[[SmdpPeer, Message, Arguments], Encoded]


PROTECTED_FUNCTIONS = {
    "es8plus.configure_isdp": ProtectedFunction(
        "firstSequenceOf87", bpp.FIRST_87, 0x87, LARGEST_PLAIN, _configure_isdp
    ),
    "es8plus.store_metadata": ProtectedFunction(
        "sequenceOf88", bpp.SEQUENCE_88, 0x88, _LARGEST_METADATA, _store_metadata
    ),
    REPLACE_SESSION_KEYS: ProtectedFunction(
        "secondSequenceOf87", bpp.SECOND_87, 0x87, LARGEST_PLAIN, _replace_session_keys
    ),
    "es8plus.load_profile_elements": ProtectedFunction(
        "sequenceOf86", bpp.SEQUENCE_86, 0x86, LARGEST_PLAIN, _load_profile_elements
    ),
}
"""In the order of a package; ReplaceSessionKeys is in it only if a step sends it."""


def profile_of(metadata: dict[str, Any], changes: PackageChanges | None) -> bytes:
    """The unprotected profile package for metadata, with changes.

    Raises:
        ValueMistake: ``package`` names an element that is not in it.
    """
    try:
        return build(metadata, changes)
    except ValueError as error:
        raise ValueMistake(("package",), str(error)) from error


def default_metadata(iccid: bytes) -> dict[str, Any]:
    """Metadata of a profile of the tester; every event is announced to one address."""
    return {
        "iccid": iccid,
        "serviceProviderName": "pytest-euicc",
        "profileName": "Test profile",
        "notificationConfigurationInfo": [
            {"profileManagementOperation": (b"\xf0", 4), "notificationAddress": ADDRESS},
        ],
    }
