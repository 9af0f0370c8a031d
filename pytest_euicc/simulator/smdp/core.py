"""What the functions of the SM-DP+ share: settings, orders, certificates, sessions, clock (SGP.22 5.6)."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.rsp.pki import Pki, default_pki
from pytest_euicc.simulator.smdp.credentials import CredentialStore
from pytest_euicc.simulator.smdp.defects import DEFECTS
from pytest_euicc.simulator.smdp.es2plus.progress import Point, Progress
from pytest_euicc.simulator.smdp.http.status import Refusal
from pytest_euicc.simulator.smdp.orders.inventory import Inventory
from pytest_euicc.simulator.smdp.orders.orders import Order, OrderBook
from pytest_euicc.simulator.smdp.sessions import Sessions
from pytest_euicc.simulator.smdp.variants import VARIANTS

_SHORT_SESSION = 60.0
"""Seconds."""


class SmdpCore:
    """An SM-DP+ without its functions; one thread at a time may use it.

    Args:
        inventory: settings of the server.
        orders: its profiles, those of the inventory if None.
        pki: certificates.
        further_trust: CIs beside those of the PKI that eUICCs may be under.
        defects: names of deviations.
        variants: names of permitted variants.
        now: the time, with a time zone.
        monotonic: a clock in seconds for sessions.
        random: returns the given number of random bytes.

    Raises:
        ValueError: a defect or a variant that is not known.
    """

    def __init__(
        self,
        inventory: Inventory | None = None,
        orders: Iterable[Order] | None = None,
        pki: Pki | None = None,
        *,
        further_trust: Iterable[Certificate] = (),
        defects: frozenset[str] = frozenset(),
        variants: frozenset[str] = frozenset(),
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        unknown = defects - set(DEFECTS)
        if unknown:
            raise ValueError(f"no defect {', '.join(sorted(unknown))}; there are {', '.join(DEFECTS)}")
        unknown = variants - set(VARIANTS)
        if unknown:
            raise ValueError(f"no variant {', '.join(sorted(unknown))}; there are {', '.join(VARIANTS)}")
        self.inventory = inventory or Inventory()
        self.book = OrderBook(self.inventory.orders() if orders is None else orders)
        self.credentials = CredentialStore(pki or default_pki(), self.inventory.curves, further_trust)
        self.defects = defects
        self.variants = variants
        self.now = now
        self.random = random
        self.sessions = Sessions(self._session_lifetime, monotonic, random)
        self.ports: set[int] = set()
        """Ports the server listens at; an smdpAddress may name one of them."""
        self.progress_listeners: list[Callable[[Progress], None]] = []
        """Notified of every step of a download (SGP.22 5.3.5)."""

    def varies(self, name: str) -> bool:
        """True if a permitted variant is switched on."""
        return name in self.variants

    def _session_lifetime(self) -> float:
        return _SHORT_SESSION if self.varies("short-sessions") else self.inventory.session_lifetime

    def forget(self) -> None:
        """Hold no order and no session, as if just started."""
        self.book.clear()
        self.sessions.clear()

    def serves(self, address: str) -> bool:
        """True if an smdpAddress is one of this server's; case does not matter (SGP.22 5.6.1)."""
        fold = str if "compares-addresses-by-case" in self.defects else str.lower
        name, port = fold(address), ""
        known = [fold(each) for each in self.inventory.addresses]
        if name not in known and ":" in name:
            name, _, port = name.rpartition(":")
        return name.strip("[]") in known and (not port or port in map(str, self.ports))

    def tell(
        self,
        order: Order,
        eid: bytes,
        point: Point,
        refusal: Refusal | None = None,
        result: bytes | None = None,
    ) -> None:
        """Notify the listeners of a step."""
        for listener in self.progress_listeners:
            profile = order.profile
            listener(Progress(profile.iccid, profile.profile_type, eid, point, self.now(), refusal, result))
