"""The functions of ES10b that make up a download, as actions; arguments say what is to be wrong (SGP.22 5.7)."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from pytest_euicc.asn1.tlv import TlvError
from pytest_euicc.conformance.engine.arguments import Hex
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.installed import LoadResults, record_load
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.files.orders import Curve, Keys
from pytest_euicc.conformance.values.resolve import ValueMistake
from pytest_euicc.conformance.values.shapes import Shape, asn1_shape
from pytest_euicc.conformance.values.tamper import tamper
from pytest_euicc.es10.isdr import Reply
from pytest_euicc.interfaces.download.signatures import CertificatesShown
from pytest_euicc.interfaces.es10.functions import LastOutcomes, outcome_of
from pytest_euicc.peers.smdp.content import PackageChanges
from pytest_euicc.peers.smdp.package import build_package
from pytest_euicc.peers.smdp.requests import default_metadata, profile_of
from pytest_euicc.peers.smdp.session import CERTIFICATE_KINDS, SmdpPeer
from pytest_euicc.rsp import bpp
from pytest_euicc.text import closest


def result_shape() -> Shape:
    """A ProfileInstallationResult that need not come."""
    return replace(asn1_shape("ProfileInstallationResult"), optional=True)


def result_of(context: Context, reply: Reply, sent: bytes, sent_value: Any = None) -> Outcome:
    """The outcome of a step that sent octets of a package; results are kept for the steps that follow."""
    outcome = replace(outcome_of(reply, sent_value), sent=sent, shape=result_shape())
    if reply.ok and not reply.octets:
        outcome = replace(outcome, fault=None)
    if outcome.value is not None:
        data = outcome.value["profileInstallationResultData"]
        context.part(LoadResults).data.append(data)
        metadata = data["notificationMetadata"]
        installed = data["finalResult"][0] == "successResult"
        record_load(context, int(metadata["seqNumber"]), bytes(metadata.get("iccid", b"")) if installed else None)
    return outcome


def _known_kind(kind: str) -> str:
    if kind not in CERTIFICATE_KINDS:
        raise ValueError(f"no certificate of kind {kind!r}{closest(kind, CERTIFICATE_KINDS)}")
    return kind


def _known_signer(kind: str) -> str:
    return kind if kind == "certificate" else _known_kind(kind)


CertificateKind = Annotated[str, AfterValidator(_known_kind)]
"""What is shown: ``valid``, another role, another SM-DP+, or an invalid kind of the PKI."""
Signer = Annotated[str, AfterValidator(_known_signer)]
"""Whose key signs: that of the certificate shown, or of another kind."""


@action("es10b.authenticate_server", request="AuthenticateServerRequest", response="AuthenticateServerResponse")
def authenticate_server(
    context: Context,
    message: Message,
    *,
    curve: Curve | None = None,
    certificate: CertificateKind = "valid",
    signer: Signer = "certificate",
) -> Outcome:
    """ES10b.AuthenticateServer (SGP.22 5.7.13).

    Args:
        curve: of the session; by default that of the declaration.
        certificate: CERT.DPauth that is shown: ``valid``, another role (``dppb``), another SM-DP+ (``second``), or an
            invalid certificate of the test PKI.
        signer: whose key signs: that of the certificate shown, or that of another kind of certificate.
    """
    peer = context.part(SmdpPeer)
    peer.start_session(curve or context.declaration.curve)
    last = context.part(LastOutcomes).by_function.get("get_euicc_challenge")
    challenge = bytes(last.value["euiccChallenge"]) if last is not None and last.value else bytes(16)
    request = peer.authenticate_server_request(message, challenge, certificate, signer)
    reply = context.isdr(message.channel).send("authenticate_server", request.octets)
    value = _chosen(reply, "authenticateResponseOk")
    if value is not None:
        peer.authenticated(reply.octets, value["euiccCertificate"])
        context.part(CertificatesShown).certificates.append(peer.euicc_certificate)
    return outcome_of(reply, request.value)


@action("es10b.prepare_download", request="PrepareDownloadRequest", response="PrepareDownloadResponse")
def prepare_download(
    context: Context,
    message: Message,
    *,
    certificate: CertificateKind = "valid",
    signer: Signer = "certificate",
    confirmation_code: str | None = None,
    over: Literal["session", "other"] = "session",
) -> Outcome:
    """ES10b.PrepareDownload (SGP.22 5.7.5).

    Args:
        certificate: CERT.DPpb that is shown, as for ``es10b.authenticate_server``.
        signer: whose key signs: that of the certificate shown, or that of another kind of certificate.
        confirmation_code: sent as hashCc.
        over: ``other``: smdpSignature2 covers another euiccSignature1 than the session's.
    """
    peer = context.part(SmdpPeer)
    request = peer.prepare_download_request(message, certificate, signer, confirmation_code, over)
    reply = context.isdr(message.channel).send("prepare_download", request.octets)
    value = _chosen(reply, "downloadResponseOk")
    if value is not None:
        peer.otpk = bytes(value["euiccSigned2"]["euiccOtpk"])
    return outcome_of(reply, request.value)


def _chosen(reply: Reply, alternative: str) -> dict[str, Any] | None:
    """The value of an answer if it is of one alternative."""
    if reply.received is None or reply.received.value[0] != alternative:
        return None
    value: dict[str, Any] = reply.received.value[1]
    return value


@action(
    "es10b.load_bound_profile_package",
    request="StoreMetadataRequest",
    tampered="BoundProfilePackage",
    response=result_shape,
    changes=True,
)
def load_bound_profile_package(
    context: Context,
    message: Message,
    *,
    iccid: Hex | None = None,
    keys: Keys = "session",
    package: PackageChanges | None = None,
    eid: Hex | None = None,
    portion: Annotated[int, Field(ge=1)] | None = None,
    order: list[int] | None = None,
    again: bool = False,
) -> Outcome:
    """ES10b.LoadBoundProfilePackage of a package made for the session (SGP.22 5.7.6).

    ``with`` overlays the metadata of the profile; ``tamper`` changes the whole package once it is protected.

    Args:
        iccid: of the profile.
        keys: session keys, or ``random`` for ReplaceSessionKeys.
        package: differences in the profile package.
        eid: binds the package to another EID.
        portion: sends the package in chains of this number of bytes instead of the segments of SGP.22 2.5.5.
        order: numbers of the segments to send, in this order.
        again: ``true``: the package that was sent before.

    Returns:
        Nothing, or a ProfileInstallationResult; ``expect: nothing`` where no data are allowed.
    """
    peer = context.part(SmdpPeer)
    metadata = None
    if again:
        octets = peer.package
    else:
        default = default_metadata(iccid or peer.iccid)
        metadata = message.overlay(default, asn1_shape("StoreMetadataRequest"))
        octets = build_package(peer, metadata, profile_of(metadata, package), keys, eid)
    peer.package = octets = tamper(octets, message.tamper, "BoundProfilePackage")
    context.installing(_iccid(metadata) or peer.iccid)
    segments = _segments(octets)
    if portion is not None:
        segments = [octets[at : at + portion] for at in range(0, len(octets), portion)]
    if order is not None:
        if beyond := [number for number in order if not 0 <= number < len(segments)]:
            raise ValueMistake(("order",), f"the package has no segment {beyond[0]}, it has 0 to {len(segments) - 1}")
        segments = [segments[number] for number in order]
    reply = context.isdr(message.channel).load_bound_profile_package(context.watched(segments))
    return result_of(context, reply, octets, metadata)


def _iccid(metadata: dict[str, Any] | None) -> bytes | None:
    """The ICCID that metadata announce; None where they announce none."""
    found = (metadata or {}).get("iccid")
    return found if isinstance(found, bytes) else None


def _segments(package: bytes) -> list[bytes]:
    """The segments of a package as an LPA cuts them; what is no package any more goes as it is."""
    try:
        return bpp.segments(package)
    except TlvError:
        return [package]


@action("es10b.cancel_session", request="CancelSessionRequest", response="CancelSessionResponse")
def cancel_session(context: Context, message: Message) -> Outcome:
    """ES10b.CancelSession (SGP.22 5.7.14)."""
    default = {"transactionId": context.part(SmdpPeer).transaction_id, "reason": "endUserRejection"}
    request = message.encode("CancelSessionRequest", default)
    return outcome_of(context.isdr(message.channel).send("cancel_session", request.octets), request.value)
