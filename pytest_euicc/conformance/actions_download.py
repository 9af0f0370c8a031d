"""The functions of a download as actions: the tester signs and binds; arguments say what is to be wrong."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator

from pytest_euicc.asn1 import tlv
from pytest_euicc.conformance.actions import Message, Outcome, action
from pytest_euicc.conformance.actions_es10 import outcome_of
from pytest_euicc.conformance.asn1_shapes import asn1_shape
from pytest_euicc.conformance.context import Context
from pytest_euicc.conformance.registry import Hex
from pytest_euicc.conformance.tester import (
    CERTIFICATE_KINDS,
    DEVICE_INFO,
    Tester,
    default_metadata,
    new_iccid,
    profile_for,
    tester,
)
from pytest_euicc.conformance.text import closest
from pytest_euicc.conformance.values import merge
from pytest_euicc.es10.isdr import Reply
from pytest_euicc.rsp import bpp

Curve = Literal["nist", "brainpool"]


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
    curve: Curve = "nist",
    certificate: CertificateKind = "valid",
    signer: Signer = "certificate",
    challenge: Hex | None = None,
    transaction_id: Hex | None = None,
    matching_id: str | None = "TEST-1",
    no_matching_id: bool = False,
    device_info: dict[str, Any] | None = None,
) -> Outcome:
    """ES10b.AuthenticateServer (SGP.22 5.7.13)."""
    ours = tester(context)
    ours.start(curve, transaction_id)
    if challenge is None:
        last: Outcome | None = context.notes.get("get_euicc_challenge")
        challenge = bytes(last.value["euiccChallenge"]) if last is not None and last.value else bytes(16)
    information = merge(DEVICE_INFO, device_info, asn1_shape("DeviceInfo")) if device_info else DEVICE_INFO
    request = ours.authenticate_server_request(
        challenge, certificate, signer, None if no_matching_id else matching_id, information
    )
    octets = message.encode("AuthenticateServerRequest", request)
    reply = context.isdr(message.channel).send("authenticate_server", octets)
    _remember_authentication(ours, reply)
    return outcome_of(reply)


def _remember_authentication(ours: Tester, reply: Reply) -> None:
    if reply.received is None or reply.received.value[0] != "authenticateResponseOk":
        return
    ours.euicc_signature1 = tlv.find(reply.octets, 0xBF38, 0xA0, 0x5F37)
    certificate = reply.received.value[1]["euiccCertificate"]
    ours.sent["euicc certificate"] = certificate
    from pytest_euicc.rsp.certificates import Certificate, CertificateFault

    try:
        ours.eid = Certificate(certificate).eid or bytes(16)
    except CertificateFault:
        ours.eid = bytes(16)


@action("es10b.prepare_download", request="PrepareDownloadRequest", response="PrepareDownloadResponse")
def prepare_download(
    context: Context,
    message: Message,
    *,
    certificate: CertificateKind = "valid",
    signer: Signer = "certificate",
    confirmation_code: str | None = None,
    offered_key: Hex | None = None,
    over: Literal["session", "other"] = "session",
    transaction_id: Hex | None = None,
) -> Outcome:
    """ES10b.PrepareDownload (SGP.22 5.7.5)."""
    ours = tester(context)
    request = ours.prepare_download_request(
        certificate, signer, confirmation_code, offered_key, over, transaction_id or ours.transaction_id
    )
    octets = message.encode("PrepareDownloadRequest", request)
    reply = context.isdr(message.channel).send("prepare_download", octets)
    if reply.received is not None and reply.received.value[0] == "downloadResponseOk":
        ours.otpk = bytes(reply.received.value[1]["euiccSigned2"]["euiccOtpk"])
    return outcome_of(reply)


@action(
    "es10b.load_bound_profile_package",
    request="StoreMetadataRequest",
    response="ProfileInstallationResult",
    changes=True,
)
def load_bound_profile_package(
    context: Context,
    message: Message,
    *,
    iccid: Hex | None = None,
    keys: Literal["session", "random"] = "session",
    filler: int = 0,
    eid: Hex | None = None,
    portion: int | None = None,
    segments: int | None = None,
) -> Outcome:
    """ES10b.LoadBoundProfilePackage of a package made for the session (SGP.22 5.7.6).

    ``with`` overlays the metadata of the profile.
    """
    ours = tester(context)
    chosen = iccid or new_iccid(context)
    metadata = message.merged(default_metadata(chosen), asn1_shape("StoreMetadataRequest"))
    package = ours.package(metadata, profile_for(chosen, filler), keys, eid)
    parts = bpp.segments(package)
    if portion is not None:
        parts = [package[at : at + portion] for at in range(0, len(package), portion)]
    return outcome_of(context.isdr(message.channel).load_bound_profile_package(parts[:segments]))


@action("es10b.cancel_session", request="CancelSessionRequest", response="CancelSessionResponse")
def cancel_session(context: Context, message: Message) -> Outcome:
    """ES10b.CancelSession (SGP.22 5.7.14)."""
    default = {"transactionId": tester(context).transaction_id, "reason": "endUserRejection"}
    octets = message.encode("CancelSessionRequest", default)
    return outcome_of(context.isdr(message.channel).send("cancel_session", octets))
