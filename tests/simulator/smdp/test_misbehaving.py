"""SM-DP+ that are down, slow, somebody else, or answer anything: one clear message each, and the run goes on."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, closing
from functools import partial

import pytest

from pytest_euicc import resources
from pytest_euicc.conformance.engine.events import Result, Verdict
from pytest_euicc.conformance.engine.failure import failure_text
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.harness import open_session
from pytest_euicc.iut.smdp.remote import RemoteSmdp, Server
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.tls import server_context
from tests.support.rough_server import SUCCESS, good_context, http, named, request_of, says, speaking
from tests.support.smdp_peer import HOST

SEQUENCES = {
    case.sequence_id(sequence): (case, sequence)
    for case in loader.load([resources.vectors() / "es9plus"])
    for sequence in case.sequences
}
FUNCTION = "TC_SM-DP+_ES9+.InitiateAuthenticationNIST_01"
FUNCTIONS = [name for name in SEQUENCES if ".InitiateAuthenticationNIST_0" in name][:4]
TLS_12, CHAIN, NAME, USAGE = (
    f"TC_SM-DP+_ES9+_Server_Authentication_for_HTTPS_EstablishmentNIST_0{number}" for number in (1, 3, 4, 5)
)
Serving = AbstractContextManager[int]


def smdp(port: int, timeout: float = 5.0) -> RemoteSmdp:
    urls = dict.fromkeys(("nist", "brainpool"), f"https://{HOST}:{port}")
    return RemoteSmdp(Server(urls, HOST, {HOST: "127.0.0.1"}, timeout), default_pki())


def results(access: RemoteSmdp, *names: str) -> list[Result]:
    declaration = Declaration.model_validate({"iut": "smdp", "options": ["O_P_NIST", "O_P_TLS13"]})
    session = open_session(None, declaration, default_pki(), access, real_card=False)
    with closing(access):
        return [Runner(session).run(*SEQUENCES[name]) for name in names]


def reported(result: Result) -> str:
    return failure_text(result.failure) if result.failure is not None else result.reason


def over_tls(answer: Callable[[socket.socket], None], context: ssl.SSLContext | None = None) -> Callable[[], Serving]:
    return partial(speaking, answer, context or good_context())


def endless(connection: socket.socket) -> None:
    request_of(connection)
    connection.sendall(http("200 OK", b"", length=1 << 30))
    while True:
        connection.sendall(b" " * (1 << 16))


def silent(connection: socket.socket) -> None:
    request_of(connection)
    # Until the client leaves.
    connection.recv(1)


WRONG_ANSWERS = {
    "html": (
        says(http("200 OK", b"<html>Welcome</html>", "Content-Type: text/html")),
        "HTTP 200",
        "not a JSON object .*text/html",
    ),
    "a list": (says(http("200 OK", b"[]")), "HTTP 200", "not a JSON object"),
    "500": (says(http("500 Oops", b"<h1>Internal</h1>")), "HTTP 500", "expected 200 .*Internal"),
    "a redirect": (
        says(http("302 Found", b"", "Location: https://elsewhere.example.com/")),
        "HTTP 302",
        "elsewhere.example.com.*none is followed",
    ),
    "half a body": (says(http("200 OK", SUCCESS[:20], length=len(SUCCESS))), "closed", "truncated after 20 octets"),
    "no answer": (says(b""), "closed", "ended before the answer"),
    "no end": (endless, "endless", "does not end: it is larger than"),
    "a success without fields": (says(http("200 OK", SUCCESS)), "success", "transactionId: .*no such field"),
}  # fmt: skip


@pytest.mark.parametrize("kind", WRONG_ANSWERS)
def test_a_wrong_answer_is_a_failure(kind: str) -> None:
    answer, status, said = WRONG_ANSWERS[kind]
    with over_tls(answer)() as port:
        first, second = results(smdp(port), FUNCTION, TLS_12)
    assert first.verdict is Verdict.FAIL
    assert f"[{status}]" in reported(first)
    assert re.search(said, reported(first)), reported(first)
    # What the functions do has nothing to do with TLS.
    assert second.verdict is Verdict.PASS


CERTIFICATES = {
    "another CI": (lambda: default_pki().invalid_server(Role.DP_TLS, "unknown-ci"), CHAIN, "not chain to a trusted CI"),
    "expired": (lambda: default_pki().invalid_server(Role.DP_TLS, "expired"), CHAIN, "not valid now: .*expired"),
    "another name": (lambda: named("other.example.com"), NAME, f"not for {HOST}"),
    "not for servers": (
        lambda: default_pki().invalid_server(Role.DP_TLS, "wrong-extended-key-usage"), USAGE, "is refused: .*purpose"
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", CERTIFICATES)
def test_another_certificate_fails_the_sequence_about_it_and_no_other(kind: str) -> None:
    shown, finds, said = CERTIFICATES[kind]
    others = [name for name in (TLS_12, CHAIN, NAME, USAGE) if name != finds]
    context = server_context(shown(), "nist")
    with over_tls(says(http("200 OK", SUCCESS)), context)() as port:
        found, function, *rest = results(smdp(port), finds, FUNCTION, *others)
    assert found.verdict is Verdict.FAIL
    assert (function.verdict, [each.verdict for each in rest]) == (Verdict.INCONCLUSIVE, [Verdict.PASS] * 3)
    assert f"https://{HOST}:{port}" in function.reason
    assert re.search(said, function.reason), function.reason


def plain(connection: socket.socket) -> None:
    connection.recv(4096)
    connection.sendall(http("400 Bad Request", b""))


def test_plain_http() -> None:
    with speaking(plain, None) as port:
        function, handshake, offer = results(smdp(port), FUNCTION, TLS_12, TLS_12.replace("_01", "_06"))
    assert (function.verdict, handshake.verdict, offer.verdict) == (
        Verdict.INCONCLUSIVE, Verdict.FAIL, Verdict.INCONCLUSIVE
    )  # fmt: skip
    assert "the server does not use TLS on this port (plain HTTP?)" in function.reason
    assert "the server does not use TLS on this port (plain HTTP?)" in reported(handshake)
    assert "begins 'HTTP/'" in offer.reason


def test_a_server_that_is_down_is_asked_once() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    access = smdp(port)
    first, *others = results(access, *FUNCTIONS, TLS_12)
    assert all(result.verdict is Verdict.INCONCLUSIVE for result in (first, *others))
    assert f"https://{HOST}:{port}" in first.reason
    assert "nothing listens at" in first.reason
    assert "is the server up and the port right?" in first.reason
    assert all("not tried again in this run, after: " in result.reason for result in others)


def test_a_server_that_never_answers_is_given_up() -> None:
    answered = []

    def answer(connection: socket.socket) -> None:
        answered.append(1)
        silent(connection)

    with over_tls(answer)() as port:
        found = results(smdp(port, timeout=0.2), *FUNCTIONS)
    assert [result.verdict for result in found] == [Verdict.INCONCLUSIVE] * 4
    assert "no answer within 0.2 s; allow more time, or check the server" in found[0].reason
    assert "not tried again in this run" in found[3].reason
    assert len(answered) == 3


def test_a_server_that_does_not_take_connections() -> None:
    # A listener whose queue is full answers no further SYN.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = [socket.socket() for _ in range(8)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        threading.Event().wait(0.05)
        first, second = results(smdp(port, timeout=0.3), *FUNCTIONS[:2])
        for each in waiting:
            each.close()
    assert "no connection within 0.3 s" in first.reason
    assert "not tried again" in second.reason
