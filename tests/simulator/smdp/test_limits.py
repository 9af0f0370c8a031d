"""What clients and files may do to a server: it bounds them, says what is wrong in one line, and serves on."""

from __future__ import annotations

import gc
import json
import logging
import socket
import sqlite3
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc.es9.client import PATH, Es9Client, encode
from pytest_euicc.es9.client_hello import offer
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp import sessions
from pytest_euicc.simulator.smdp.http import connections, protocol
from pytest_euicc.simulator.smdp.http.server import Ports, SmdpServer
from pytest_euicc.simulator.smdp.orders.inventory import Inventory
from pytest_euicc.simulator.smdp.orders.orders import State
from pytest_euicc.simulator.smdp.orders.store import Store, StoreError
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.smdp_peer import HOST, UPP, InProcess, Peer

TLS = TlsSettings(default_pki().trust(), resolve={HOST: "127.0.0.1"}, timeout=20)
HEAD = f"POST {PATH}initiateAuthentication HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n".encode()
PROTOCOL = b"X-Admin-Protocol: gsma/rsp/v2.6.0\r\n"


@pytest.fixture
def server(caplog: pytest.LogCaptureFixture) -> Iterator[SmdpServer]:
    caplog.set_level(logging.WARNING)
    with SmdpServer(SmdpService(), ports=Ports(brainpool=None, es2=None)) as running:
        yield running
        assert serves(running)


def serves(server: SmdpServer) -> bool:
    client = Es9Client(server.url("nist", HOST), TLS)
    try:
        return not Peer(client).initiate().failed
    finally:
        client.close()


def connected(server: SmdpServer) -> ssl.SSLSocket:
    context = ssl.create_default_context(cadata=default_pki().ci().der)
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", server.port()), timeout=20), server_hostname="localhost"
    )


def ended(connection: socket.socket) -> bytes:
    """What comes until the server ends the connection."""
    came = b""
    try:
        while octets := connection.recv(4096):
            came += octets
    except (ConnectionResetError, ssl.SSLEOFError):
        pass
    return came


@pytest.mark.parametrize("begun", [b"", b"POST ", HEAD], ids=["nothing", "a word", "headers without end"])
def test_headers_that_never_end(server: SmdpServer, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.1)
    with connected(server) as connection:
        connection.sendall(begun)
        assert ended(connection) == b""


def test_a_body_that_never_ends(server: SmdpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.1)
    with connected(server) as connection:
        connection.sendall(HEAD + PROTOCOL + b'Content-Length: 100\r\n\r\n{"eu')
        assert ended(connection).startswith(b"HTTP/1.1 408 ")


def test_too_many_connections(
    server: SmdpServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(connections, "LARGEST_NUMBER", 2)
    place = ("127.0.0.1", server.port())
    with connected(server), connected(server):
        for _ in range(3):
            with socket.create_connection(place, timeout=20) as further:
                assert ended(further) == b""
    reported = [record.getMessage() for record in caplog.records]
    assert reported == ["2 connections are open: further ones are closed until one of them ends"]
    monkeypatch.undo()


def test_a_handshake_that_fails_gets_its_alert(server: SmdpServer) -> None:
    answer = offer(server.url("nist", HOST), TLS, "1.1", ["TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA"], bytes(32))
    assert (answer.refused, answer.alert) == (True, "protocol_version")


def test_clients_that_leave_and_clients_that_talk_rubbish(
    server: SmdpServer,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with connected(server) as connection:
        connection.sendall(HEAD + PROTOCOL + b'Content-Length: 100\r\n\r\n{"eu')
    with connected(server) as connection:
        connection.sendall(b"\x16\x03rubbish\r\n\r\n")
        assert ended(connection).startswith(b"HTTP/1.1 400 ")
    for head in (HEAD, HEAD.replace(b"POST", b"HEAD")):
        with connected(server) as connection:
            connection.sendall(head + PROTOCOL + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n")
            assert ended(connection).startswith(b"HTTP/1.1 400 ")
    with monkeypatch.context() as impatient:
        impatient.setattr(connections, "HANDSHAKE_SECONDS", 0.1)
        for octets in (b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x00\x02\x01\x00"):
            with socket.create_connection(("127.0.0.1", server.port()), timeout=20) as plain:
                plain.sendall(octets)
                ended(plain)
    assert serves(server)
    assert [record.getMessage() for record in caplog.records if record.exc_info] == []
    assert "Traceback" not in capfd.readouterr().err


def test_text_that_no_one_can_write(server: SmdpServer) -> None:
    fields = {"euiccChallenge": encode(bytes(16)), "euiccInfo1": encode(Peer(InProcess(SmdpService())).info1())}
    client = Es9Client(server.url("nist", HOST), TLS)
    reply = client.send("initiateAuthentication", json.dumps(fields | {"smdpAddress": "\ud800"}).encode())
    client.close()
    assert (reply.status, reply.status_code) == (200, "8.8.1/3.8")


def test_sessions_that_never_go_on_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sessions, "LARGEST_NUMBER", 3)
    service = SmdpService(Inventory.model_validate({"profiles": [{"octets": UPP, "matching_id": "AC"}]}))
    first = Peer(InProcess(service))
    assert not first.begin("AC").failed
    for _ in range(5):
        assert not Peer(InProcess(service)).initiate().failed
    assert len(service.sessions) == 3
    assert not first.package().failed, "the session that went on is still there"


# ---------------------------------------------------------------- the store


def stored(path: Path) -> tuple[SmdpService, Store]:
    service = SmdpService(Inventory.model_validate({"profiles": [{"octets": UPP, "matching_id": "AC"}]}))
    store = Store(path)
    store.attach(service.book)
    return service, store


def test_a_store_is_for_one_server(tmp_path: Path) -> None:
    service, store = stored(tmp_path / "orders.sqlite")
    with pytest.raises(StoreError, match=r"orders\.sqlite: the store is in use; end the other server"):
        Store(tmp_path / "orders.sqlite")
    assert not Peer(InProcess(service)).begin("AC").failed
    store.close()
    stored(tmp_path / "orders.sqlite")[1].close()


@pytest.fixture
def connections_of_stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every connection to a store is closed when the test ends; Python 3.13 warns of one that is only collected."""
    made: list[Watched] = []

    class Watched(sqlite3.Connection):
        is_open = True

        def __init__(self, *given: Any, **more: Any) -> None:
            super().__init__(*given, **more)
            made.append(self)

        def close(self) -> None:
            super().close()
            self.is_open = False

    real = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: real(*given, **more, factory=Watched))
    with warnings.catch_warnings():
        warnings.simplefilter("error", ResourceWarning)
        yield
        assert made
        assert not [each for each in made if each.is_open]
        made.clear()
        gc.collect()


@pytest.mark.usefixtures("connections_of_stores")
def test_no_connection_is_left_open(tmp_path: Path) -> None:
    service, store = stored(tmp_path / "orders.sqlite")
    with pytest.raises(StoreError, match="in use"):
        Store(tmp_path / "orders.sqlite")
    service.book.changed(next(iter(service.book)))
    store.close()
    (tmp_path / "other").write_bytes(b"something else, long enough to be looked at" * 40)
    with pytest.raises(StoreError, match="no store of an SM-DP"):
        Store(tmp_path / "other")
    with pytest.raises(StoreError, match="cannot be opened"):
        Store(tmp_path / "none" / "orders.sqlite")


@pytest.mark.usefixtures("connections_of_stores")
@pytest.mark.parametrize(
    ("row", "reported"),
    [
        ("no JSON", "Invalid JSON"),
        ("[]", "object"),
        ("{}", "state: Field required"),
        ({"attempts": "many"}, "attempts"),
        ({"attempts": -1}, "attempts"),
        ({"state": "Lost"}, "state"),
        ({"eid": 5}, "eid"),
        ({"downloads": {"xyz": "00"}}, "non-hexadecimal"),
        ({"notifications": None}, "notifications"),
        ({"expires": "2030-01-01"}, "expires"),
    ],
)
def test_a_damaged_row(tmp_path: Path, row: Any, reported: str) -> None:
    path = tmp_path / "orders.sqlite"
    service, store = stored(path)
    assert not Peer(InProcess(service)).begin("AC").failed
    store.close()
    with sqlite3.connect(path) as file:
        if not isinstance(row, str):
            row = json.dumps(json.loads(file.execute("SELECT state FROM orders").fetchone()[0]) | row)
        file.execute("UPDATE orders SET state = ?", (row,))
    file.close()
    with pytest.raises(StoreError) as caught:
        stored(path)
    assert reported in str(caught.value)
    assert f"{path}: the order of ICCID 98001032547698103254 cannot be read" in str(caught.value)


def test_a_full_store_hands_out_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    service, store = stored(tmp_path / "orders.sqlite")
    with SmdpServer(service, ports=Ports(brainpool=None, es2=None)) as server:
        peer = Peer(Es9Client(server.url("nist", HOST), TLS))
        assert not peer.begin("AC").failed
        pages = server.run(lambda: store._connection.execute("PRAGMA page_count").fetchone()[0])
        server.run(lambda: store._connection.execute(f"PRAGMA max_page_count={pages}").fetchone())
        server.run(lambda: next(iter(service.book)).notifications.append(bytes(20_000)))
        response = encode(peer.response2())
        body = json.dumps({"transactionId": peer.transaction, "prepareDownloadResponse": response}).encode()
        refused = peer.client.send("getBoundProfilePackage", body)
        assert (refused.status, refused.octets) == (503, b"the state of the orders cannot be stored")
        assert "cannot be stored (database or disk is full)" in caplog.text
        server.run(lambda: store._connection.execute("PRAGMA max_page_count=10000").fetchone())
        assert not peer.begin("AC").failed
        assert peer.open(peer.package()).profile == UPP
        assert next(iter(service.book)).state is State.DOWNLOADED
        peer.client.close()
    store.close()
