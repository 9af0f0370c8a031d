"""ES2+: an operator orders, confirms, releases and cancels, and hears of each download (SGP.22 5.3)."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import TlsError
from pytest_euicc.es9.es2plus import Es2Client
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.server import Ports, SmdpServer
from pytest_euicc.simulator.smdp.http.tls import server_context
from pytest_euicc.simulator.smdp.orders.inventory import Inventory
from pytest_euicc.simulator.smdp.orders.orders import Order, State
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.smdp_peer import EID, HOST, ICCID_DIGITS, OTHER_EID, UPP, Peer

pytest_plugins = ["tests.support.smdp_fixtures"]


@pytest.fixture(scope="module")
def operator(server: SmdpServer) -> Iterator[Es2Client]:
    identity = default_pki().server(Role.DP_TLS, number=2)
    with Es2Client(server.url("es2"), TlsSettings(default_pki().trust(), identity=identity)) as client:
        yield client


@pytest.fixture
def available(order: Callable[..., Order]) -> Order:
    return order(state="Available", matching_id="", type="gold")


def test_order_confirm_release_download(operator: Es2Client, available: Order, peer: Callable[..., Peer]) -> None:
    ordered = operator.download_order(profile_type="gold", eid=EID.hex())
    assert ordered.body is not None
    assert ordered.body["iccid"] == ICCID_DIGITS
    assert available.state is State.LINKED
    confirmed = operator.confirm_order(ICCID_DIGITS, release=False, matching_id="AC-7", confirmation_code="42")
    assert confirmed.body is not None
    assert (confirmed.body["matchingId"], confirmed.body["eid"]) == ("AC-7", EID.hex())
    assert confirmed.body["smdpAddress"] == HOST
    assert peer().begin("AC-7").status_code == "8.2/1.2"
    assert not operator.release_profile(ICCID_DIGITS).failed
    euicc = peer()
    assert not euicc.begin("AC-7").failed
    assert euicc.announced()["ccRequiredFlag"] is True
    assert euicc.open(euicc.package("42")).profile == UPP


def test_no_two_calls_have_one_identifier_whoever_makes_them(server: SmdpServer, available: Order) -> None:
    sent: list[dict[str, Any]] = []
    for _ in range(2):
        settings = TlsSettings(default_pki().trust(), identity=default_pki().server(Role.DP_TLS, number=2))
        with Es2Client(server.url("es2"), settings, "2.999.7") as client:
            client.listener = lambda exchange: sent.append(json.loads(exchange.octets)["header"])
            client.release_profile(ICCID_DIGITS)
            client.release_profile(ICCID_DIGITS)
    assert {header["functionRequesterIdentifier"] for header in sent} == {"2.999.7"}
    assert len({header["functionCallIdentifier"] for header in sent}) == len(sent) == 4


def test_a_matching_id_is_made_when_none_is_given(
    operator: Es2Client, available: Order, peer: Callable[..., Peer]
) -> None:
    assert not operator.download_order(ICCID_DIGITS).failed
    assert available.state is State.ALLOCATED
    confirmed = operator.confirm_order(ICCID_DIGITS)
    assert confirmed.body is not None
    assert not peer().begin(confirmed.body["matchingId"]).failed


def test_default_address(operator: Es2Client, available: Order, peer: Callable[..., Peer]) -> None:
    operator.download_order(ICCID_DIGITS)
    assert operator.confirm_order(ICCID_DIGITS, matching_id="").status_code == "8.1.1/2.2"
    assert not operator.confirm_order(ICCID_DIGITS, matching_id="", eid=EID.hex()).failed
    assert not peer().begin().failed


def test_cancel_makes_it_available_again(operator: Es2Client, available: Order, peer: Callable[..., Peer]) -> None:
    operator.download_order(ICCID_DIGITS)
    operator.confirm_order(ICCID_DIGITS, matching_id="AC-7")
    assert operator.cancel_order(ICCID_DIGITS, matching_id="AC-8").status_code == "8.2.6/3.10"
    assert not operator.cancel_order(ICCID_DIGITS, matching_id="AC-7").failed
    assert peer().begin("AC-7").status_code == "8.2.6/3.8"
    assert not operator.download_order(ICCID_DIGITS).failed
    assert not operator.cancel_order(ICCID_DIGITS, final_status="Unavailable").failed
    assert operator.download_order(ICCID_DIGITS).status_code == "8.2.1/3.3"


def test_cancel_names_the_eid_that_was_ordered_for(operator: Es2Client, available: Order) -> None:
    operator.download_order(ICCID_DIGITS, eid=EID.hex())
    assert operator.cancel_order(ICCID_DIGITS).status_code == "8.1.1/2.2"
    assert available.state is State.LINKED
    assert not operator.cancel_order(ICCID_DIGITS, eid=EID.hex()).failed


def test_an_order_cancelled_during_a_session_is_not_served(
    operator: Es2Client, available: Order, peer: Callable[..., Peer]
) -> None:
    operator.download_order(ICCID_DIGITS)
    operator.confirm_order(ICCID_DIGITS, matching_id="AC-7")
    euicc = peer()
    assert not euicc.begin("AC-7").failed
    operator.cancel_order(ICCID_DIGITS)
    assert euicc.package().status_code == "8.2/3.7"
    assert euicc.begin("AC-7").status_code == "8.2.6/3.8"


@pytest.mark.parametrize(
    ("function", "fields", "code"),
    [
        ("downloadOrder", {"iccid": "8900000000000000000"}, "8.2.1/3.9"),
        ("downloadOrder", {"profileType": "lead"}, "8.2.5/3.9"),
        ("downloadOrder", {}, "1.3.1/2.3"),
        ("downloadOrder", {"iccid": "89x"}, "1.3.1/2.1"),
        ("downloadOrder", {"iccid": ICCID_DIGITS, "eid": "1"}, "1.3.1/2.1"),
        ("confirmOrder", {"iccid": ICCID_DIGITS, "releaseFlag": True}, "8.2.1/1.2"),
        ("releaseProfile", {"iccid": ICCID_DIGITS}, "8.2.1/1.2"),
        ("releaseProfile", {}, "1.3.1/2.2"),
        ("cancelOrder", {"iccid": ICCID_DIGITS, "finalProfileStatusIndicator": "Gone"}, "1.3.1/2.1"),
        ("cancelOrder", {"iccid": ICCID_DIGITS}, "1.3.1/2.2"),
    ],
)
def test_refused(operator: Es2Client, available: Order, function: str, fields: dict[str, Any], code: str) -> None:
    assert operator.order(function, **fields).status_code == code
    assert available.state is State.AVAILABLE


def test_confirm_refused(operator: Es2Client, available: Order) -> None:
    operator.download_order(ICCID_DIGITS, eid=EID.hex())
    assert operator.confirm_order(ICCID_DIGITS, eid=OTHER_EID.hex()).status_code == "8.1.1/3.10"
    assert operator.order("confirmOrder", iccid=ICCID_DIGITS).status_code == "1.3.1/2.2"
    assert operator.download_order(profile_type="gold").status_code == "8.2.5/3.7"


def test_header_is_mandatory(operator: Es2Client, available: Order) -> None:
    assert operator.call("releaseProfile", {"iccid": ICCID_DIGITS}).status_code == "1.3.1/2.2"
    assert operator.call("releaseProfile", {"header": {}, "iccid": ICCID_DIGITS}).status_code == "1.3.1/2.2"


def test_a_client_certificate_is_asked_for(server: SmdpServer) -> None:
    stranger = default_pki().invalid_server(Role.DP_TLS, "unknown-ci")
    for identity in (None, stranger):
        # TLS 1.2 reports a refused certificate within the handshake.
        settings = TlsSettings(default_pki().trust(), identity=identity, maximum="1.2")
        with Es2Client(server.url("es2"), settings) as client, pytest.raises(TlsError):
            client.release_profile(ICCID_DIGITS)


@pytest.fixture
def heard() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """An operator that listens: its URL, and what it was told."""
    reported: list[dict[str, Any]] = []

    class Operator(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert self.path == "/gsma/rsp2/es2plus/handleDownloadProgressInfo"
            reported.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    context = server_context(default_pki().server(Role.DP_TLS, number=2), "nist", default_pki().trust())
    with ThreadingHTTPServer(("127.0.0.1", 0), Operator) as running:
        running.socket = context.wrap_socket(running.socket, server_side=True)
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://localhost:{running.server_port}", reported
        running.shutdown()
        thread.join()


def test_the_operator_hears_of_every_step(heard: tuple[str, list[dict[str, Any]]]) -> None:
    url, reported = heard
    profile = {"octets": UPP, "matching_id": "TOKEN-1", "confirmation_code": "1"}
    inventory = Inventory.model_validate({"operator_url": url, "profiles": [profile]})
    settings = TlsSettings(default_pki().trust(), resolve={HOST: "127.0.0.1"})
    with (
        SmdpServer(SmdpService(inventory), ports=Ports(brainpool=None, es2=None)) as server,
        Es9Client(server.url(host=HOST), settings) as client,
    ):
        euicc = Peer(client)
        euicc.begin("TOKEN-1")
        euicc.package("2")
        euicc.begin("TOKEN-1")
        euicc.package("1")
        client.handle_notification(euicc.result())
    assert [step["notificationPointId"] for step in reported] == [1, 2, 1, 3, 4]
    assert {step["iccid"] for step in reported} == {ICCID_DIGITS}
    assert {step["eid"] for step in reported} == {EID.hex()}
    assert {step["header"]["functionRequesterIdentifier"] for step in reported} == {"2.999.10"}
    assert len({step["header"]["functionCallIdentifier"] for step in reported}) == len(reported)
    failed = reported[1]["notificationPointStatus"]
    assert failed["status"] == "Failed"
    assert (failed["statusCodeData"]["subjectCode"], failed["statusCodeData"]["reasonCode"]) == ("8.2.7", "3.8")
    assert reported[4]["notificationPointStatus"]["status"] == "Executed-Success"
    assert "resultData" in reported[4]
