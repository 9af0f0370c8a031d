"""The functions of ES8+ as actions: each sends its part of the session's package (SGP.22 5.5).

``with`` overlays the plain request and ``tamper_plain`` changes its octets, both before it is protected (and before
smdpSign covers it); ``tamper`` changes the octets that are sent. A step says what comes: ``expect: nothing`` while the
eUICC goes on, else fields of the Profile Installation Result.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from pytest_euicc.conformance.engine.arguments import Hex, SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.tamper import mistakes
from pytest_euicc.interfaces.download.es10b import CertificateKind, result_of, result_shape
from pytest_euicc.peers.smdp.content import PackageChanges
from pytest_euicc.peers.smdp.package import Segments, protected, secure_channel
from pytest_euicc.peers.smdp.requests import PROTECTED_FUNCTIONS, SECURE_CHANNEL, current_load
from pytest_euicc.peers.smdp.session import SmdpPeer


def _operations(type_name: str) -> Any:
    """Operations of `tamper` on a plain request of a type."""

    def check(operations: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for place, message in mistakes(operations, asn1_shape(type_name)):
            raise ValueError(f"{'.'.join(map(str, place))}: {message}")
        return operations

    return Annotated[list[dict[str, Any]], AfterValidator(check)]


OfSecureChannel = _operations("InitialiseSecureChannelRequest")
OfConfigure = _operations("ConfigureISDPRequest")
OfMetadata = _operations("StoreMetadataRequest")
OfKeys = _operations("ReplaceSessionKeysRequest")


def _of_package(name: str, request: str | None = None) -> Callable[[Callable[..., Outcome]], Callable[..., Outcome]]:
    tampered = f"BoundProfilePackage.{PROTECTED_FUNCTIONS[name].field}" if name in PROTECTED_FUNCTIONS else None
    return action(name, request=request, tampered=tampered, response=result_shape, changes=True)


def _send(context: Context, message: Message, segments: Segments) -> Outcome:
    reply = context.isdr(message.channel).load_bound_profile_package(context.watched(segments.octets))
    return result_of(context, reply, b"".join(segments.octets), segments.value)


@_of_package(SECURE_CHANNEL, "InitialiseSecureChannelRequest")
def initialise_secure_channel(
    context: Context,
    message: Message,
    *,
    signer: CertificateKind | None = None,
    over: Literal["session", "other"] = "session",
    eid: Hex | None = None,
    tamper_plain: OfSecureChannel = (),  # type: ignore[valid-type]
) -> Outcome:
    """ES8+.InitialiseSecureChannel (SGP.22 5.5.1).

    Args:
        signer: whose key makes smdpSign; by default that of CERT.DPpb.
        over: ``other``: smdpSign covers another euiccOtpk than the session's.
        eid: derives the session keys for another EID.
        tamper_plain: ``tamper`` operations on the request before smdpSign covers it.
    """
    arguments = {"signer": signer, "over": over, "eid": eid, "tamper_plain": tamper_plain}
    return _send(context, message, secure_channel(context, context.part(SmdpPeer), message, arguments))


@_of_package("es8plus.configure_isdp", "ConfigureISDPRequest")
def configure_isdp(
    context: Context,
    message: Message,
    *,
    content: Hex | None = None,
    tamper_plain: OfConfigure = (),  # type: ignore[valid-type]
) -> Outcome:
    """ES8+.ConfigureISDP (SGP.22 5.5.2).

    Args:
        content: other bytes in place of the whole request.
        tamper_plain: ``tamper`` operations on the request before it is protected.
    """
    arguments = {"content": content, "tamper_plain": tamper_plain}
    return _send(context, message, protected("es8plus.configure_isdp", context.part(SmdpPeer), message, arguments))


@_of_package("es8plus.store_metadata", "StoreMetadataRequest")
def store_metadata(
    context: Context,
    message: Message,
    *,
    icon: Literal["png", "jpg"] | None = None,
    icon_octets: int | None = None,
    portion: Annotated[int, Field(ge=1)] | None = None,
    content: Hex | None = None,
    tamper_plain: OfMetadata = (),  # type: ignore[valid-type]
    as_: SaveAs = "metadata",
) -> Outcome:
    """ES8+.StoreMetadata (SGP.22 5.5.3).

    Args:
        icon: adds an icon of this type.
        icon_octets: its size in bytes.
        portion: bytes of metadata in each segment 88.
        content: other bytes in place of the whole request.
        tamper_plain: ``tamper`` operations on the request before it is protected.
        as: saves the metadata sent.
    """
    arguments = {
        "icon": icon,
        "icon_octets": icon_octets,
        "portion": portion,
        "content": content,
        "tamper_plain": tamper_plain,
    }
    peer = context.part(SmdpPeer)
    segments = protected("es8plus.store_metadata", peer, message, arguments)
    if peer.load is not None:
        context.save(as_, peer.load.metadata)
    return _send(context, message, segments)


@_of_package("es8plus.replace_session_keys", "ReplaceSessionKeysRequest")
def replace_session_keys(
    context: Context,
    message: Message,
    *,
    content: Hex | None = None,
    tamper_plain: OfKeys = (),  # type: ignore[valid-type]
) -> Outcome:
    """ES8+.ReplaceSessionKeys (SGP.22 5.5.4).

    Args:
        content: other bytes in place of the whole request.
        tamper_plain: ``tamper`` operations on the request before it is protected.
    """
    arguments = {"content": content, "tamper_plain": tamper_plain}
    return _send(
        context, message, protected("es8plus.replace_session_keys", context.part(SmdpPeer), message, arguments)
    )


@_of_package("es8plus.load_profile_elements")
def load_profile_elements(
    context: Context,
    message: Message,
    *,
    package: PackageChanges | None = None,
    portion: Annotated[int, Field(ge=1)] | None = None,
    keys: Literal["session", "old"] = "session",
    padding: Literal["right", "wrong"] = "right",
    segments: Annotated[int, Field(ge=0)] | None = None,
    rest: bool = False,
) -> Outcome:
    """ES8+.LoadProfileElements (SGP.22 5.5.5).

    Args:
        package: differences in the profile package.
        portion: bytes of the profile package in each segment 86.
        keys: ``old``: protected with the keys from before ReplaceSessionKeys.
        padding: ``wrong``: the padding before encryption is wrong.
        segments: sends only this number of segments, as before an interruption.
        rest: ``true``: sends the segments that were not sent then.
    """
    peer = context.part(SmdpPeer)
    if rest:
        return _send(context, message, Segments(None, current_load(peer).unsent))
    arguments = {"package": package, "portion": portion, "keys": keys, "padding": padding}
    parts = protected("es8plus.load_profile_elements", peer, message, arguments)
    sent = len(parts.octets) if segments is None else 1 + segments
    current_load(peer).unsent = parts.octets[sent:]
    return _send(context, message, Segments(parts.value, parts.octets[:sent]))
