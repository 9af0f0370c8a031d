"""HandleNotification (SGP.22 3.5, 5.6.4): acknowledged whatever it says; a good one moves the profile."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import CertificateFault, Role, verify_chain
from pytest_euicc.simulator.smdp import json_binding
from pytest_euicc.simulator.smdp.orders import Order, State
from pytest_euicc.simulator.smdp.progress import Point
from pytest_euicc.simulator.smdp.status import Refusal
from pytest_euicc.simulator.smdp.verification import read_certificate

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.service import SmdpService

_RESULT_DATA = 0xBF27
RETRYABLE = ("installFailedDueToInsufficientMemoryForProfile", "installFailedDueToInterruption")
"""Reasons that pass: the order stays open for another download (SGP.22 2.5.6, 3.1.3)."""


def handle_notification(service: SmdpService, body: Mapping[str, Any]) -> dict[str, Any] | None:
    """HandleNotification (SGP.22 5.6.4): no answer has a body."""
    try:
        octets, (kind, value) = json_binding.message(body, "pendingNotification", "PendingNotification")
        if kind == "profileInstallationResult":
            _installation_result(service, octets, value)
        else:
            _other(service, octets, value)
    except Refusal:
        # SGP.22 5.6.4 defines no status code: what cannot be used is dropped.
        pass
    return {} if "notification-answers-200" in service.defects else None


def _installation_result(service: SmdpService, octets: bytes, value: Mapping[str, Any]) -> None:
    data = value["profileInstallationResultData"]
    transaction_id = data["transactionId"]
    order = service.book.by_transaction(transaction_id)
    if order is None:
        return
    certificate = read_certificate(order.downloads[transaction_id])
    signed = tlv.find(octets, 0xBF37, _RESULT_DATA)
    if not signatures.verify(certificate.public_key, signed, value["euiccSignPIR"]):
        return
    service.sessions.discard(transaction_id)
    outcome, result = data["finalResult"]
    del order.downloads[transaction_id]
    service.book.forget_transaction(transaction_id)
    refusal = None
    if outcome == "successResult":
        order.state, order.bound = State.INSTALLED, None
    elif order.state is not State.INSTALLED:
        refusal = Refusal("8.10", "4.2", f"installation failed: {result['errorReason']!r}")
        if result["errorReason"].name not in RETRYABLE:
            order.state = State.ERROR
    service.book.changed(order)
    service.tell(order, certificate.eid or b"", Point.PACKAGE_INSTALLATION, refusal, octets)


def _other(service: SmdpService, octets: bytes, value: Mapping[str, Any]) -> None:
    """Enable, disable, delete: kept for people to see once it verifies."""
    try:
        certificate = read_certificate(value["euiccCertificate"])
        chain = [certificate, read_certificate(value["eumCertificate"])]
        verify_chain(chain, service.credentials.trust, Role.EUICC, at=service.now())
    except CertificateFault:
        return
    signed = tlv.parse(octets).children()[0].octets
    if not signatures.verify(certificate.public_key, signed, value["euiccNotificationSignature"]):
        return
    order = _named(service, value["tbsOtherNotification"])
    # An LPA that heard no answer sends again.
    if order is not None and octets not in order.notifications:
        order.notifications.append(octets)
        service.book.changed(order)


def _named(service: SmdpService, metadata: Mapping[str, Any]) -> Order | None:
    return service.book.by_iccid(metadata["iccid"]) if "iccid" in metadata else None
