"""Servers that answer over HTTPS as no server should: an answer or an Es9Error, before the time limit is long over."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import pytest

from pytest_euicc.es9 import errors
from pytest_euicc.es9.client import Es9Client, Es9Reply
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.pki import default_pki
from tests.support.bounded import bounded
from tests.support.rough_server import good_context, http, request_of, speaking
from tests.support.smdp_peer import HOST

TLS = TlsSettings(default_pki().trust(), timeout=0.4, resolve={HOST: "127.0.0.1"}, largest_answer=100_000)
SUCCESS = b'{"header":{"functionExecutionStatus":{"status":"Executed-Success"}}}'
HEAD = b"HTTP/1.1 200 OK\r\n"
GOOD = http("200 OK", SUCCESS)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
WHOLE_CHUNK = f"{len(SUCCESS):x}\r\n".encode() + SUCCESS + b"\r\n"
_PAUSE = 0.05

Script = Callable[[], Iterable[bytes]]


def drip(before: bytes, dripping: Iterable[bytes]) -> Script:
    """Some octets at once, then one piece after the other with a pause between, for as long as the client stays."""

    def script() -> Iterator[bytes]:
        yield before
        for octets in dripping:
            threading.Event().wait(_PAUSE)
            yield octets

    return script


def endless(octets: bytes) -> Iterable[bytes]:
    return itertools.repeat(octets)


def flood(before: bytes, octets: bytes) -> Script:
    """The same without a pause."""
    return lambda: itertools.chain([before], itertools.repeat(octets * (1 + 4000 // len(octets))))


def silent(before: bytes = b"") -> Script:
    """Some octets, and no more until the client leaves."""
    return lambda: (before, b"")


def once(*octets: bytes) -> Script:
    return lambda: octets


ANSWERED: dict[str, Script] = {
    "a good answer": once(GOOD),
    "100 before it": once(b"HTTP/1.1 100 Continue\r\n\r\n", GOOD),
    "102 before it": once(b"HTTP/1.1 102 Processing\r\n\r\n", GOOD),
    "103 with headers before it": once(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", GOOD),
    "102 three times before it": once(b"HTTP/1.1 102 Processing\r\n\r\n" * 3 + GOOD),
    "in pieces of one octet": lambda: (bytes([octet]) for octet in GOOD),
    "in one chunk": once(CHUNKED + WHOLE_CHUNK + b"0\r\n\r\n"),
    "chunk with an extension": once(CHUNKED + WHOLE_CHUNK.replace(b"\r\n", b";a=b\r\n", 1) + b"0\r\n\r\n"),
    "chunked, with a trailer": once(CHUNKED + WHOLE_CHUNK + b"0\r\nDigest: x\r\n\r\n"),
    "up to the end of the connection": once(HEAD + b"Connection: close\r\n\r\n" + SUCCESS),
    "HTTP/1.0": once(GOOD.replace(b"1.1", b"1.0", 1)),
    "with more behind it": once(GOOD + b"HTTP/1.1 200 OK\r\n"),
    "one header many times": once(http("200 OK", SUCCESS, *["X-A: 1"] * 80)),
    "headers of octets above 7F": once(http("200 OK", SUCCESS).replace(b"OK\r\n", b"OK\r\nX-A: \xe9\xff\r\n", 1)),
    "no reason phrase": once(GOOD.replace(b" OK", b"", 1)),
}
REFUSED: dict[str, tuple[Script, type[errors.Es9Error]]] = {
    "silence": (once(b""), errors.ServerTimeout),
    "closed at once": (once(), errors.ConnectionBroken),
    "status line drips": (drip(b"HTTP/1.1 200 ", endless(b"x")), errors.ServerTimeout),
    "status line never ends": (flood(b"HTTP/1.1 200 ", b"x"), errors.ConnectionBroken),
    "half a status line": (silent(b"HTTP/1.1 2"), errors.ServerTimeout),
    "half a status line and the end": (once(b"HTTP/1.1 2"), errors.ConnectionBroken),
    "headers drip": (drip(HEAD, endless(b"X-A: 1\r\n")), errors.ServerTimeout),
    "one header drips": (drip(HEAD + b"X-A: ", endless(b"x")), errors.ServerTimeout),
    "headers never end": (flood(HEAD, b"X-A: 1\r\n"), errors.ConnectionBroken),
    "one header never ends": (flood(HEAD + b"X-A: ", b"x"), errors.ConnectionBroken),
    "half the headers": (silent(HEAD + b"Content-Length: 3\r\n"), errors.ServerTimeout),
    "interim responses drip": (drip(b"", endless(b"HTTP/1.1 102 Processing\r\n\r\n")), errors.ServerTimeout),
    "interim responses never end": (flood(b"", b"HTTP/1.1 102 Processing\r\n\r\n"), errors.ServerTimeout),
    "interim responses and the end": (once(b"HTTP/1.1 103 Early Hints\r\n\r\n"), errors.ConnectionBroken),
    "100 for ever": (flood(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), errors.ServerTimeout),
    "101": (once(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), errors.ConnectionBroken),
    "body drips": (drip(http("200 OK", b"", length=1000), endless(b" ")), errors.ServerTimeout),
    "half a body": (silent(http("200 OK", SUCCESS[:9], length=99)), errors.ServerTimeout),
    "half a body and the end": (once(http("200 OK", SUCCESS[:9], length=99)), errors.ConnectionBroken),
    "body never ends": (flood(HEAD + b"\r\n", b"x"), errors.AnswerTooLarge),
    "body as long as announced": (flood(http("200 OK", b"", length=10**12), b"x"), errors.AnswerTooLarge),
    "length no number": (once(HEAD + b"Content-Length: x\r\n\r\n"), errors.ConnectionBroken),
    "length negative": (once(HEAD + b"Content-Length: -1\r\n\r\n"), errors.ConnectionBroken),
    "length of 5,000 digits": (once(HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n"), errors.ConnectionBroken),
    "two lengths": (once(HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"), errors.ConnectionBroken),
    "chunk sizes drip": (drip(CHUNKED, endless(b"0")), errors.ServerTimeout),
    "chunk size never ends": (flood(CHUNKED, b"0"), errors.ConnectionBroken),
    "chunk extension drips": (drip(CHUNKED + b"1;", endless(b"x")), errors.ServerTimeout),
    "chunk extension never ends": (flood(CHUNKED + b"1;", b"x"), errors.ConnectionBroken),
    "chunks drip": (drip(CHUNKED, endless(b"1\r\nx\r\n")), errors.ServerTimeout),
    "chunks never end": (flood(CHUNKED, b"3e8\r\n" + b"x" * 1000 + b"\r\n"), errors.AnswerTooLarge),
    "chunk of an odd size": (once(CHUNKED + b"xyz\r\n"), errors.ConnectionBroken),
    "chunk of a huge size": (once(CHUNKED + b"f" * 20 + b"\r\nx"), errors.ConnectionBroken),
    "chunk without its end": (once(CHUNKED + b"1\r\nxyz"), errors.ConnectionBroken),
    "chunks and no last one": (once(CHUNKED + WHOLE_CHUNK), errors.ConnectionBroken),
    "trailers drip": (drip(CHUNKED + WHOLE_CHUNK + b"0\r\n", endless(b"X-A: 1\r\n")), errors.ServerTimeout),
    "trailers never end": (flood(CHUNKED + WHOLE_CHUNK + b"0\r\n", b"X-A: 1\r\n"), errors.ConnectionBroken),
    "unknown transfer coding": (once(HEAD + b"Transfer-Encoding: x\r\n\r\n"), errors.ConnectionBroken),
    "no HTTP": (once(b"SSH-2.0-OpenSSH_9.0\r\n"), errors.ConnectionBroken),
    "status of five digits": (once(b"HTTP/1.1 20000 OK\r\n\r\n"), errors.ConnectionBroken),
    "header without a colon": (once(HEAD + b"nothing\r\n\r\n"), errors.ConnectionBroken),
    "NUL in a header": (once(HEAD + b"X: a\0b\r\n\r\n"), errors.ConnectionBroken),
    "redirect": (once(http("302 Found", b"", "Location: http://[::1")), errors.Redirected),
    "redirect to nowhere": (once(http("308 Moved", b"")), errors.Redirected),
    "not JSON": (once(http("200 OK", b"\xff\xfe")), errors.NotJson),
    "JSON nested 50,000 deep": (once(http("200 OK", b"[" * 50_000)), errors.NotJson),
    "objects nested 10,000 deep": (once(http("200 OK", b'{"a":' * 10_000 + b"1" + b"}" * 10_000)), errors.NotJson),
    "a number of 50,000 digits": (once(http("200 OK", b'{"a":' + b"9" * 50_000 + b"}")), errors.NotJson),
    "JSON of another kind": (once(http("200 OK", b"7")), errors.NotJson),
    "HTML with controls": (once(http("503 Busy", b"<h1>\x1b[31m\0\x07</h1>")), errors.UnexpectedHttpStatus),
}


def asked(script: Script) -> Es9Reply:
    def answer(connection: socket.socket) -> None:
        request_of(connection)
        for octets in script():
            if octets:
                connection.sendall(octets)
            else:
                connection.recv(1)

    def ask(port: int) -> Es9Reply:
        with Es9Client(f"https://{HOST}:{port}", TLS) as client:
            return client.call("cancelSession", {})

    with speaking(answer, good_context()) as port:
        return bounded(lambda: ask(port))


@pytest.mark.parametrize("mode", ANSWERED)
def test_odd_answers_that_hold(mode: str) -> None:
    reply = asked(ANSWERED[mode])
    assert (reply.status, reply.octets, reply.failed) == (200, SUCCESS, False)


@pytest.mark.parametrize("mode", REFUSED)
def test_answers_that_do_not_hold(mode: str) -> None:
    script, error = REFUSED[mode]
    with pytest.raises(errors.Es9Error) as caught:
        asked(script)
    assert type(caught.value) is error, caught.value
    assert str(caught.value).isprintable()


def test_a_server_that_reads_nothing() -> None:
    """A request of many octets does not go out, and comes to its end all the same."""
    done = threading.Event()

    def answer(_: socket.socket) -> None:
        done.wait(60)

    def ask(port: int) -> Es9Reply:
        with Es9Client(f"https://{HOST}:{port}", replace(TLS, timeout=0.4)) as client:
            return client.send("cancelSession", bytes(32 << 20))

    with speaking(answer, good_context()) as port:
        with pytest.raises(errors.ServerTimeout):
            bounded(lambda: ask(port))
        done.set()


def test_an_answer_before_the_request_was_read() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(100)
        connection.sendall(http("413 Too Large", b""))

    with speaking(answer, good_context()) as port, Es9Client(f"https://{HOST}:{port}", TLS) as client:
        try:
            assert bounded(lambda: client.send("cancelSession", bytes(1 << 20))).status == 413
        except errors.ConnectionBroken:
            # The reset may overtake the answer.
            return
