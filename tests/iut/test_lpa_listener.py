"""The servers of the bench over HTTPS: certificates by host, what is recorded of handshakes, answers that break off."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, StreamEnded

from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import ConnectionBroken, NameMismatch, ServerCertificateError, TlsError, UnknownIssuer
from pytest_euicc.es9.inspection import handshake
from pytest_euicc.es9.tls import TlsSettings, client_context
from pytest_euicc.iut.lpa import hello
from pytest_euicc.iut.lpa.bench import ADDRESS, SimulatedBench
from pytest_euicc.iut.lpa.own import OwnLpa
from pytest_euicc.peers.lpa.script import Rule
from pytest_euicc.peers.lpa.tls import TlsRule
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.lpa.revocation import refuse_revoked


@pytest.fixture
def bench() -> Iterator[SimulatedBench]:
    made = SimulatedBench(OwnLpa(), default_pki())
    yield made
    made.close()


def client(bench: SimulatedBench, host: str = ADDRESS) -> Es9Client:
    https = bench.https()
    return Es9Client(f"https://{host}:{https.port}", TlsSettings(https.trust, resolve={host: https.host}, timeout=5))


def statuses(bench: SimulatedBench) -> list[str]:
    return [f"{call.name} {call.status}" for call in bench.record.calls]


def test_any_host_has_a_certificate_of_its_own(bench: SimulatedBench) -> None:
    for host in (ADDRESS, "second.example.com"):
        bench.set_server(host)
        with client(bench, host) as found:
            assert found.send("handleNotification", b"{}").status == 204
    reported = [call for call in bench.record.calls if call.name == "TLS"]
    assert [call.value["host"] for call in reported] == [ADDRESS, "second.example.com"]
    assert {call.status for call in reported} == {"TLSv1.3"}
    assert bench.https().ca_file.read_bytes().count(b"BEGIN CERTIFICATE") == 2


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (TlsRule(certificate="wrong-name"), NameMismatch),
        (TlsRule(certificate="unknown-ci"), UnknownIssuer),
        (TlsRule(certificate="self-signed"), UnknownIssuer),
        (TlsRule(certificate="public-ca"), UnknownIssuer),
        (TlsRule(certificate="wildcard-above"), NameMismatch),
        (TlsRule(certificate="wildcard-below"), NameMismatch),
        (TlsRule(ends="alert"), TlsError),
        (TlsRule(ends="closes"), TlsError),
    ],
)
def test_a_handshake_that_fails_is_on_the_record_and_nothing_after_it(
    bench: SimulatedBench, rule: TlsRule, fault: type[Exception]
) -> None:
    bench.tls.append(rule)
    with client(bench) as found, pytest.raises(fault):
        found.send("handleNotification", b"{}")
    assert {line.split(" ")[0] for line in statuses(bench)} <= {"TLS"}


@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_every_handshake_has_a_key_of_its_own(bench: SimulatedBench, version: str) -> None:
    bench.tls.append(TlsRule.model_validate({"minimum": version, "maximum": version}))
    for _ in range(2):
        with client(bench) as found:
            found.send("handleNotification", b"{}")
    handshakes = [call.value for call in bench.record.calls if call.name == "TLS"]
    assert [(each["resumed"], each["fresh_key"]) for each in handshakes] == [(False, True), (False, True)]


def test_a_session_that_is_taken_up_again_has_no_key(bench: SimulatedBench) -> None:
    bench.tls.append(TlsRule(maximum="1.2"))
    https = bench.https()
    context = client_context(TlsSettings(https.trust, maximum="1.2"))
    session = None
    for _ in range(2):
        with (
            socket.create_connection((https.host, https.port), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=ADDRESS, session=session) as secure,
        ):
            secure.sendall(b"POST / HTTP/1.1\r\nHost: smdp.example.com\r\nContent-Length: 0\r\n\r\n")
            assert secure.recv(1)
            session = secure.session
    handshakes = [call.value for call in bench.record.calls if call.name == "TLS"]
    assert [(each["resumed"], each["fresh_key"]) for each in handshakes] == [(False, True), (True, False)]


def test_a_server_that_nothing_listens_for(bench: SimulatedBench) -> None:
    bench.tls.append(TlsRule(ends="unreachable"))
    with client(bench) as found, pytest.raises(TlsError):
        found.send("handleNotification", b"{}")
    https = bench.https()
    with socket.create_connection((https.host, https.port), timeout=5) as plain:
        plain.sendall(f"CONNECT {ADDRESS}:443 HTTP/1.1\r\n\r\n".encode())
        assert plain.recv(100).startswith(b"HTTP/1.1 502")
    with socket.create_connection((https.host, https.port), timeout=5) as plain:
        plain.sendall(f"CONNECT {ADDRESS}:80 HTTP/1.1\r\n\r\n".encode())
        assert plain.recv(100).startswith(b"HTTP/1.1 200")
        plain.sendall(b"POST /gsma/rsp2/es9plus/initiateAuthentication HTTP/1.1\r\n\r\n")
        assert plain.recv(1) == b""
    assert statuses(bench) == ["CONNECT nothing listens", "CONNECT nothing listens", "HTTP without TLS"]


def test_a_revoked_certificate_is_on_the_list_that_it_names(bench: SimulatedBench) -> None:
    bench.tls.append(TlsRule(certificate="revoked"))
    https = bench.https()
    url = f"https://{ADDRESS}:{https.port}"
    settings = TlsSettings(https.trust, resolve={ADDRESS: https.host, "ci.example.com": https.host}, timeout=5)
    leaf = handshake(url, settings, verify=True).chain[0]
    # The server's thread may get to its end of the handshake behind the next connection.
    until = time.monotonic() + 60
    while not statuses(bench) and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(ServerCertificateError, match="revoked"):
        refuse_revoked(url, leaf, settings)
    with pytest.raises(ServerCertificateError, match="not that of a trusted CI"):
        refuse_revoked(url, leaf, replace(settings, trust=https.public))
    assert statuses(bench) == ["TLS TLSv1.3", "CRL 200", "CRL 200"]


def test_http_2_where_both_ends_have_it(bench: SimulatedBench) -> None:
    bench.tls.append(TlsRule(http2=True))
    bench.script.add(Rule.model_validate({"function": "ES9+.*", "body": "x" * 200_000}))
    https = bench.https()
    context = client_context(TlsSettings(https.trust))
    context.set_alpn_protocols(["h2"])
    connection = H2Connection(H2Configuration(header_encoding="utf-8"))
    connection.initiate_connection()
    path = "/gsma/rsp2/es9plus/handleNotification"
    head = {":method": "POST", ":scheme": "https", ":authority": ADDRESS, ":path": path}
    connection.send_headers(1, [*head.items(), ("content-type", "application/json")])
    connection.send_data(1, b"{}", end_stream=True)
    body, status = b"", ""
    with (
        socket.create_connection((https.host, https.port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=ADDRESS) as secure,
    ):
        while status != "ended":
            secure.sendall(connection.data_to_send())
            for event in connection.receive_data(secure.recv(1 << 16)):
                if isinstance(event, DataReceived):
                    body += event.data
                    connection.acknowledge_received_data(event.flow_controlled_length, 1)
                elif isinstance(event, StreamEnded):
                    status = "ended"
    # More than the window that a client has to begin with (RFC 9113 6.9.2).
    assert body == b"x" * 200_000
    handshake_of, call = bench.record.calls
    assert handshake_of.value["protocol"] == "h2"
    assert call.http is not None
    assert (call.name, call.host, call.http.headers["content-type"]) == (
        "ES9+.HandleNotification", ADDRESS, "application/json",
    )  # fmt: skip


def test_a_later_connection_may_be_another(bench: SimulatedBench) -> None:
    bench.tls.append(TlsRule(certificate="wrong-name", connection=2))
    bench.script.add(Rule(function="ES9+.*", headers={"Connection": "close"}))
    with client(bench) as found:
        assert found.send("handleNotification", b"{}").status == 204
        with pytest.raises(NameMismatch):
            found.send("handleNotification", b"{}")


@pytest.mark.parametrize("cut", ["before", "after", "inside"])
def test_an_answer_breaks_off(bench: SimulatedBench, cut: str) -> None:
    bench.script.add(Rule.model_validate({"function": "ES9+.*", "cut": cut, "body": "x" * 1000}))
    with client(bench) as found, pytest.raises(ConnectionBroken):
        found.send("handleNotification", b"{}")
    assert statuses(bench)[-1] == "ES9+.HandleNotification cut"


def test_a_request_in_the_clear_is_noted_and_not_answered(bench: SimulatedBench) -> None:
    https = bench.https()
    with socket.create_connection((https.host, https.port), timeout=5) as plain:
        plain.sendall(b"POST /gsma/rsp2/es9plus/initiateAuthentication HTTP/1.1\r\n\r\n")
        assert plain.recv(1) == b""
    (call,) = bench.record.calls
    assert call.http is not None
    assert (call.name, call.http.secure, call.http.target) == (
        "HTTP", False, "/gsma/rsp2/es9plus/initiateAuthentication",
    )  # fmt: skip


def test_a_hello_that_cannot_be_read_names_nobody() -> None:
    assert hello.read(b"") == hello.ClientHello()
    assert hello.read(bytes.fromhex("1603010005") + b"\x01\xff\xff\xff\xff").name == ""
