"""HTTP/1.1 of the listeners, octet by octet: framing, order, limits, the end of connections (RFC 9110, 9112)."""

from __future__ import annotations

import json
import re
import socket
import ssl
import time
from collections.abc import Iterator

import pytest

from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http import protocol
from pytest_euicc.simulator.smdp.http.app import ES9_PATH
from pytest_euicc.simulator.smdp.http.messages import Answer, Request
from pytest_euicc.simulator.smdp.http.server import Ports, SmdpServer
from pytest_euicc.simulator.smdp.service import SmdpService
from tests.support.smdp_http import FUNCTION, WHOLE

BODY = json.dumps(WHOLE).encode()
BINDING = b"Content-Type: application/json\r\nX-Admin-Protocol: gsma/rsp/v2.6.0\r\n"


@pytest.fixture(scope="module")
def server() -> Iterator[SmdpServer]:
    with SmdpServer(SmdpService(), ports=Ports(brainpool=None, es2=None)) as running:
        yield running


@pytest.fixture
def connection(server: SmdpServer) -> Iterator[ssl.SSLSocket]:
    with connected(server) as opened:
        yield opened


def connected(server: SmdpServer) -> ssl.SSLSocket:
    context = ssl.create_default_context(cadata=default_pki().ci().der)
    return context.wrap_socket(
        socket.create_connection(("127.0.0.1", server.port()), timeout=20), server_hostname="localhost"
    )


def request(
    body: bytes = BODY,
    *,
    method: bytes = b"POST",
    target: bytes = f"{ES9_PATH}{FUNCTION}".encode(),
    version: bytes = b"1.1",
    headers: bytes = BINDING,
    framing: bytes | None = None,
) -> bytes:
    if framing is None:
        framing = b"Content-Length: %d\r\n" % len(body)
    return b"%s %s HTTP/%s\r\nHost: localhost\r\n%s%s\r\n%s" % (method, target, version, headers, framing, body)


class Heard:
    """Answers read from a connection, one after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._octets = b""

    def more(self) -> bool:
        try:
            octets = self._connection.recv(65536)
        except (ConnectionResetError, ssl.SSLEOFError):
            octets = b""
        self._octets += octets
        return bool(octets)

    def answer(self, *, head_only: bool = False) -> tuple[int, dict[str, str], bytes]:
        """Status, headers, body as framed by Content-Length."""
        while b"\r\n\r\n" not in self._octets:
            assert self.more(), self._octets
        head, _, self._octets = self._octets.partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        length = 0 if head_only else int(headers.get("content-length", "0"))
        while len(self._octets) < length:
            assert self.more(), self._octets
        body, self._octets = self._octets[:length], self._octets[length:]
        return int(status.split(" ")[1]), headers, body

    def rest(self) -> bytes:
        """All that comes until the server ends the connection."""
        while self.more():
            pass
        return self._octets


def succeeded(body: bytes) -> bool:
    return bool(json.loads(body)["header"]["functionExecutionStatus"]["status"] == "Executed-Success")


@pytest.mark.parametrize(
    "octets",
    [
        pytest.param(request(), id="with a length"),
        pytest.param(
            request(
                b"%x;ext=1\r\n%s\r\n%x\r\n%s\r\n0\r\nContent-Type: text/plain\r\n\r\n"
                % (10, BODY[:10], len(BODY) - 10, BODY[10:]),
                framing=b"Transfer-Encoding: chunked\r\n",
            ),
            id="in chunks with a trailer",
        ),
        pytest.param(request(target=b"https://localhost/gsma/rsp2/es9plus/initiateAuthentication?a=b"), id="whole URL"),
        pytest.param(request(target=f"{ES9_PATH}initiate%41uthentication".encode()), id="an escaped letter"),
        pytest.param(b"\r\n\r\n" + request(), id="after empty lines"),
        pytest.param(
            request(headers=BINDING + b"Connection: Upgrade\r\nUpgrade: h2c\r\n"), id="offering another protocol"
        ),
    ],
)
def test_requests_are_read_however_they_are_framed(connection: ssl.SSLSocket, octets: bytes) -> None:
    heard = Heard(connection)
    for _ in range(2):
        connection.sendall(octets)
        status, headers, body = heard.answer()
        assert (status, headers["content-type"], succeeded(body)) == (200, "application/json", True)
    for each in octets:
        connection.sendall(bytes([each]))
    assert heard.answer()[0] == 200


def test_a_length_and_chunks_together_are_refused(connection: ssl.SSLSocket) -> None:
    connection.sendall(request(framing=b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", body=b"0\r\n\r\n"))
    assert Heard(connection).rest().startswith(b"HTTP/1.1 400 Bad Request\r\n")


def test_requests_sent_at_once_are_answered_in_order(connection: ssl.SSLSocket) -> None:
    connection.sendall(request() + request(target=b"/nothing") + request(method=b"GET", body=b"") + request())
    heard = Heard(connection)
    assert [heard.answer()[0] for _ in range(4)] == [200, 404, 405, 200]


def test_many_offers_of_another_protocol_at_once(connection: ssl.SSLSocket) -> None:
    offers = BINDING + b"Connection: Upgrade\r\nUpgrade: h2c\r\n"
    connection.sendall(request(headers=offers, target=b"/nothing", body=b"") * 2000)
    heard = Heard(connection)
    assert {heard.answer()[0] for _ in range(2000)} == {404}


def test_requests_sent_at_once_wait_for_a_late_answer(server: SmdpServer) -> None:
    server.service.variants = frozenset({"answers-late"})
    try:
        with connected(server) as connection:
            connection.sendall(request() + request(target=b"/nothing") + request())
            heard = Heard(connection)
            assert [heard.answer()[0] for _ in range(3)] == [200, 404, 200]
    finally:
        server.service.variants = frozenset()


def test_what_comes_before_rubbish_is_answered(connection: ssl.SSLSocket) -> None:
    connection.sendall(request() + b"rubbish\r\n\r\n")
    heard = Heard(connection)
    assert heard.answer()[0] == 200
    status, headers, _ = heard.answer()
    assert (status, headers["connection"]) == (400, "close")
    assert heard.rest() == b""


@pytest.mark.parametrize(
    ("octets", "answer"),
    [
        (request(version=b"1.0"), 200),
        (request(headers=BINDING + b"Connection: close\r\n"), 200),
        (request(method=b"CONNECT", target=b"example.com:443", body=b""), 404),
    ],
)
def test_a_connection_that_is_not_kept(connection: ssl.SSLSocket, octets: bytes, answer: int) -> None:
    connection.sendall(octets + request())
    heard = Heard(connection)
    status, headers, _ = heard.answer()
    assert (status, headers["connection"]) == (answer, "close")
    assert heard.rest() == b""


def test_http_1_0_that_keeps_the_connection(connection: ssl.SSLSocket) -> None:
    heard = Heard(connection)
    for _ in range(2):
        connection.sendall(request(version=b"1.0", headers=BINDING + b"Connection: keep-alive\r\n"))
        assert heard.answer()[0] == 200


@pytest.mark.parametrize("target", [b"https://localhost", b"*", b"//", b"/" + b"%ff" * 100])
def test_targets_that_are_no_function(
    connection: ssl.SSLSocket, caplog: pytest.LogCaptureFixture, target: bytes
) -> None:
    heard = Heard(connection)
    for body in (b"{}", bytes(300_000)):
        connection.sendall(request(body, target=target))
        assert heard.answer()[0] == (404 if body == b"{}" else 413)
    assert caplog.records == []


def test_a_fault_while_a_request_is_read_is_logged(
    connection: ssl.SSLSocket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(protocol, "_path", lambda _target: 1 / 0)
    connection.sendall(request())
    assert Heard(connection).rest() == b""
    assert any(record.exc_info for record in caplog.records)


def test_head_has_no_body(connection: ssl.SSLSocket) -> None:
    connection.sendall(request(method=b"HEAD", body=b"") + request())
    heard = Heard(connection)
    status, headers, _ = heard.answer(head_only=True)
    assert (status, headers["content-length"], headers["allow"]) == (405, "16", "POST")
    assert heard.answer()[0] == 200


def test_a_client_that_waits_before_it_sends_the_body(connection: ssl.SSLSocket) -> None:
    octets = request(headers=BINDING + b"Expect: 100-continue\r\n")
    connection.sendall(octets.removesuffix(BODY))
    heard = Heard(connection)
    assert heard.answer()[0] == 100
    connection.sendall(BODY)
    assert heard.answer()[0] == 200


@pytest.mark.parametrize(
    "octets",
    [
        b"POST " + bytes(70_000).replace(b"\0", b"a"),
        request(headers=b"X: " + b"a" * 70_000 + b"\r\n").partition(b"\r\n\r\n")[0],
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 15_000,
    ],
    ids=["target", "header", "headers"],
)
def test_a_head_that_is_too_large(connection: ssl.SSLSocket, octets: bytes) -> None:
    connection.sendall(octets)
    assert Heard(connection).rest().startswith(b"HTTP/1.1 400 ")


def test_a_body_that_is_too_large(connection: ssl.SSLSocket) -> None:
    connection.sendall(request(bytes(300_000)))
    heard = Heard(connection)
    status, headers, body = heard.answer()
    assert (status, headers["connection"], body) == (413, "close", b"more than 262144 octets")


@pytest.mark.parametrize("octets", [b"f0000000\r\n", b"0\r\nx: "], ids=["a chunk", "a trailer"])
def test_a_body_without_end_is_given_up(server: SmdpServer, octets: bytes) -> None:
    with connected(server) as connection:
        connection.sendall(request(octets, framing=b"Transfer-Encoding: chunked\r\n"))

        def flood() -> None:
            for _ in range(1000):
                connection.sendall(b"a" * 100_000)

        # A client that is still sending may not hear the answer.
        with pytest.raises((ConnectionError, ssl.SSLError)):
            flood()


def test_an_idle_connection_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SmdpServer, "idle_seconds", 0.1)
    with (
        SmdpServer(SmdpService(), ports=Ports(brainpool=None, es2=None)) as server,
        connected(server) as connection,
    ):
        heard = Heard(connection)
        for _ in range(3):
            connection.sendall(request())
            assert heard.answer()[0] == 200
        assert heard.rest() == b""


def test_a_fault_of_the_server_is_answered_and_logged(
    server: SmdpServer, connection: ssl.SSLSocket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("pytest_euicc.simulator.smdp.http.app.JsonFace.answer", lambda _face, _request: 1 / 0)
    connection.sendall(request())
    assert Heard(connection).answer()[0] == 500
    assert [record.getMessage() for record in caplog.records] == [f"POST {ES9_PATH}{FUNCTION} could not be answered"]


def test_the_server_stops_with_connections_open() -> None:
    server = SmdpServer(SmdpService(variants=frozenset({"answers-late"})), ports=Ports(brainpool=None, es2=None))
    with server:
        idle, waiting = connected(server), connected(server)
        waiting.sendall(request())
        while not any(each.answering for each in list(server._connections)):
            time.sleep(0.005)
        server.stop()
        assert Heard(waiting).answer()[0] == 200
        for each in (idle, waiting):
            assert Heard(each).rest() == b""
            each.close()


def test_a_client_that_does_not_read_is_not_read_from(connection: ssl.SSLSocket, server: SmdpServer) -> None:
    connection.settimeout(0.5)
    octets = request(target=b"/nothing") * 100

    def flood() -> None:
        for _ in range(1000):
            connection.sendall(octets)

    with pytest.raises(TimeoutError):
        flood()
    assert server.run(lambda: max(each._transport.get_write_buffer_size() for each in server._connections)) < 1 << 22


def test_chunks_are_for_who_knows_them() -> None:
    answer = Answer(200, [("a", "b")], b"abcdef", piece=4, chunked=True)
    asked = Request("POST", "/")
    assert b"".join(answer.octets(asked, last=False)) == (
        b"HTTP/1.1 200 OK\r\na: b\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n2\r\nef\r\n0\r\n\r\n"
    )
    old = Request("POST", "/", version="1.0")
    assert b"".join(answer.octets(old, last=True)) == (
        b"HTTP/1.1 200 OK\r\na: b\r\ncontent-length: 6\r\nconnection: close\r\n\r\nabcdef"
    )
    assert re.match(rb"HTTP/1.1 299 \r\n", b"".join(Answer(299).octets(asked, last=False)))


def test_the_time_for_a_body_begins_with_it(server: SmdpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "BODY_SECONDS", 0.1)
    with connected(server) as connection:
        connection.sendall(request() + request()[:-1])
        heard = Heard(connection)
        assert heard.answer()[0] == 200
        status, headers, _ = heard.answer()
        assert (status, headers["connection"]) == (408, "close")
