"""Valid messages of a download and of notifications, changed on their way: documented errors, nothing else."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardError
from pytest_euicc.es9.client import Es9Client, Es9Reply
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.lpa import Lpa, LpaError
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.smdp.http.server import SmdpServer

pytest_plugins = ["tests.support.smdp_fixtures"]

HOST = "testsmdpplus1.example.com"
ICCID = bytes.fromhex("98001032547698103254")
DOCUMENTED = (LpaError, Es9Error, CardError)
_QUICK = settings(
    max_examples=40,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

Change = Callable[[dict[str, Any]], Any]

_ODD: list[Any] = [
    None, True, 0, -1, 1.5, "", " ", "zz", "\ud800", "\x1b[31m", "A" * 5000, "=", "AA==", [], {}, [None], {"a": {}},
    10**400, "BF38", "\u0660\u0660",
]  # fmt: skip


def places(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    if isinstance(value, dict):
        for name, inner in value.items():
            found += places(inner, (*at, name))
    return found


def changed(body: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """A body with one place taken away, replaced by an odd value, or with octets that are nearly right."""
    made = copy.deepcopy(body)
    *path, last = data.draw(st.sampled_from(places(made)))
    inside = made
    for name in path:
        inside = inside[name]
    how = data.draw(st.sampled_from(["without", "odd", "octets", "octets"]))
    if how == "without":
        del inside[last]
    elif how == "octets" and isinstance(inside[last], str) and len(inside[last]) > 3:
        try:
            octets = bytearray(base64.b64decode(inside[last], validate=True))
        except ValueError:
            octets = bytearray(inside[last].encode())
        inside[last] = base64.b64encode(bent(octets, data)).decode()
    else:
        inside[last] = data.draw(st.sampled_from(_ODD))
    return made


def bent(octets: bytearray, data: st.DataObject) -> bytes:
    """Octets with one bit changed, cut off, or with others behind."""
    if not octets:
        return bytes(octets)
    # Tags and lengths at the beginning decide most.
    at = min(data.draw(st.integers(0, len(octets) - 1)), data.draw(st.sampled_from([8, 64, len(octets) - 1])))
    how = data.draw(st.sampled_from(["bit", "octet", "cut", "more"]))
    if how == "bit":
        octets[at] ^= 1 << data.draw(st.integers(0, 7))
    elif how == "octet":
        octets[at] = data.draw(st.sampled_from([0, 0x7F, 0x80, 0x84, 0xFF]))
    elif how == "cut":
        del octets[at:]
    else:
        octets += b"\0" * 3
    return bytes(octets)


class Bending:
    """An ES9+ client whose answer to one function is changed."""

    def __init__(self, client: Es9Client, function: str, data: st.DataObject) -> None:
        self._client, self._function, self._data = client, function, data

    def call(self, function: str, body: dict[str, Any]) -> Es9Reply:
        reply = self._client.call(function, body)
        if function != self._function or reply.body is None:
            return reply
        octets = json.dumps(changed(reply.body, self._data)).encode()
        return Es9Reply(function, reply.status, reply.headers, octets)

    def close(self) -> None:
        self._client.close()


class BendingTransport(SimTransport):
    """A simulated card one of whose answers is changed."""

    left = -1
    data: st.DataObject

    def transmit(self, apdu: bytes) -> bytes:
        answer = super().transmit(apdu)
        if len(answer) > 2:
            self.left -= 1
            if self.left == 0:
                return bent(bytearray(answer), self.data)
        return answer


def card() -> tuple[BendingTransport, Isdr]:
    transport = BendingTransport(SimulatedEuicc(EuiccSettings(profiles=[])))
    made = Card(transport, patience=5.0)
    made.connect()
    isdr = Isdr(made.open_channel())
    isdr.select()
    return transport, isdr


def download(server: SmdpServer, isdr: Isdr, bending: Callable[[Es9Client], Any]) -> None:
    tls = TlsSettings(default_pki().trust(), resolve={HOST: "127.0.0.1"}, timeout=5.0)
    with Lpa(isdr, lambda _: bending(Es9Client(server.url("nist", HOST), tls))) as lpa:
        try:
            lpa.download(f"1${HOST}$TOKEN-1")
            lpa.process_notifications()
        except DOCUMENTED as error:
            assert str(error)  # noqa: PT017  (any of them, or none)


@pytest.mark.parametrize(
    "function", ["initiateAuthentication", "authenticateClient", "getBoundProfilePackage", "handleNotification"]
)
@_QUICK
@given(data=st.data())
def test_answers_of_a_server(server: SmdpServer, order: Callable[..., Any], function: str, data: st.DataObject) -> None:
    server.run(server.service.forget)
    order(octets=profile_package.build(ICCID))
    _, isdr = card()
    download(server, isdr, lambda client: Bending(client, function, data))


@_QUICK
@given(data=st.data(), number=st.integers(1, 14))
def test_answers_of_a_card(server: SmdpServer, order: Callable[..., Any], data: st.DataObject, number: int) -> None:
    server.run(server.service.forget)
    order(octets=profile_package.build(ICCID))
    transport, isdr = card()
    transport.left, transport.data = number, data
    download(server, isdr, lambda client: client)


@pytest.mark.parametrize("value", [None, 7, "", "0", "zz", "00" * 17, [], {}, "\u0660\u0660", "missing"])
def test_a_transaction_id_that_is_none(server: SmdpServer, order: Callable[..., Any], value: object) -> None:
    order(octets=profile_package.build(ICCID))
    _, isdr = card()
    tls = TlsSettings(default_pki().trust(), resolve={HOST: "127.0.0.1"})

    class Odd(Es9Client):
        def call(self, function: str, body: Any) -> Es9Reply:
            reply = super().call(function, body)
            answer = dict(reply.body or {}) | {"transactionId": value}
            if value == "missing":
                del answer["transactionId"]
            return Es9Reply(function, 200, {}, json.dumps(answer).encode())

    with (
        Lpa(isdr, lambda _: Odd(server.url("nist", HOST), tls)) as lpa,
        pytest.raises(LpaError, match=r"transactionId is .*; expected text of 1 to 16 octets in hex"),
    ):
        lpa.download(f"1${HOST}$TOKEN-1")
