"""Requests over HTTPS to the simulated SM-DP+, and what shows each deviation of its HTTP face."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.es9.client import PATH, Es9Client, Es9Reply
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.server import Ports, SmdpServer
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.smdp_peer import HOST, InProcess, Peer

FUNCTION = "initiateAuthentication"
NO_ADDRESS = {
    "euiccChallenge": base64.b64encode(bytes(16)).decode(),
    "euiccInfo1": base64.b64encode(Peer(InProcess(SmdpService())).info1()).decode(),
}
WHOLE = NO_ADDRESS | {"smdpAddress": HOST}
TLS = TlsSettings(default_pki().trust(), resolve={HOST: "127.0.0.1"})


@contextmanager
def served(*defects: str) -> Iterator[Callable[[], Es9Client]]:
    """Makes clients of a server with defects."""
    made: list[Es9Client] = []
    with SmdpServer(SmdpService(defects=frozenset(defects)), ports=Ports(brainpool=None, es2=None)) as server:

        def client() -> Es9Client:
            made.append(Es9Client(server.url("nist", HOST), TLS))
            return made[-1]

        yield client
        for each in made:
            each.close()


def reported(reply: Es9Reply) -> str:
    return f"{reply.status} {reply.status_code}".strip()


def sent(make: Callable[[], Es9Client], body: Any = WHOLE, **changes: Any) -> Es9Reply:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return make().send(FUNCTION, octets, **changes)


def protocol(reply: Es9Reply) -> str:
    return reply.headers["x-admin-protocol"]


def at_once(make: Callable[[], Es9Client]) -> bool:
    """Whether requests at the same moment get their own challenges back."""
    ready = threading.Barrier(4)

    def ask(number: int) -> bool:
        challenge = bytes([number]) * 16
        client = make()
        ready.wait()
        reply = client.send(
            FUNCTION, json.dumps(WHOLE | {"euiccChallenge": base64.b64encode(challenge).decode()}).encode()
        )
        came = codec.decode("ServerSigned1", reply.octets_of("serverSigned1"))["euiccChallenge"]
        return bool(came == challenge)

    with ThreadPoolExecutor(4) as pool:
        return all(pool.map(ask, range(4)))


FOREIGN = {"X-Admin-Protocol": "globalplatform-remote-admin/1.0"}
OVER_HTTP: dict[str, tuple[Callable[[Callable[[], Es9Client]], object], object]] = {
    "refuses-unknown-fields": (lambda make: reported(sent(make, WHOLE | {"later": 1})), "200"),
    "echoes-admin-protocol": (lambda make: protocol(sent(make, headers=FOREIGN)), "gsma/rsp/v2.6.0"),
    "stops-at-invalid-base64": (
        lambda make: reported(sent(make, WHOLE | {"euiccChallenge": "AAECAwQF!BgcICQoLDA0ODw=="})),
        "200 1.3.1/2.1",
    ),
    "takes-get": (lambda make: reported(sent(make, method="GET")), "405"),
    "takes-any-path": (lambda make: reported(sent(make, path=f"{PATH}noSuchFunction")), "404"),
    "shares-requests": (at_once, True),
}
"""What shows each deviation, and what there is to see without it."""
