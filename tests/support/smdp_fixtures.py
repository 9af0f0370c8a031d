"""A running SM-DP+ and what talks to it, for the files of tests that name this module in ``pytest_plugins``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.server import SmdpServer
from pytest_euicc.simulator.smdp.orders.inventory import Inventory
from pytest_euicc.simulator.smdp.orders.orders import Order
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.smdp_peer import HOST, UPP, Peer


@pytest.fixture(scope="module")
def server() -> Iterator[SmdpServer]:
    with SmdpServer(SmdpService()) as running:
        yield running


@pytest.fixture(scope="module")
def clients(server: SmdpServer) -> Iterator[dict[str, Es9Client]]:
    made = {
        curve: Es9Client(
            server.url(curve, HOST), TlsSettings(default_pki().trust(), curve, resolve={HOST: "127.0.0.1"})
        )
        for curve in ("nist", "brainpool")
    }
    yield made
    for client in made.values():
        client.close()


@pytest.fixture
def peer(clients: dict[str, Es9Client]) -> Callable[..., Peer]:
    return lambda curve="nist", **fields: Peer(clients[curve], curve, **fields)


@pytest.fixture
def order(server: SmdpServer) -> Callable[..., Order]:
    """Put one profile, and no other, into the server."""

    def put(**fields: Any) -> Order:
        entry = {"octets": UPP, "matching_id": "TOKEN-1"} | fields
        made = Inventory.model_validate({"profiles": [entry]}).orders()[0]

        def replace() -> None:
            for old in list(server.service.book):
                server.service.book.remove(old.profile.iccid)
            server.service.book.add(made)

        server.run(replace)
        return made

    return put
