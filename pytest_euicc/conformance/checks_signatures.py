"""Named checks of signatures and certificate chains, always over the octets that were received."""

from __future__ import annotations

import datetime
from collections.abc import Iterator

from pytest_euicc.asn1 import tlv
from pytest_euicc.conformance.actions import Outcome
from pytest_euicc.conformance.checks import check
from pytest_euicc.conformance.context import Context
from pytest_euicc.conformance.matchers import Mismatch
from pytest_euicc.conformance.states import Unreachable

_RETRIEVED = 0xBF2B
_LIST = 0xA0
_INSTALLATION_RESULT = 0xBF37
_CERTIFICATE = 0x30
_SIGNATURE = 0x5F37


def chain_mismatches(context: Context, chain: list[bytes], path: str) -> Iterator[Mismatch]:
    """What is wrong with CERT.EUICC and CERT.EUM up to a CI that the caller trusts (SGP.22 4.5.2).

    Raises:
        Unreachable: the caller brought no CI certificate.
    """
    # Cryptography is loaded when a sequence needs it, so that collecting tests stays quick.
    from pytest_euicc.rsp.certificates import Certificate, CertificateFault, verify_chain

    if not context.session.trust:
        raise Unreachable("no CI certificate is known to check against; give --euicc-pki")
    try:
        certificates = [Certificate(octets) for octets in chain]
        now = datetime.datetime.now(datetime.UTC)
        eid = bytes.fromhex(context.declaration.eid) if context.declaration.eid else None
        verify_chain(certificates, context.session.trust, "euicc", at=now, eid=eid)
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


@check("notification_signatures")
def notification_signatures(context: Context, outcome: Outcome, *, count: int | None = None) -> Iterator[Mismatch]:
    """Every notification is signed by the eUICC and its certificates lead to the CI (SGP.22 5.7.10).

    A Profile Installation Result carries no certificates (SGP.22 2.5.6): it is verified with those of another
    notification of the answer, or of one before it.
    """
    try:
        notifications = _notifications(outcome.octets)
    except tlv.TlvError as error:
        yield Mismatch("", "a list of notifications", str(error))
        return
    if count is not None and len(notifications) != count:
        yield Mismatch("", f"{count} notifications", str(len(notifications)))
    others = [parts for tag, parts in notifications if tag != _INSTALLATION_RESULT]
    if others and len(others[0]) == 4:
        context.notes["euicc certificate"] = others[0][2].octets
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
        came = ", ".join(f"{tag:X}" for tag in tags)
        yield Mismatch(path, "tbsOtherNotification, signature, CERT.EUICC, CERT.EUM", f"tags {came}")
        return
    signed, signature, euicc, eum = parts[:4]
    yield from signature_mismatches(euicc.octets, signed.octets, signature.value, f"{path}.euiccNotificationSignature")
    yield from chain_mismatches(context, [euicc.octets, eum.octets], f"{path}.euiccCertificate")


def _installation_result(context: Context, parts: list[tlv.Tlv], path: str) -> Iterator[Mismatch]:
    certificate = context.notes.get("euicc certificate")
    if certificate is None:
        raise Unreachable("no CERT.EUICC was seen before, so the installation result cannot be verified")
    signatures = [part for part in parts if part.tag == _SIGNATURE]
    if len(parts) < 2 or len(signatures) != 1:
        yield Mismatch(path, "profileInstallationResultData and euiccSignPIR", f"{len(parts)} elements")
        return
    where = f"{path}.euiccSignPIR"
    yield from signature_mismatches(certificate, parts[0].octets, signatures[0].value, where)
