"""An SM-DP+ for suites and fixtures: the simulated one, started when it is first needed, or one at a URL.

Wiring, like the plugin: the conformance layer knows only the protocol ``SmdpAccess`` of ``conformance.actions_lpa``.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.pki import Pki

if TYPE_CHECKING:
    from pytest_euicc.simulator.smdp.server import SmdpServer

Curve = Literal["nist", "brainpool"]
_LOOPBACK = "127.0.0.1"


class CannotOffer(Exception):
    """A server that is not ours cannot be given an order; the message says what has to be loaded into it."""


class SimulatedSmdp:
    """The simulated SM-DP+ on loopback, started at its first use."""

    def __init__(self, pki: Pki) -> None:
        self._pki = pki
        self._server: SmdpServer | None = None
        self._random = random.Random(0)  # noqa: S311  (a test server: reproducible on purpose)

    @property
    def address(self) -> str:
        """What activation codes name."""
        return self._running().service.inventory.addresses[0]

    def seed(self, seed: int) -> None:
        """Start its randomness anew, so that a recorded run replays."""
        self._random.seed(seed)

    def offer(self, order: dict[str, Any]) -> str:
        """Hold one profile, and no other; returns its matchingId.

        Args:
            order: an entry of an inventory (docs/architecture.md).
        """
        from pytest_euicc.simulator.smdp.inventory import Inventory

        (made,) = Inventory.model_validate({"profiles": [order]}).orders(Path())
        server = self._running()

        def replace() -> None:
            for old in list(server.service.book):
                server.service.book.remove(old.profile.iccid)
            server.service.book.add(made)

        server.run(replace)
        return made.matching_id

    def client(self, curve: str) -> Es9Client:
        """An ES9+ client that trusts the CI."""
        chosen = cast("Curve", curve)
        tls = TlsSettings(self._pki.trust(), chosen, resolve={self.address: _LOOPBACK})
        return Es9Client(self._running().url(curve, self.address), tls)

    def close(self) -> None:
        """Stop the server if it was started."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def _running(self) -> SmdpServer:
        if self._server is None:
            from pytest_euicc.simulator.smdp.inventory import Inventory
            from pytest_euicc.simulator.smdp.server import Ports, SmdpServer
            from pytest_euicc.simulator.smdp.service import SmdpService

            service = SmdpService(Inventory(curves=self._pki.curves), [], self._pki, random=self._random.randbytes)
            self._server = SmdpServer(service, self._pki, ports=Ports(es2=None))
            self._server.start()
        return self._server


class RemoteSmdp:
    """An SM-DP+ at a URL: what it holds is what its operator loaded."""

    def __init__(self, url: str, pki: Pki) -> None:
        self._url = url.rstrip("/")
        self._pki = pki

    @property
    def address(self) -> str:
        """What activation codes name: host and port of the URL."""
        return self._url.removeprefix("https://")

    def seed(self, seed: int) -> None:
        """The randomness of a server that is not ours is its own."""

    def offer(self, order: dict[str, Any]) -> str:
        """Raises CannotOffer unless the order names the matchingId of a profile that is loaded by hand."""
        if "octets" in order or "file" in order:
            wanted = ", ".join(f"{name}={value}" for name, value in order.items() if name != "octets")
            raise CannotOffer(f"{self._url}: load a profile with {wanted or 'any metadata'} and name its matching_id")
        return str(order["matching_id"])

    def client(self, curve: str) -> Es9Client:
        """An ES9+ client that trusts the CI."""
        return Es9Client(self._url, TlsSettings(self._pki.trust(), cast("Curve", curve)))

    def close(self) -> None:
        """Nothing of ours runs."""
