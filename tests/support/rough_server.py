"""A server of one trick: it takes connections, in TLS or plain, and does one thing with each."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.issuing import Identity, Wish, issue
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.tls import server_context
from tests.support.smdp_peer import HOST

TLS = TlsSettings(default_pki().trust(), timeout=5.0, resolve={HOST: "127.0.0.1"})
SUCCESS = b'{"header":{"functionExecutionStatus":{"status":"Executed-Success"}}}'


def http(status: str, body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@contextmanager
def speaking(answer: Callable[[socket.socket], None], context: ssl.SSLContext | None) -> Iterator[int]:
    """A server that does one thing with each connection; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    open_ones: list[socket.socket] = []

    def run() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            try:
                taken = context.wrap_socket(plain, server_side=True) if context else plain
            except OSError:
                plain.close()
                continue
            open_ones[:] = [taken]
            with taken:
                try:
                    answer(taken)
                except OSError:
                    continue

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        # A client that keeps its connection, or a stranger on this port, does not hold the test up.
        for connection in open_ones:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        thread.join()


def some(connection: socket.socket) -> bytes:
    received = connection.recv(65536)
    if not received:
        raise OSError("the client left")
    return received


def request_of(connection: socket.socket) -> bytes:
    """Read one whole request."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += some(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    found = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    while len(body) < int(found[1] if found else 0):
        body += some(connection)
    return head


def says(octets: bytes) -> Callable[[socket.socket], None]:
    def answer(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(octets)

    return answer


def good_context() -> ssl.SSLContext:
    return server_context(default_pki().server(Role.DP_TLS), "nist")


def named(host: str) -> Identity:
    wish = Wish(Role.DP_TLS, "other name", oid="2.999.10", hosts=(host,))
    return issue(wish, default_pki().server(Role.DP_TLS).private_key, default_pki().authority())
