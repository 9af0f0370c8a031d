"""Servers that shake hands as no server should: an Es9Error for a request, a handshake and a ClientHello by hand."""

from __future__ import annotations

import itertools
import socket
import struct
import threading
from collections.abc import Callable, Iterable

import pytest

from pytest_euicc.es9 import errors
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.client_hello import HelloAnswer, offer
from pytest_euicc.es9.inspection import handshake
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.pki import default_pki
from tests.support.bounded import bounded
from tests.support.rough_server import good_context, request_of, speaking
from tests.support.smdp_peer import HOST

TLS = TlsSettings(default_pki().trust(), timeout=0.4, resolve={HOST: "127.0.0.1"})
_SUITE = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"


def record(kind: int, content: bytes) -> bytes:
    return bytes([kind, 3, 3]) + len(content).to_bytes(2) + content


def hello(body: bytes, length: int | None = None) -> bytes:
    return record(22, b"\2" + (len(body) if length is None else length).to_bytes(3) + body)


GOOD_HELLO = bytes((3, 3)) + bytes(32) + b"\0\xc0\x2b\0"

# What is sent on the ClientHello; b"" waits until the client leaves.
MODES: dict[str, Callable[[], Iterable[bytes]]] = {
    "silence": lambda: [b""],
    "closed at once": list,
    "plain HTTP": lambda: [b"HTTP/1.1 400 Bad Request\r\n\r\n"],
    "octets at random": lambda: [bytes(range(255, 0, -1)) * 9],
    "half a record head": lambda: [b"\x16\3", b""],
    "half a record": lambda: [record(22, bytes(90))[:50], b""],
    "half a record and the end": lambda: [record(22, bytes(90))[:50]],
    "a record of 65,535 octets": lambda: [b"\x16\3\3\xff\xff" + bytes(70_000), b""],
    "a ServerHello and silence": lambda: [hello(GOOD_HELLO), b""],
    "a ServerHello and the end": lambda: [hello(GOOD_HELLO)],
    "a ServerHello that is too short": lambda: [hello(b"\3\3")],
    "a ServerHello of 16 MB": lambda: [hello(bytes(100), 0xFFFFFF), *[record(22, bytes(16000))] * 40, b""],
    "a ServerHello that drips": lambda: slowly(hello(GOOD_HELLO, 0xFFFF), record(22, b"\0")),
    "record heads that drip": lambda: slowly(b"", b"\x16"),
    "empty records for ever": lambda: itertools.repeat(record(22, b"") * 100),
    "warnings for ever": lambda: itertools.repeat(record(21, b"\1\x5a") * 100),
    "a fatal alert": lambda: [record(21, b"\2\x28")],
    "half an alert": lambda: [record(21, b"\2")],
    "HelloRequests for ever": lambda: itertools.repeat(record(22, b"\0\0\0\0") * 100),
    "tickets before anything": lambda: itertools.repeat(record(22, b"\4\0\0\6" + bytes(6)) * 100),
    "application data": lambda: [record(23, bytes(100)), b""],
}  # fmt: skip


def slowly(before: bytes, octets: bytes) -> Iterable[bytes]:
    yield before or octets
    while True:
        threading.Event().wait(0.05)
        yield octets


def serve(mode: str) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        # Some kernels tell the sender only late that nobody reads any more.
        connection.settimeout(1.0)
        connection.recv(4096)
        for octets in MODES[mode]():
            if octets:
                connection.sendall(octets)
            else:
                connection.recv(1)

    return answer


@pytest.mark.parametrize("mode", MODES)
def test_no_handshake(mode: str) -> None:
    with speaking(serve(mode), None) as port:
        url = f"https://{HOST}:{port}"
        with pytest.raises((errors.TlsError, errors.ServerTimeout)) as caught:
            bounded(lambda: handshake(url, TLS))
        assert str(caught.value).isprintable()
        with Es9Client(url, TLS) as client, pytest.raises((errors.TlsError, errors.ServerTimeout)):
            bounded(lambda: client.call("cancelSession", {}))


@pytest.mark.parametrize("mode", MODES)
def test_a_client_hello_by_hand(mode: str) -> None:
    def ask(port: int) -> HelloAnswer | None:
        try:
            return offer(f"https://{HOST}:{port}", TLS, "1.2", [_SUITE], bytes(32))
        except (errors.NotTls, errors.ServerTimeout):
            return None

    with speaking(serve(mode), None) as port:
        bounded(lambda: ask(port))


def test_a_reset_in_the_middle_of_an_answer() -> None:
    def answer(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with (
        speaking(answer, good_context()) as port,
        Es9Client(f"https://{HOST}:{port}", TLS) as client,
        pytest.raises(errors.ConnectionBroken),
    ):
        bounded(lambda: client.call("cancelSession", {}))


def test_octets_that_are_no_tls_in_the_middle_of_an_answer() -> None:
    def answer(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nx")
        with socket.socket(fileno=connection.detach()) as plain:
            plain.sendall(b"no TLS at all" * 9)
            plain.recv(1)

    with (
        speaking(answer, good_context()) as port,
        Es9Client(f"https://{HOST}:{port}", TLS) as client,
        pytest.raises((errors.TlsError, errors.ConnectionBroken)),
    ):
        bounded(lambda: client.call("cancelSession", {}))
