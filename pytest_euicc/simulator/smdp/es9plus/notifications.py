"""HandleNotification (SGP.22 3.5, 5.6.4): acknowledged whatever it says; a good one moves the profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, Role
from pytest_euicc.rsp.verification import verify_chain
from pytest_euicc.simulator.smdp.es2plus.progress import Point
from pytest_euicc.simulator.smdp.es9plus.verification import read_certificate
from pytest_euicc.simulator.smdp.http import json_binding
from pytest_euicc.simulator.smdp.http.status import Broken, Refusal, Rejected, euicc_unverified, unknown_transaction
from pytest_euicc.simulator.smdp.orders.orders import Order, State

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.core import SmdpCore

_RESULT_DATA = 0xBF27
RETRYABLE = ("installFailedDueToInsufficientMemoryForProfile", "installFailedDueToInterruption")
"""Reasons that pass: the order stays open for another download (SGP.22 2.5.6, 3.1.5)."""


def handle_notification(service: SmdpCore, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """HandleNotification (SGP.22 5.6.4): no answer has a body."""
    octets = b""
    try:
        octets, (kind, value) = json_binding.message(body, "pendingNotification", "PendingNotification")
        if kind == "profileInstallationResult":
            _installation_result(service, octets, value)
        else:
            _other(service, octets, value)
    except _Unacknowledged:
        raise
    except Refusal:
        # SGP.22 5.6.4 defines no status code: what cannot be used is dropped.
        pass
    return {} if "notification-answers-200" in service.defects else None


class _Unacknowledged(Refusal):
    """A defect's: a notification that is answered with a status code."""


def _dropped(service: SmdpCore, refusal: Refusal, defect: str) -> Refusal:
    """Why a notification changes nothing; a defect may report it to the LPA."""
    if defect in service.defects:
        return _Unacknowledged(refusal.subject, refusal.reason, refusal.message)
    return refusal


def _installation_result(service: SmdpCore, octets: bytes, value: Mapping[str, Any]) -> None:
    data = value["profileInstallationResultData"]
    transaction_id = data["transactionId"]
    order = service.book.by_transaction(transaction_id)
    if order is None:
        _unknown_result(service, data)
        raise _dropped(service, unknown_transaction(), "refuses-unknown-results")
    certificate = read_certificate(order.downloads[transaction_id])
    signed = tlv.find(octets, 0xBF37, _RESULT_DATA)
    verified = signatures.verify(certificate.public_key, signed, value["euiccSignPIR"])
    if not verified and "ignores-result-signature" not in service.defects:
        if "breaks-on-unverified-results" in service.defects:
            raise Broken("euiccSignPIR does not verify")
        raise _dropped(service, euicc_unverified("euiccSignPIR does not verify"), "refuses-unverified-results")
    if _is_lost(service, order, certificate):
        return
    if service.varies("reads-euicc-responses") and not _is_readable(data["finalResult"]):
        return
    service.sessions.discard(transaction_id)
    del order.downloads[transaction_id]
    service.book.forget_transaction(transaction_id)
    outcome, result = data["finalResult"]
    refusal = _settle(service, order, (outcome, result))
    service.book.changed(order)
    service.tell(order, certificate.eid or b"", Point.PACKAGE_INSTALLATION, refusal, octets)
    if refusal is not None:
        refused = f"{result['errorReason'].name}-not-acknowledged"
        raise _dropped(service, refusal, refused)


def _is_readable(final: tuple[str, Mapping[str, Any]]) -> bool:
    """Whether simaResponse has EUICCResponses, one or several; an error result need not have any (SGP.22 2.5.6)."""
    outcome, result = final
    if "simaResponse" not in result:
        return outcome != "successResult"
    try:
        return bool([codec.decode("EUICCResponse", each.octets) for each in tlv.parse_all(result["simaResponse"])])
    except (codec.Asn1Error, tlv.TlvError):
        return False


def _settle(service: SmdpCore, order: Order, final: tuple[str, Mapping[str, Any]]) -> Refusal | None:
    """What a result does to the order; returns why the installation failed, None where it did not."""
    outcome, result = final
    if outcome == "successResult":
        if "success-leaves-order" not in service.defects:
            order.state, order.bound = State.INSTALLED, None
        return None
    if order.state is State.INSTALLED:
        return None
    reason = result["errorReason"].name
    order.retries = True
    if reason in RETRYABLE:
        ends = f"{reason}-ends-order" in service.defects
    else:
        ends = "lasting-failure-leaves-order" not in service.defects
    if ends:
        order.state = State.ERROR
    return Refusal("8.10", "4.2", f"installation failed: {result['errorReason']!r}")


def _unknown_result(service: SmdpCore, data: Mapping[str, Any]) -> None:
    """What defects do with the result of a transaction that is not known (any more)."""
    order = _named(service, data["notificationMetadata"])
    if order is None:
        return
    if "counts-results-twice" in service.defects:
        order.attempts += 1
    if "applies-results-by-iccid" in service.defects:
        _settle(service, order, data["finalResult"])
    service.book.changed(order)


def _is_lost(service: SmdpCore, order: Order, certificate: Certificate) -> bool:
    """Whether a defect loses a good result."""
    if certificate.public_key.curve.name != "secp256r1" and "loses-brainpool-results" in service.defects:
        return True
    return not _asks_for_install(order) and "loses-results-not-asked-for" in service.defects


def _asks_for_install(order: Order) -> bool:
    """Whether the metadata ask for notifications of the installation; its result comes in any case (SGP.22 3.5)."""
    first_bit = 0x80
    configured = codec.decode("StoreMetadataRequest", order.profile.metadata).get("notificationConfigurationInfo", [])
    return any(entry["profileManagementOperation"][0][:1] >= bytes([first_bit]) for entry in configured)


def _other(service: SmdpCore, octets: bytes, value: Mapping[str, Any]) -> None:
    """Enable, disable, delete: kept for people to see once it verifies."""
    if "refuses-other-notifications" in service.defects:
        raise _Unacknowledged("8.10", "2.1", "only results of installations are taken")
    try:
        certificate = read_certificate(value["euiccCertificate"])
        chain = [certificate, read_certificate(value["eumCertificate"])]
        verify_chain(chain, service.credentials.trust, Role.EUICC, at=service.now())
    except CertificateFault as fault:
        raise _unverified(service, "8.1.3", str(fault), "under-unknown-ci") from None
    signed = tlv.parse(octets).children()[0].octets
    if not signatures.verify(certificate.public_key, signed, value["euiccNotificationSignature"]):
        raise _unverified(service, "8.1", "euiccNotificationSignature does not verify", "badly-signed")
    order = _named(service, value["tbsOtherNotification"])
    if order is None:
        raise _dropped(service, Refusal("8.2.1", "3.9", "no such ICCID"), "refuses-unknown-notifications")
    # An LPA that received no answer sends again.
    if octets not in order.notifications:
        order.notifications.append(octets)
        service.book.changed(order)


def _unverified(service: SmdpCore, subject: str, reason: str, what: str) -> Rejected | Refusal:
    """Why a notification is dropped, or what a defect makes of it: HTTP 500, or a status code."""
    if f"breaks-on-notifications-{what}" in service.defects:
        return Broken(reason)
    return _dropped(service, Refusal(subject, "6.1", reason), f"refuses-notifications-{what}")


def _named(service: SmdpCore, metadata: Mapping[str, Any]) -> Order | None:
    return service.book.by_iccid(metadata["iccid"]) if "iccid" in metadata else None
