"""The simulated SM-DP+ for suites and fixtures, started when it is first needed."""

from __future__ import annotations

import random
from collections.abc import Container, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_euicc.conformance.files.orders import Curve, HeldOrder, OrderWish
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.extras import need
from pytest_euicc.iut.smdp.clients import Clients
from pytest_euicc.iut.smdp.entries import entry
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.bsp import BLOCK, LARGEST_PLAIN
from pytest_euicc.rsp.iccid import new_iccid
from pytest_euicc.rsp.pki import Pki

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.http.server import SmdpServer
    from pytest_euicc.simulator.smdp.orders.orders import Order

_LOOPBACK = "127.0.0.1"
_TIMEOUT = 10.0
_FILLER = 2500


class SimulatedSmdp:
    """The simulated SM-DP+ on loopback, started when first used."""

    def __init__(self, pki: Pki, defects: frozenset[str] = frozenset(), variants: frozenset[str] = frozenset()) -> None:
        self.simulated = True
        self._pki = pki
        self._defects = defects
        self._variants = variants
        self._server: SmdpServer | None = None
        self._clients = Clients()
        self._offered = 0
        self._random = random.Random(0)  # noqa: S311  (a test server: reproducible on purpose)

    @property
    def address(self) -> str:
        """smdpAddress, as in activation codes."""
        return _address(self._running(), self._variants)

    @property
    def addresses(self) -> tuple[str, ...]:
        """All addresses that it accepts."""
        return tuple(self._running().service.inventory.addresses)

    @property
    def defects(self) -> frozenset[str]:
        """Names of the defects that are switched on."""
        return self._defects

    @defects.setter
    def defects(self, names: frozenset[str]) -> None:
        self._defects = names
        if self._server is not None:
            self._server.service.defects = names

    @property
    def variants(self) -> frozenset[str]:
        """Names of the permitted variants that are switched on."""
        return self._variants

    @variants.setter
    def variants(self, names: frozenset[str]) -> None:
        self._variants = names
        if self._server is not None:
            self._server.service.variants = names

    def begin(self, seed: int) -> None:
        """Forget orders and sessions and seed the random numbers, so that a recorded run replays."""
        self._random.seed(seed)
        self._offered = 0
        from pytest_euicc.simulator.smdp.defects.transport import TLS_DEFECTS
        from pytest_euicc.simulator.smdp.variants.listeners import LISTENER_VARIANTS

        # Listeners that start anew have other ports, which addresses of this run may name from here on.
        self._speak(_of(self._defects, TLS_DEFECTS), _of(self._variants, LISTENER_VARIANTS))
        server = self._running()
        server.run(server.service.forget)

    def offer(self, wish: OrderWish) -> HeldOrder:
        """Add a profile."""
        from pytest_euicc.simulator.smdp.orders.inventory import Inventory
        from pytest_euicc.simulator.smdp.variants import profiles

        self._offered += 1
        (made,) = Inventory.model_validate({"profiles": [self._entry(wish)]}).orders(Path())
        made.profile = profiles.later(made.profile, self._variants)
        server = self._running()
        server.run(lambda: server.service.book.add(made))
        return _held(made, wish)

    def take_missing(self) -> list[OrderWish]:
        """Nothing: every profile can be added."""
        return []

    def _entry(self, wish: OrderWish) -> dict[str, Any]:
        from pytest_euicc.simulator.smdp.variants import profiles

        matching_id = f"OFFER-{self._offered}" if wish.matching_id is None else wish.matching_id
        made = entry(wish, matching_id, self.address)
        made["metadata"] = profiles.further_metadata(made["metadata"], self._variants)
        filler = max(profiles.filler(_FILLER, self._variants), wish.octets)
        package = wish.package if wish.package is not None else _profile(new_iccid(self._random), filler)
        return made | {"octets": package}

    def endpoint(self, curve: Curve) -> tuple[str, TlsSettings]:
        """URL and TLS settings of the listener with a certificate on a curve."""
        from pytest_euicc.simulator.smdp.defects.transport import TLS_DEFECTS
        from pytest_euicc.simulator.smdp.variants.listeners import LISTENER_VARIANTS

        self._speak(
            frozenset(name for name in TLS_DEFECTS if name in self._defects),
            frozenset(name for name in LISTENER_VARIANTS if name in self._variants),
        )
        return self._endpoint(curve)

    def client(self, curve: Curve) -> Es9Client:
        """An ES9+ client that trusts the CI."""
        from pytest_euicc.simulator.smdp.defects.transport import TLS_DEFECTS
        from pytest_euicc.simulator.smdp.variants.listeners import LISTENER_VARIANTS

        # Over a connection that is kept nothing is asked of TLS, so that ``prove`` does not try each of its defects on
        # every sequence there is; but a listener that deviates does so for everybody.
        self._speak(_of(self._defects, TLS_DEFECTS), _of(self._variants, LISTENER_VARIANTS))
        return self._clients.get(curve, *self._endpoint(curve))

    def new_client(self, curve: Curve) -> Es9Client:
        """A client with separate connections."""
        return self._clients.new(*self._endpoint(curve))

    def _endpoint(self, curve: Curve) -> tuple[str, TlsSettings]:
        host = self.address.partition(":")[0].lower()
        tls = TlsSettings(self._pki.trust(), curve, resolve={host: _LOOPBACK}, timeout=_TIMEOUT)
        return self._running().url(curve, host), tls

    def _speak(self, tls: frozenset[str], variants: frozenset[str]) -> None:
        """Restart the listeners with these TLS deviations; orders and sessions stay."""
        server = self._running()
        if (server.tls_deviations, server.listener_variants) != (tls, variants):
            self._clients.close()
            server.stop()
            server.tls_deviations, server.listener_variants = tls, variants
            server.start()

    def close(self) -> None:
        """Stop the server if it was started."""
        self._clients.close()
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _running(self) -> SmdpServer:
        if self._server is None:
            need("the simulated SM-DP+", "smdp")
            from pytest_euicc.simulator.smdp.http.server import Ports, SmdpServer
            from pytest_euicc.simulator.smdp.orders.inventory import Inventory
            from pytest_euicc.simulator.smdp.service import SmdpService

            inventory = Inventory(curves=self._pki.curves)
            service = SmdpService(
                inventory,
                [],
                self._pki,
                # vectors/declarations/simulated_smdp.yaml declares it: ci_without_certificate.
                further_trust=[self._pki.authority("nist", 3).certificate],
                defects=self._defects,
                variants=self._variants,
                random=self._random.randbytes,
            )
            self._server = SmdpServer(service, self._pki, ports=Ports(es2=None))
            self._server.start()
        return self._server


def _address(server: SmdpServer, variants: Container[str]) -> str:
    """The server's smdpAddress."""
    address = server.service.inventory.addresses[0]
    if "another-address" in variants:
        return server.service.inventory.addresses[1]
    if "address-in-capitals" in variants:
        return address.upper()
    return f"{address}:{server.port()}" if "address-with-port" in variants else address


def _of(names: Container[str], known: Iterable[str]) -> frozenset[str]:
    """The names that are switched on, without recording that they were asked for (``prove``)."""
    return names & frozenset(known) if isinstance(names, frozenset) else frozenset()


def _profile(iccid: bytes, filler: int) -> bytes:
    """A profile of several segments; the last one consists of whole blocks, which are padded as well."""
    last = len(profile_package.build(iccid, filler=filler)) % LARGEST_PLAIN
    return profile_package.build(iccid, filler=filler + -last % BLOCK)


def _held(order: Order, wish: OrderWish) -> HeldOrder:
    profile = order.profile
    return HeldOrder(order.matching_id, wish.confirmation_code, profile.iccid, profile.metadata, profile.package)
