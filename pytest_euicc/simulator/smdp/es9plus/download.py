"""GetBoundProfilePackage (SGP.22 3.1.3, 5.6.2)."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.simulator.smdp.es2plus.progress import Point
from pytest_euicc.simulator.smdp.es9plus import matching
from pytest_euicc.simulator.smdp.es9plus.binding import Recipient, bind
from pytest_euicc.simulator.smdp.http import json_binding
from pytest_euicc.simulator.smdp.http.status import Broken, Refusal, euicc_unverified, unknown_transaction
from pytest_euicc.simulator.smdp.orders.orders import ENDED, Order, State
from pytest_euicc.simulator.smdp.sessions import Session, Stage

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.core import SmdpCore

_OK = 0xA0


def get_bound_profile_package(service: SmdpCore, body: Mapping[str, Any]) -> dict[str, Any]:
    """GetBoundProfilePackage (SGP.22 5.6.2). A session that is refused has ended.

    The same request again gets the same package, so that a broken connection costs nothing.

    Raises:
        Refusal: 8.10.1/3.9 transaction, 8.1/6.1 signature, 8.8.5/4.10 order expired, 8.2.7/2.2, 3.8, 6.4 confirmation
            code, 8.2/3.7 no binding to another key.
    """
    transaction_id = json_binding.transaction_id(body)
    if service.varies("finds-sessions-first"):
        service.sessions.find(transaction_id, Stage.AUTHENTICATED, Stage.BOUND)
    octets, (outcome, response) = json_binding.message(body, "prepareDownloadResponse", "PrepareDownloadResponse")
    if outcome != "downloadResponseError" and "finds-session-by-signed-id" in service.defects:
        transaction_id = response["euiccSigned2"]["transactionId"]
    session = service.sessions.find(transaction_id, Stage.AUTHENTICATED, Stage.BOUND)
    if session.stage is Stage.BOUND and octets == session.prepared:
        return _answer(session)
    try:
        if outcome == "downloadResponseError":
            if "breaks-on-download-error" in service.defects:
                raise Broken("downloadResponseError")
            raise euicc_unverified(f"the eUICC answered {response['downloadErrorCode']!r}")
        _verify(service, session, octets, response["euiccSigned2"])
        _bind(service, session, response["euiccSigned2"])
    except Refusal:
        service.sessions.end(session)
        raise
    session.stage, session.prepared = Stage.BOUND, octets
    return _answer(session)


def _answer(session: Session) -> dict[str, Any]:
    return {
        "transactionId": session.transaction_id.hex().upper(),
        "boundProfilePackage": json_binding.encode(session.package),
    }


def _verify(service: SmdpCore, session: Session, octets: bytes, signed: Mapping[str, Any]) -> None:
    late = service.varies("verifies-before-it-compares")
    if not late:
        _compare(service, session, signed)
    received, signature = tlv.parse(tlv.find(octets, 0xBF21, _OK)).children()[:2]
    covered = received.octets + session.smdp_signature2
    verified = signatures.verify(session.euicc.public_key, covered, signature.value)
    if not verified and "ignores-euicc-signature2" not in service.defects:
        raise euicc_unverified("euiccSignature2 does not verify")
    if late:
        _compare(service, session, signed)


def _compare(service: SmdpCore, session: Session, signed: Mapping[str, Any]) -> None:
    if signed["transactionId"] != session.transaction_id and "ignores-inner-transaction-id" not in service.defects:
        raise unknown_transaction("transactionId of euiccSigned2 is another")


def _bind(service: SmdpCore, session: Session, signed: Mapping[str, Any]) -> None:
    order, otpk = session.order, signed["euiccOtpk"]
    assert order is not None  # noqa: S101  (set before the session is AUTHENTICATED)
    matching.check_expiry(order, service.now(), service.defects)
    _check_confirmation(service, session, order, signed.get("hashCc"))
    _check_available(service, session, order, otpk)
    session.package, order.bound = bind(
        order.profile,
        _recipient(service, session, otpk),
        service.random,
        order.bound,
        service.defects,
        service.variants,
    )
    order.retries = False
    order.state, order.eid = State.DOWNLOADED, session.eid
    order.downloads[session.transaction_id] = session.euicc.der
    order.first_transaction = order.first_transaction or session.transaction_id
    service.book.changed(order)
    service.tell(order, session.eid, Point.PACKAGE_DOWNLOAD)


def _recipient(service: SmdpCore, session: Session, otpk: bytes) -> Recipient:
    credentials = session.choice.credentials
    signer = credentials.auth if "smdp-sign-by-auth-key" in service.defects else credentials.profile_binding
    return Recipient(session.transaction_id, session.eid, otpk, credentials.curve, signer.private_key, credentials.oid)


def _check_available(service: SmdpCore, session: Session, order: Order, otpk: bytes) -> None:
    """Refuse a binding that cannot be made (any more), 8.2/3.7."""
    for_another = order.eid not in (None, session.eid) and "ignores-eid-binding" not in service.defects
    if order.state in ENDED or for_another or not service.book.holds(order):
        # Another session was faster, or the operator cancelled the order.
        raise Refusal("8.2", "3.7", "the profile is not available any more")
    if order.bound is None:
        return
    if order.bound.euicc_otpk == otpk:
        if "refuses-same-key" in service.defects:
            raise Refusal("8.2", "3.7", "the package was handed out before")
    elif not order.profile.rebinding and "binds-again-at-any-rate" not in service.defects:
        raise Refusal("8.2", "3.7", "the package is bound to another one-time key and is not bound again")


def _check_confirmation(service: SmdpCore, session: Session, order: Order, hashed: bytes | None) -> None:
    """hashCc is SHA-256 of the hashed code and the transaction (SGP.22 3.1.3)."""
    if order.confirmation_hash is None or "ignores-confirmation-code" in service.defects:
        return
    if hashed is None and "takes-missing-code" in service.defects:
        return
    if order.bound is not None and "forgets-code-on-retry" in service.defects:
        return
    transaction_id = session.transaction_id
    if order.first_transaction and "hashes-code-with-first-id" in service.defects:
        transaction_id = order.first_transaction
    limited = "unlimited-confirmation-codes" not in service.defects
    refusal: Refusal | None = None
    if limited and order.confirmation_failures >= order.profile.confirmation_tries:
        refusal = Refusal("8.2.7", "6.4", "too many wrong confirmation codes")
    elif hashed is None:
        refusal = Refusal("8.2.7", "2.2", "a confirmation code is required")
    elif not hmac.compare_digest(hashlib.sha256(order.confirmation_hash + transaction_id).digest(), hashed):
        order.confirmation_failures += 1
        refusal = Refusal("8.2.7", "3.8", "the confirmation code is wrong")
        if limited and order.confirmation_failures >= order.profile.confirmation_tries:
            # SGP.22 5.6.2: with the last try the order ends.
            order.state = State.ERROR
            refusal = Refusal("8.2.7", "6.4", "the confirmation code is wrong, and no try is left")
        service.book.changed(order)
    if refusal is not None:
        service.tell(order, session.eid, Point.CONFIRMATION_FAILURE, refusal)
        raise refusal
