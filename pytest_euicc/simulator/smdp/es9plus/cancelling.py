"""CancelSession (SGP.22 3.1.3.1, 5.6.5)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.simulator.smdp.es2plus.progress import Point
from pytest_euicc.simulator.smdp.http import json_binding
from pytest_euicc.simulator.smdp.http.status import Broken, Refusal, euicc_unverified, unknown_transaction
from pytest_euicc.simulator.smdp.orders.orders import ENDED, State
from pytest_euicc.simulator.smdp.sessions import Session, Stage

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.core import SmdpCore

_OK = 0xA0
_CANCELLABLE = (Stage.AUTHENTICATED, Stage.BOUND, Stage.CANCELLED)
PASSING = ("postponed", "timeout")
"""Reasons that leave the order open; every other one ends it (SGP.22 5.6.5)."""


def cancel_session(service: SmdpCore, body: Mapping[str, Any]) -> dict[str, Any]:
    """CancelSession (SGP.22 5.6.5).

    Raises:
        Refusal: 8.10.1/3.9 transaction, 8.1/6.1 signature, 8.8/3.10 OID of another SM-DP+.
    """
    transaction_id = json_binding.transaction_id(body)
    if service.varies("finds-sessions-first"):
        service.sessions.find(transaction_id, *_CANCELLABLE)
    octets, (outcome, response) = json_binding.message(body, "cancelSessionResponse", "CancelSessionResponse")
    if outcome != "cancelSessionResponseError" and "finds-session-by-signed-id" in service.defects:
        transaction_id = response["euiccCancelSessionSigned"]["transactionId"]
    stages = (Stage.AUTHENTICATED,) if "refuses-cancel-after-package" in service.defects else _CANCELLABLE
    session = service.sessions.find(transaction_id, *stages)
    if outcome == "cancelSessionResponseError":
        if "breaks-on-cancel-error" in service.defects:
            raise Broken("cancelSessionResponseError")
        raise euicc_unverified(f"the eUICC answered {response!r}")
    signed = response["euiccCancelSessionSigned"]
    try:
        _verify(service, session, octets, signed)
    except Refusal:
        if "unverified-cancel-ends-order" in service.defects:
            _settle(service, session, signed["reason"].name)
        raise
    if "keeps-session-after-cancel" not in service.defects and not service.varies("knows-cancelled-sessions"):
        service.sessions.end(session)
    _settle(service, session, signed["reason"].name)
    if service.varies("knows-cancelled-sessions"):
        session.stage = Stage.CANCELLED
    return {}


def _verify(service: SmdpCore, session: Session, octets: bytes, signed: Mapping[str, Any]) -> None:
    late = service.varies("verifies-before-it-compares")
    if not late:
        _compare(service, session, signed)
    received, signature = tlv.parse(tlv.find(octets, 0xBF41, _OK)).children()[:2]
    verified = signatures.verify(session.euicc.public_key, received.octets, signature.value)
    if session.choice.credentials.curve == "brainpool" and "refuses-brainpool-cancel" in service.defects:
        verified = False
    if not verified and "ignores-cancel-signature" not in service.defects:
        raise euicc_unverified("euiccCancelSessionSignature does not verify")
    if late:
        _compare(service, session, signed)


def _compare(service: SmdpCore, session: Session, signed: Mapping[str, Any]) -> None:
    """Check that transactionId and OID in what the eUICC signed belong to the session."""
    if signed["transactionId"] != session.transaction_id and "ignores-inner-transaction-id" not in service.defects:
        raise unknown_transaction("transactionId of euiccCancelSessionSigned is another")
    own = session.choice.credentials.oid
    if signed["smdpOid"] != own and "ignores-cancel-oid" not in service.defects:
        raise Refusal("8.8", "3.10", f"smdpOid {signed['smdpOid']}, this server is {own}")


def _settle(service: SmdpCore, session: Session, reason: str | None) -> None:
    order = session.order
    if order is None or order.state in ENDED:
        return
    if reason in PASSING:
        order.retries = True
        if f"{reason}-ends-order" not in service.defects:
            return
    elif f"keeps-order-after-{reason}" in service.defects:
        return
    order.state = State.ERROR
    service.book.changed(order)
    point = Point.PACKAGE_DOWNLOAD if session.stage is Stage.BOUND else Point.ELIGIBILITY
    service.tell(order, session.eid, point, Refusal("8.2", "4.2", f"the session was cancelled: {reason}"))
