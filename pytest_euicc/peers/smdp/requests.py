"""What the functions of ES8+ say in a package of the tester, before anything is protected (SGP.22 2.5.4, 5.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.errors import Unreachable
from pytest_euicc.conformance.engine.message import Message
from pytest_euicc.conformance.values.resolve import ValueMistake
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.tamper import tamper
from pytest_euicc.peers.smdp.content import PackageChanges, build, icon
from pytest_euicc.peers.smdp.session import ADDRESS, Load, Tester
from pytest_euicc.rsp import bpp, signatures
from pytest_euicc.rsp.bsp import KEY_LENGTH, LARGEST_PLAIN, LARGEST_SEGMENT, MAC_LENGTH, SessionKeys

SECURE_CHANNEL = "es8plus.initialise_secure_channel"
REPLACE_SESSION_KEYS = "es8plus.replace_session_keys"
_LARGEST_METADATA = LARGEST_SEGMENT - 4 - MAC_LENGTH

Arguments = dict[str, Any]


def begin(ours: Tester) -> Load:
    """A new package of the session, with keys of its own."""
    key = signatures.private_key_from(ours.random.randbytes(32), signatures.CURVES[ours.curve])
    ours.load = Load(key, SessionKeys(*(ours.random.randbytes(KEY_LENGTH) for _ in range(3))))
    return ours.load


def under_way(ours: Tester) -> Load:
    """The package that is being sent.

    Raises:
        Unreachable: InitialiseSecureChannel has not begun one.
    """
    if ours.load is None:
        raise Unreachable(f"no package is being sent; {SECURE_CHANNEL} comes first, or a state such as secure_channel")
    return ours.load


def plain(type_name: str, octets: bytes, arguments: Arguments) -> bytes:
    """The request as it is protected: other octets altogether, or changed by ``tamper_plain``."""
    content: bytes | None = arguments.get("content")
    return tamper(octets if content is None else content, arguments.get("tamper_plain") or [], type_name)


def _configure_isdp(_ours: Tester, message: Message, arguments: Arguments) -> bytes:
    value = message.merged({}, asn1_shape("ConfigureISDPRequest"))
    return plain("ConfigureISDPRequest", codec.encode("ConfigureISDPRequest", value), arguments)


def _store_metadata(ours: Tester, message: Message, arguments: Arguments) -> bytes:
    default = default_metadata(ours.iccid)
    if kind := arguments.get("icon"):
        try:
            default |= {"iconType": kind, "icon": icon(kind, arguments.get("icon_octets"))}
        except ValueError as error:
            raise ValueMistake(("icon_octets",), str(error)) from error
    under_way(ours).metadata = message.merged(default, asn1_shape("StoreMetadataRequest"))
    return plain("StoreMetadataRequest", codec.encode("StoreMetadataRequest", under_way(ours).metadata), arguments)


def _replace_session_keys(ours: Tester, message: Message, arguments: Arguments) -> bytes:
    keys = under_way(ours).random_keys
    value = {"initialMacChainingValue": keys.chaining_value, "ppkEnc": keys.encryption, "ppkCmac": keys.mac}
    value = message.merged(value, asn1_shape("ReplaceSessionKeysRequest"))
    return plain("ReplaceSessionKeysRequest", codec.encode("ReplaceSessionKeysRequest", value), arguments)


def _load_profile_elements(ours: Tester, _message: Message, arguments: Arguments) -> bytes:
    return profile_of(under_way(ours).metadata or default_metadata(ours.iccid), arguments.get("package"))


@dataclass(frozen=True)
class Carried:
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
    plain: Callable[[Tester, Message, Arguments], bytes]


CARRIED = {
    "es8plus.configure_isdp": Carried("firstSequenceOf87", bpp.FIRST_87, 0x87, LARGEST_PLAIN, _configure_isdp),
    "es8plus.store_metadata": Carried("sequenceOf88", bpp.SEQUENCE_88, 0x88, _LARGEST_METADATA, _store_metadata),
    REPLACE_SESSION_KEYS: Carried("secondSequenceOf87", bpp.SECOND_87, 0x87, LARGEST_PLAIN, _replace_session_keys),
    "es8plus.load_profile_elements": Carried(
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
