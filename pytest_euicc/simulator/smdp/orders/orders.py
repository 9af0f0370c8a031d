"""Profiles and their download orders, with the states of SGP.22 3.1.6."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.rsp.bsp import SessionKeys
from pytest_euicc.simulator.smdp.orders.needs import Needs

LARGEST_METADATA = 1008
"""Octets of metadata that fit into one 88 segment (SGP.22 2.5.3)."""


@dataclass(frozen=True)
class Bound:
    """A package bound to an eUICC.

    Attributes:
        eid: 16 octets.
        curve: name of the curve that its keys are on.
        euicc_otpk: the eUICC's one-time public key, 65 octets.
        one_time_key: the server's.
        secure_channel: the InitialiseSecureChannelRequest of the session it was made in.
        parts: the sequences A0 to A3 as octets. They do not depend on the session: on a retry with the same key only
            InitialiseSecureChannel is made anew (SGP.22 5.6.2).
        random_keys: those that protect the profile, if any.
    """

    eid: bytes
    curve: str
    euicc_otpk: bytes
    one_time_key: ec.EllipticCurvePrivateKey
    secure_channel: bytes
    parts: bytes
    random_keys: SessionKeys | None


class State(StrEnum):
    """Where a profile is in its life on the server (SGP.22 3.1.6)."""

    AVAILABLE = "Available"
    ALLOCATED = "Allocated"
    LINKED = "Linked"
    CONFIRMED = "Confirmed"
    RELEASED = "Released"
    DOWNLOADED = "Downloaded"
    INSTALLED = "Installed"
    ERROR = "Error"
    UNAVAILABLE = "Unavailable"


DOWNLOADABLE = (State.RELEASED, State.DOWNLOADED)
ENDED = (State.INSTALLED, State.ERROR, State.UNAVAILABLE)


@dataclass(frozen=True)
class Profile:
    """What never changes of a profile.

    Attributes:
        iccid: 10 octets, nibbles swapped.
        profile_type: name an operator orders by (SGP.22 5.3.1).
        metadata: StoreMetadataRequest, BF25.
        package: unprotected profile package.
        random_keys: protect with keys made once, sent by ReplaceSessionKeys, instead of the session's.
        metadata_portion: octets of metadata in one 88.
        rebinding: False binds to one one-time key of an eUICC only.
        needs: what an eUICC must have.
        tries, confirmation_tries: downloads and wrong confirmation codes before the order ends.
    """

    iccid: bytes
    profile_type: str
    metadata: bytes
    package: bytes
    random_keys: bool = False
    metadata_portion: int = LARGEST_METADATA
    rebinding: bool = True
    needs: Needs = field(default_factory=Needs)
    tries: int = 10
    confirmation_tries: int = 3


@dataclass
class Order:
    """A profile and who may have it.

    Attributes:
        matching_id: of the activation code or event; empty for those found by their EID alone.
        eid: 16 octets; None for any eUICC.
        confirmation_hash: SHA-256 of the confirmation code; None where none is required.
        expires: with a time zone; None for never.
        attempts: downloads begun.
        confirmation_failures: wrong confirmation codes so far.
        downloads: CERT.EUICC by the transactionId of each package handed out.
        bound: the package as it was bound last.
        retries: whether the last package is known not to have been installed: its session was cancelled, or failed.
        first_transaction: transactionId of the first package handed out; empty before.
        notifications: of enable, disable and delete, as received.
    """

    profile: Profile
    state: State = State.AVAILABLE
    matching_id: str = ""
    eid: bytes | None = None
    confirmation_hash: bytes | None = None
    expires: datetime | None = None
    attempts: int = 0
    confirmation_failures: int = 0
    downloads: dict[bytes, bytes] = field(default_factory=dict)
    bound: Bound | None = None
    notifications: list[bytes] = field(default_factory=list)
    retries: bool = False
    first_transaction: bytes = b""

    def is_expired(self, now: datetime) -> bool:
        """True when its time is over."""
        return self.expires is not None and self.expires <= now


Listener = Callable[[Order], None]


class OrderBook:
    """All orders. Whoever changes one calls ``changed``.

    Attributes:
        listeners: called with every change, such as a store.
    """

    def __init__(self, orders: Iterable[Order] = ()) -> None:
        self.listeners: list[Listener] = []
        self._by_iccid: dict[bytes, Order] = {}
        self._by_matching_id: dict[str, Order] = {}
        self._by_transaction: dict[bytes, Order] = {}
        for order in orders:
            self.add(order)

    def __iter__(self) -> Iterator[Order]:
        return iter(self._by_iccid.values())

    def __len__(self) -> int:
        return len(self._by_iccid)

    def add(self, order: Order) -> None:
        """Add an order; one with the same ICCID is replaced.

        Raises:
            ValueError: its matchingId is another order's.
        """
        other = self._by_matching_id.get(order.matching_id)
        if order.matching_id and other is not None and other.profile.iccid != order.profile.iccid:
            raise ValueError(f"matchingId {order.matching_id} is another order's already")
        self.remove(order.profile.iccid)
        self._by_iccid[order.profile.iccid] = order
        self.changed(order)

    def remove(self, iccid: bytes) -> None:
        """Forget an order, if there is one."""
        old = self._by_iccid.pop(iccid, None)
        if old is not None:
            self._by_matching_id = {name: order for name, order in self._by_matching_id.items() if order is not old}
            self._by_transaction = {key: order for key, order in self._by_transaction.items() if order is not old}

    def clear(self) -> None:
        """Forget every order."""
        self._by_iccid, self._by_matching_id, self._by_transaction = {}, {}, {}

    def holds(self, order: Order) -> bool:
        """False for an order that another has taken the place of."""
        return self._by_iccid.get(order.profile.iccid) is order

    def changed(self, order: Order) -> None:
        """Update the indexes and call the listeners; an order that is no longer held is ignored."""
        if not self.holds(order):
            return
        if self._by_matching_id.get(order.matching_id) is not order:
            self._by_matching_id = {name: each for name, each in self._by_matching_id.items() if each is not order}
            if order.matching_id:
                self._by_matching_id[order.matching_id] = order
        for transaction_id in order.downloads:
            self._by_transaction[transaction_id] = order
        for listener in self.listeners:
            listener(order)

    def by_iccid(self, iccid: bytes) -> Order | None:
        """The order of a profile."""
        return self._by_iccid.get(iccid)

    def by_matching_id(self, matching_id: str) -> Order | None:
        """The order of a matchingId that is not empty."""
        return self._by_matching_id.get(matching_id)

    def by_transaction(self, transaction_id: bytes) -> Order | None:
        """The order whose package was handed out in a transaction."""
        return self._by_transaction.get(transaction_id)

    def forget_transaction(self, transaction_id: bytes) -> None:
        """Forget a transaction whose result has come."""
        self._by_transaction.pop(transaction_id, None)

    def by_type(self, profile_type: str) -> Order | None:
        """An available profile of a type."""
        return next(
            (each for each in self if each.state is State.AVAILABLE and each.profile.profile_type == profile_type), None
        )

    def without_matching_id(self) -> list[Order]:
        """Orders found by their EID alone (default SM-DP+ address, or an event of the EID)."""
        return [order for order in self if not order.matching_id and order.state is not State.AVAILABLE]
