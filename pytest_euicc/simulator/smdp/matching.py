"""Which order an eUICC may have (SGP.22 3.1.3, 5.6.3)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pytest_euicc.simulator.smdp.orders import DOWNLOADABLE, ENDED, Order, OrderBook
from pytest_euicc.simulator.smdp.status import Refusal


def find(book: OrderBook, matching_id: str, eid: bytes, defects: frozenset[str]) -> Order:
    """The order of a matchingId or, where that is missing or empty, of the EID.

    Raises:
        Refusal: 8.2.6/3.8 no such order, 8.2/1.2 not released, 8.1.1/3.8 for another EID.
    """
    order = book.by_matching_id(matching_id) if matching_id else _by_eid(book, eid)
    if order is None:
        raise Refusal("8.2.6", "3.8", f"no order has the matchingId {matching_id!r}")
    if order.state not in (*DOWNLOADABLE, *ENDED) and "ignores-release" not in defects:
        raise Refusal("8.2", "1.2", f"the profile is {order.state}, not Released")
    if order.eid not in (None, eid) and "ignores-eid-binding" not in defects:
        raise Refusal("8.1.1", "3.8", "the profile is for another EID")
    return order


def _by_eid(book: OrderBook, eid: bytes) -> Order | None:
    waiting = book.without_matching_id()
    own = [order for order in waiting if order.eid == eid]
    current = next((order for order in own if order.state not in ENDED), None)
    if current is not None or not waiting:
        return current
    # Its own one that has ended, or another's: both are then refused, each with its own code.
    return own[0] if own else next((order for order in waiting if order.state not in ENDED), None)


def check(order: Order, info2: Mapping[str, Any], now: datetime, defects: frozenset[str]) -> None:
    """What may still keep the order from being served.

    Raises:
        Refusal: 8.2.5/4.3 and 8.1/4.8 by what the profile needs, 8.8.5/4.10 expired, 8.8.5/6.4 too many tries,
            8.2.6/3.8 the order has ended.
    """
    if "ignores-eligibility" not in defects:
        order.profile.needs.check(info2)
    check_expiry(order, now, defects)
    if order.attempts >= order.profile.tries and "ignores-tries" not in defects:
        raise Refusal("8.8.5", "6.4", f"{order.attempts} downloads were begun; no more are allowed")
    if order.state in ENDED:
        raise Refusal("8.2.6", "3.8", f"the order has ended: the profile is {order.state}")


def check_expiry(order: Order, now: datetime, defects: frozenset[str]) -> None:
    """Refuse an order whose time is over, 8.8.5/4.10."""
    if order.is_expired(now) and "ignores-expiry" not in defects:
        raise Refusal("8.8.5", "4.10", "the download order has expired")
