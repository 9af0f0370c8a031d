"""Named checks of signatures and certificate chains, always over the octets that were received."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import SetupIncomplete, VectorMistake
from pytest_euicc.conformance.engine.message import Outcome
from pytest_euicc.conformance.engine.registry import check
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.interfaces.es10.functions import LastOutcomes

_RETRIEVED = 0xBF2B
_LIST = 0xA0
_INSTALLATION_RESULT = 0xBF37
_CERTIFICATE = 0x30
_SIGNATURE = 0x5F37


def chain_mismatches(context: Context, chain: list[bytes], path: str, ci: bytes | None = None) -> Iterator[Mismatch]:
    """What is wrong with CERT.EUICC and CERT.EUM up to a CI that the caller trusts (SGP.22 4.5.2).

    Args:
        ci: key identifier of the CI that it must be; None for any.

    Raises:
        InconclusiveError: the caller brought no CI certificate.
    """
    # Cryptography is loaded when a sequence needs it, so that collecting tests stays quick.
    from pytest_euicc.rsp.certificates import Certificate, CertificateFault
    from pytest_euicc.rsp.verification import verify_chain

    if not context.session.trust:
        raise SetupIncomplete("no CI certificate is known to check against; give --euicc-pki")
    try:
        certificates = [Certificate(octets) for octets in chain]
        now = datetime.datetime.now(datetime.UTC)
        eid = bytes.fromhex(context.declaration.eid) if context.declaration.eid else None
        root = verify_chain(certificates, context.session.trust, "euicc", at=now, eid=eid)
        if ci is not None and root.subject_key_id != ci:
            received = (root.subject_key_id or b"").hex().upper()
            yield Mismatch(path, f"a chain to the CI {ci.hex().upper()} that was chosen", f"a chain to {received}")
    except CertificateFault as fault:
        yield Mismatch(path, "a certificate chain to a CI (SGP.22 4.5.2)", str(fault))


def signature_mismatches(certificate: bytes, signed: bytes, signature: bytes, path: str) -> Iterator[Mismatch]:
    """What is wrong with a signature of the eUICC: 64 octets r and s (BSI TR-03111), under CERT.EUICC."""
    from pytest_euicc.rsp.certificates import Certificate, CertificateFault
    from pytest_euicc.rsp.signatures import verify

    if len(signature) != 64:
        yield Mismatch(path, "64 octets r and s (SGP.22 2.6.7.2)", f"{len(signature)} octets {signature.hex().upper()}")
        return
    try:
        key = Certificate(certificate).public_key
    except CertificateFault as fault:
        yield Mismatch(path, "a certificate with a public key", str(fault))
        return
    if not verify(key, signed, signature):
        yield Mismatch(path, "a signature over the received octets", f"{signature.hex().upper()} does not verify")


@dataclass
class CertificatesShown:
    """Every CERT.EUICC that the eUICC showed in this sequence."""

    certificates: list[bytes] = field(default_factory=list)


@check("notification_signatures")
def notification_signatures(context: Context, outcome: Outcome, *, count: int | None = None) -> Iterator[Mismatch]:
    """Every notification is signed by the eUICC, and its certificate chain leads to the CI (SGP.22 5.7.10).

    A Profile Installation Result carries no certificates (SGP.22 2.5.6): it is verified with those received before in
    this sequence, or with another notification of the answer.

    Args:
        count: the number of notifications that there must be.
    """
    try:
        notifications = _notifications(outcome.received)
    except tlv.TlvError as error:
        yield Mismatch("", "a list of notifications", str(error))
        return
    if count is not None and len(notifications) != count:
        yield Mismatch("", f"{count} notifications", str(len(notifications)))
    for tag, parts in notifications:
        if tag != _INSTALLATION_RESULT and len(parts) == 4:
            context.part(CertificatesShown).certificates.append(parts[2].octets)
    for index, (tag, parts) in enumerate(notifications):
        path = f"notificationList.{index}"
        if tag == _INSTALLATION_RESULT:
            yield from _installation_result(context, parts, path)
        else:
            yield from _other(context, parts, path)


def _notifications(octets: bytes) -> list[tuple[int, list[tlv.Tlv]]]:
    outer = tlv.parse(octets)
    if outer.tag != _RETRIEVED:
        raise tlv.TlvError(0, f"tag {outer.tag:X} where BF2B was expected")
    return [
        (entry.tag, list(entry.children()))
        for part in outer.children()
        if part.tag == _LIST
        for entry in part.children()
    ]


def _other(context: Context, parts: list[tlv.Tlv], path: str) -> Iterator[Mismatch]:
    tags = [part.tag for part in parts]
    if len(parts) < 4 or tags[1:4] != [_SIGNATURE, _CERTIFICATE, _CERTIFICATE]:
        received = ", ".join(f"{tag:X}" for tag in tags)
        yield Mismatch(path, "tbsOtherNotification, signature, CERT.EUICC, CERT.EUM", f"tags {received}")
        return
    signed, signature, euicc, eum = parts[:4]
    yield from signature_mismatches(euicc.octets, signed.octets, signature.value, f"{path}.euiccNotificationSignature")
    yield from chain_mismatches(context, [euicc.octets, eum.octets], f"{path}.euiccCertificate")


def _installation_result(context: Context, parts: list[tlv.Tlv], path: str) -> Iterator[Mismatch]:
    certificates = context.part(CertificatesShown).certificates
    if not certificates:
        raise VectorMistake("no CERT.EUICC was seen before, so the installation result cannot be verified")
    signatures = [part for part in parts if part.tag == _SIGNATURE]
    if len(parts) < 2 or len(signatures) != 1:
        yield Mismatch(path, "profileInstallationResultData and euiccSignPIR", f"{len(parts)} elements")
        return
    where = f"{path}.euiccSignPIR"
    # An eUICC with keys under several CIs signs with that of the session (SGP.22 5.7.13).
    found = [list(signature_mismatches(key, parts[0].octets, signatures[0].value, where)) for key in certificates]
    if all(found):
        yield from found[-1]


# Where the signed part and the signature stand in an answer, and what else the signature covers.
_SIGNED = {
    "AuthenticateServerResponse": ((0xBF38, 0xA0), _CERTIFICATE),
    "PrepareDownloadResponse": ((0xBF21, 0xA0), _CERTIFICATE),
    "CancelSessionResponse": ((0xBF41, 0xA0), _CERTIFICATE),
    "ProfileInstallationResult": ((_INSTALLATION_RESULT,), 0xBF27),
}


@check("session_signature")
def session_signature(context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """The answer is signed by the eUICC whose certificates AuthenticateServer returned, and the chain leads to the CI.

    euiccSignature2 also covers smdpSignature2 (SGP.22 5.7.5); all signatures are verified over the bytes received.
    """
    from pytest_euicc.peers.smdp.session import SmdpPeer

    peer = context.part(SmdpPeer)
    if outcome.type_name not in _SIGNED:
        raise VectorMistake(
            f"session_signature is for {', '.join(_SIGNED)}; this is {outcome.type_name or 'none of them'}"
        )
    path, signed_tag = _SIGNED[outcome.type_name]
    try:
        signed = tlv.find(outcome.received, *path, signed_tag)
        signature = tlv.parse(tlv.find(outcome.received, *path, _SIGNATURE)).value
        if outcome.type_name == "AuthenticateServerResponse":
            parts = tlv.parse(tlv.find(outcome.received, *path)).children()
            chain = [part.octets for part in parts[2:4]]
            yield from chain_mismatches(context, chain, "euiccCertificate", ci=peer.sent.get("ci"))
    except tlv.TlvError as error:
        yield Mismatch("", "a signed answer", str(error))
        return
    certificate = peer.euicc_certificate
    if not certificate:
        raise VectorMistake("AuthenticateServer gave no CERT.EUICC in this sequence")
    if outcome.type_name == "PrepareDownloadResponse":
        signed += peer.smdp_signature2
    yield from signature_mismatches(certificate, signed, signature, "signature")


@check("echo")
def echo(context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """The eUICC signs what the tester sent in this session: transactionId, serverChallenge, context, hashCc and OID."""
    from pytest_euicc.peers.smdp.session import SmdpPeer

    peer = context.part(SmdpPeer)
    expected: dict[str, Any] = {"transactionId": peer.transaction_id}
    match outcome.type_name:
        case "AuthenticateServerResponse":
            received = _answer(outcome, "euiccSigned1")
            expected |= {"serverChallenge": peer.server_challenge, "serverAddress": peer.sent["address"]}
            yield from _context_echoed(peer.sent["octets"], outcome.received)
        case "PrepareDownloadResponse":
            received = _answer(outcome, "euiccSigned2")
            expected |= {"hashCc": peer.sent["hashCc"]} if peer.sent.get("hashCc") else {}
        case "ProfileInstallationResult":
            received = (outcome.value or {}).get("profileInstallationResultData", {})
            metadata = received.get("notificationMetadata", {})
            received = received | {"notificationAddress": metadata.get("notificationAddress")}
            expected["notificationAddress"] = peer.sent["address"]
        case _:
            received = _answer(outcome, "euiccCancelSessionSigned")
    if outcome.type_name in ("ProfileInstallationResult", "CancelSessionResponse"):
        expected["smdpOid"] = peer.oid
    for name, wanted in expected.items():
        if received.get(name) != wanted:
            yield Mismatch(name, describe(wanted), describe(received.get(name)))


def _answer(outcome: Outcome, signed: str) -> dict[str, Any]:
    """The signed part of an answer that is a choice; empty for an error."""
    _, value = outcome.value if isinstance(outcome.value, tuple) else (None, {})
    found: dict[str, Any] = value.get(signed, {}) if isinstance(value, dict) else {}
    return found


def _context_echoed(request: bytes, response: bytes) -> Iterator[Mismatch]:
    """ctxParams1 comes back octet for octet, with whatever extensions it had (SGP.22 5.7.13)."""
    try:
        sent = codec.locate("AuthenticateServerRequest", request, "ctxParams1").octets
        received = codec.locate(
            "AuthenticateServerResponse", response, "authenticateResponseOk.euiccSigned1.ctxParams1"
        )
    except (codec.Asn1Error, KeyError):
        return
    if received.octets != sent:
        yield Mismatch("euiccSigned1.ctxParams1", sent.hex().upper(), received.octets.hex().upper())


@check("eid_of_certificate")
def eid_of_certificate(context: Context, _outcome: Outcome) -> Iterator[Mismatch]:
    """CERT.EUICC contains the EID that GetEID returned in this sequence (SGP.22 4.5.2.1)."""
    from pytest_euicc.peers.smdp.session import SmdpPeer

    asked = context.part(LastOutcomes).by_function.get("get_eid")
    if asked is None or not asked.value:
        raise VectorMistake("GetEID was not asked in this sequence")
    peer, theirs = context.part(SmdpPeer).eid, bytes(asked.value["eidValue"])
    if peer != theirs:
        yield Mismatch("euiccCertificate", f"serialNumber {theirs.hex()}", peer.hex())


@check("otpk_on_curve")
def otpk_on_curve(context: Context, _outcome: Outcome) -> Iterator[Mismatch]:
    """euiccOtpk is a point on the session's curve (SGP.22 5.7.5)."""
    from pytest_euicc.peers.smdp.session import SmdpPeer
    from pytest_euicc.rsp import signatures

    peer = context.part(SmdpPeer)
    probe = signatures.private_key_from(b"probe", signatures.CURVES[peer.curve])
    try:
        signatures.shared_secret(probe, peer.otpk)
    except ValueError:
        yield Mismatch("euiccSigned2.euiccOtpk", f"a point of the {peer.curve} curve", peer.otpk.hex().upper())
