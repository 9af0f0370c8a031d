"""Which order an eUICC may have (SGP.22 3.1.3, 5.6.3)."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import codec
from pytest_euicc.simulator.smdp.http.status import Refusal
from pytest_euicc.simulator.smdp.orders.needs import bit_names, not_eligible
from pytest_euicc.simulator.smdp.orders.orders import DOWNLOADABLE, ENDED, Order, OrderBook, State

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.orders.orders import Profile


def find(
    book: OrderBook,
    matching_id: str | None,
    eid: bytes,
    defects: frozenset[str],
    variants: Container[str] = frozenset(),
) -> Order:
    """The order of a matchingId or, where that is missing or empty, of the EID.

    Raises:
        Refusal: 8.2.6/3.8 no such order, 8.1.1/3.8 none for the EID, 8.2/1.2 not released.
    """
    if matching_id or (matching_id == "" and "refuses-empty-matching-id" in defects):
        order = _by_matching_id(book, matching_id, eid, defects)
    else:
        order = _by_eid(book, matching_id, eid, defects)
    if "release-is-checked-first" in variants:
        _check_released(order, defects)
    if order.eid not in (None, eid) and "ignores-eid-binding" not in defects:
        raise Refusal("8.1.1", "3.8", "the profile is for another EID")
    if order.eid is None and "refuses-unbound-orders" in defects:
        raise Refusal("8.1.1", "3.8", "the order is bound to no EID")
    if order.matching_id and order.eid is not None and "refuses-bound-matching-ids" in defects:
        raise Refusal("8.2.6", "3.8", "the matchingId is of an order that is bound to an EID")
    _check_released(order, defects)
    if order.state is State.DOWNLOADED and not order.retries and "downloaded-waits-for-result" in variants:
        raise Refusal("8.2", "1.2", "the profile was handed out, and no failure of its installation is known")
    return order


def _check_released(order: Order, defects: frozenset[str]) -> None:
    if order.state not in (*DOWNLOADABLE, *ENDED) and "ignores-release" not in defects:
        raise Refusal("8.2", "1.2", f"the profile is {order.state}, not Released")


def _by_matching_id(book: OrderBook, matching_id: str, eid: bytes, defects: frozenset[str]) -> Order:
    order = book.by_matching_id(matching_id)
    if order is None and "takes-order-of-eid-instead" in defects:
        order = next((each for each in book if each.eid == eid), None)
    if order is None and "compares-beginnings" in defects:
        order = next((each for each in book if each.matching_id and matching_id.startswith(each.matching_id)), None)
    if order is None:
        if "refusal-ends-order" in defects:
            for each in book:
                each.state = State.ERROR
        raise Refusal("8.2.6", "3.8", f"no order has the matchingId {matching_id!r}")
    return order


def _by_eid(book: OrderBook, matching_id: str | None, eid: bytes, defects: frozenset[str]) -> Order:
    if matching_id is None and "refuses-missing-matching-id" in defects:
        raise Refusal("8.2.6", "3.8", "no matchingId")
    waiting = book.without_matching_id()
    if "default-order-for-anybody" in defects and waiting:
        return replace(waiting[0], eid=eid)
    own = [order for order in waiting if order.eid == eid]
    if "forgets-default-order" in defects:
        own = [order for order in own if order.state is State.RELEASED]
    current = next((order for order in own if order.state not in ENDED), own[0] if own else None)
    if current is None:
        raise Refusal("8.1.1", "3.8", "no order waits for this EID")
    return current


def check(
    order: Order,
    info2: Mapping[str, Any],
    now: datetime,
    defects: frozenset[str],
    variants: Container[str] = frozenset(),
) -> None:
    """What may still keep the order from being served, in the order of SGP.22 3.1.3.

    Raises:
        Refusal: 8.8.5/4.10 expired, 8.8.5/6.4 too many tries, 8.2.6/3.8 the order has ended, 8.2.5/4.3 and 8.1/4.8
            not eligible.
    """
    if "ended-is-told-first" in variants:
        _check_ended(order, variants)
    check_expiry(order, now, defects)
    exceeded = order.attempts >= order.profile.tries and "ignores-tries" not in defects
    if exceeded and not (order.attempts == order.profile.tries and "one-try-more" in defects):
        raise Refusal("8.8.5", "6.4", f"{order.attempts} downloads were begun; no more are allowed")
    _check_ended(order, variants)
    if "ignores-eligibility" not in defects:
        check_eligible(order.profile, info2, defects)


def _check_ended(order: Order, variants: Container[str]) -> None:
    if order.state in ENDED:
        if "ended-is-not-released" in variants:
            raise Refusal("8.2", "1.2", f"the profile is {order.state}, not Released")
        raise Refusal("8.2.6", "3.8", f"the order has ended: the profile is {order.state}")


def check_expiry(order: Order, now: datetime, defects: frozenset[str]) -> None:
    """Refuse an order whose time is over, 8.8.5/4.10."""
    if order.is_expired(now) and "ignores-expiry" not in defects:
        raise Refusal("8.8.5", "4.10", "the download order has expired")


_NONE = (b"", 0)


def check_eligible(profile: Profile, info2: Mapping[str, Any], defects: frozenset[str]) -> None:
    """Refuse an eUICC that a profile does not suit.

    Raises:
        Refusal: 8.2.5/4.3 not eligible, 8.1/4.8 no room.
    """
    profile.needs.check(info2)
    if "forbiddenProfilePolicyRules" in info2 and "ignores-forbidden-ppr" not in defects:
        metadata = codec.decode("StoreMetadataRequest", profile.metadata)
        rules = bit_names("PprIds", metadata.get("profilePolicyRules", _NONE))
        forbidden = rules & bit_names("PprIds", info2["forbiddenProfilePolicyRules"])
        if forbidden:
            raise not_eligible(f"the eUICC forbids {', '.join(sorted(forbidden))}")
    full = "additionalProfile" not in bit_names("RspCapability", info2["rspCapability"])
    if full and "ignores-additional-profile" not in defects:
        raise Refusal("8.1", "4.8", "the eUICC takes no further profile")
    if "ignores-memory" not in defects:
        profile.needs.check_memory(info2)
