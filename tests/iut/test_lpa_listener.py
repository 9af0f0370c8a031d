"""The servers of the bench over HTTPS: certificates by host, what is recorded of handshakes, answers that break off."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import ConnectionBroken, NameMismatch, TlsError, UnknownIssuer
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.iut.lpa import hello
from pytest_euicc.iut.lpa.bench import ADDRESS, SimulatedBench
from pytest_euicc.iut.lpa.own import OwnLpa
from pytest_euicc.peers.lpa.script import Rule
from pytest_euicc.peers.lpa.tls import TlsRule
from pytest_euicc.rsp.pki import default_pki


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
