"""The servers of the bench over HTTPS on loopback: one port for all names, each connection by the script.

The port is that of an HTTP proxy as well (RFC 9110 9.3.6): ``CONNECT`` of a name that a server has leads to that
server, whatever port is asked for.
"""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import h11

from pytest_euicc.iut.lpa import hello, http1, http2
from pytest_euicc.iut.lpa.certificates import Contexts
from pytest_euicc.iut.lpa.secured import SecureConnection
from pytest_euicc.peers.lpa.record import Call, Http, Record
from pytest_euicc.peers.lpa.tls import TlsRule
from pytest_euicc.peers.lpa.web import Request, Response, Web
from pytest_euicc.rsp.issuing import LIST_HOST, LIST_PATH

_LOOPBACK = "127.0.0.1"
_CHUNK = 1 << 16
_HANDSHAKE = 0x16
_PATIENCE = 120.0
"""Seconds without an octet from the LPA after which a connection is given up."""
_CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"
_NO_ADDRESS = b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_LIST = b"HTTP/1.1 200 OK\r\nContent-Type: application/pkix-crl\r\nConnection: close\r\n"
_ALERT = bytes.fromhex("15030300020228")
"""A fatal alert, handshake_failure (RFC 5246 7.2)."""


class HttpsListener:
    """Serves what a bench has on one port until `stop`.

    Args:
        web: gives the web and the record of the sequence that runs.
        rule: how a connection to a host is to be, by its number.
        default: the server for an LPA that names none in its ClientHello.

    Attributes:
        fault: an error of the bench while it answered an LPA, which saw a connection end; the LPA is not to blame.
    """

    def __init__(
        self,
        contexts: Contexts,
        web: Callable[[], tuple[Web, Record]],
        rule: Callable[[str, int], TlsRule],
        default: str,
    ) -> None:
        self._contexts = contexts
        self._web = web
        self._rule = rule
        self._default = default
        self.fault: Exception | None = None
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._numbers: Counter[str] = Counter()
        self._keys: set[bytes] = set()
        self._stopped = False
        self._listener = socket.create_server((_LOOPBACK, 0))
        self.host = _LOOPBACK
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="lpa bench", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """A sequence begins: connections are counted anew."""
        self._close_all()
        self._numbers.clear()
        self._keys.clear()

    def stop(self) -> None:
        """End everything; stopping twice does no harm."""
        self._stopped = True
        with suppress(OSError):
            # Closing alone does not wake the thread that accepts.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._close_all()
        self._thread.join()

    def _close_all(self) -> None:
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._stopped:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    # ------------------------------------------------------------------ one connection

    def _serve(self, connection: socket.socket) -> None:
        self._open.add(connection)
        connection.settimeout(_PATIENCE)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            with connection, suppress(OSError, h11.RemoteProtocolError):
                first = connection.recv(1, socket.MSG_PEEK)
                if first and first[0] != _HANDSHAKE:
                    self._plain(connection)
                elif first:
                    self._secure(connection, self._default)
        except Exception as error:
            # Raised again by the bench, in its own thread.
            self.fault = error
        finally:
            self._open.discard(connection)

    def _plain(self, connection: socket.socket) -> None:
        """A request without TLS is noted and gets no answer, unless it is for the proxy or for a revocation list."""
        head = _head(connection)
        line = head.partition(b"\r\n")[0].decode("latin-1").split(" ")
        web, record = self._web()
        if line[0] == "CONNECT" and len(line) > 1:
            self._tunnel(connection, line[1], web)
            return
        now = record.clock.now()
        target = line[1] if len(line) > 1 else ""
        if line[0] == "GET" and _asks_for_list(target, head):
            octets = self._contexts.revocation_list()
            connection.sendall(_LIST + f"Content-Length: {len(octets)}\r\n\r\n".encode() + octets)
            call = Call("CRL", "server", now, record.clock.now(), status="200", value={"host": LIST_HOST})
        else:
            http = Http("", line[0], target, {}, b"", 0, {}, b"", secure=False)
            call = Call("HTTP", "server", now, now, status="without TLS", http=http)
        with self._lock:
            record.add(call)

    def _tunnel(self, connection: socket.socket, authority: str, web: Web) -> None:
        host = Web.name_of(authority)
        if not web.knows(host):
            with self._lock:
                web.refused(host, "no address")
            connection.sendall(_NO_ADDRESS)
            return
        if self._unreachable(host, authority):
            connection.sendall(_NO_ADDRESS)
            return
        connection.sendall(_CONNECTED)
        first = connection.recv(1, socket.MSG_PEEK)
        if first and first[0] == _HANDSHAKE:
            self._secure(connection, host, proxy=True)
        elif first:
            self._plain(connection)

    def _unreachable(self, host: str, authority: str) -> bool:
        """Whether nothing listens there; it is noted then."""
        if authority.endswith(":80") or self._rule(host, self._numbers[host] + 1).ends != "unreachable":
            return False
        self._numbers[host] += 1
        with self._lock:
            self._web()[0].refused(host, "nothing listens")
        return True

    def _secure(self, connection: socket.socket, host: str, *, proxy: bool = False) -> None:
        _, record = self._web()
        began = record.clock.now()
        offer = hello.read(hello.peek(connection, _PATIENCE))
        name = offer.name or host
        if self._unreachable(name, name):
            _reset(connection)
            return
        self._numbers[name] += 1
        rule = self._rule(name, self._numbers[name])
        seen: dict[str, Any] = {"host": offer.name, "offered": list(offer.versions), "proxy": proxy}
        if rule.ends is not None:
            self._note(record, began, "ended by the server", seen)
            connection.recv(_CHUNK)
            if rule.ends == "alert":
                connection.sendall(_ALERT)
            return
        secure = SecureConnection(connection, self._contexts.of(name, rule))
        try:
            secure.shake_hands()
        except (ssl.SSLError, OSError) as error:
            why = getattr(error, "reason", None) or str(error)
            self._note(record, began, f"failed: {str(why).lower().replace('_', ' ')}", seen)
            return
        version = secure.version()
        key = hello.key_of(secure.received, version)
        fresh = bool(key) and key not in self._keys
        self._keys.add(key)
        done = {"version": version, "suite": secure.suite(), "resumed": secure.resumed(), "fresh_key": fresh}
        if secure.protocol():
            done["protocol"] = secure.protocol()
        self._note(record, began, version, {**seen, **done})
        protocol = http2.Http2(secure, self._answer) if secure.protocol() == http2.PROTOCOL else None
        if (protocol or http1.Http1(secure, offer.name, self._answer)).serve():
            secure.close()
        else:
            _reset(connection)

    def _answer(self, request: Request) -> Response:
        with self._lock:
            # The port of the bench stands for 443 to an LPA that was led there.
            return self._web()[0].answer(replace(request, host=request.host.removesuffix(f":{self.port}")))

    def _note(self, record: Record, began: float, status: str, value: dict[str, Any]) -> None:
        with self._lock:
            # An LPA may have sent its request, and more, before the server's end of the handshake is noted.
            record.add_late(Call("TLS", "server", began, record.clock.now(), status=status, value=value))


def _head(connection: socket.socket) -> bytes:
    """What comes in the clear, up to the end of the headers of a request."""
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _CHUNK:
        octets = connection.recv(_CHUNK)
        if not octets:
            break
        head += octets
    return head


def _reset(plain: socket.socket) -> None:
    """End a connection at once, without the end of TLS."""
    with suppress(OSError):
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _asks_for_list(target: str, head: bytes) -> bool:
    """Whether a request is for the revocation list that certificates name, of a proxy or of its host."""
    host = f"host: {LIST_HOST}".encode()
    return target == f"http://{LIST_HOST}{LIST_PATH}" or (target == LIST_PATH and host in head.lower())
