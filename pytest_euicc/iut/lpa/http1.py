"""Requests of an LPA over HTTP/1.1 on one connection, and answers that go otherwise than usual (RFC 9112)."""

from __future__ import annotations

import time
from collections.abc import Callable

import h11

from pytest_euicc.iut.lpa.secured import SecureConnection
from pytest_euicc.peers.lpa import transport
from pytest_euicc.peers.lpa.transport import Transport
from pytest_euicc.peers.lpa.web import Request, Response

_CHUNK = 1 << 16


class Http1:
    """One connection.

    Args:
        name: of the server, for a request that names none.
        answer: what a server answers to a request.
    """

    def __init__(self, secure: SecureConnection, name: str, answer: Callable[[Request], Response]) -> None:
        self._secure = secure
        self._name = name
        self._answer = answer
        self._http = h11.Connection(h11.SERVER)

    def serve(self) -> bool:
        """Answer until either side ends the connection; False where the script cut it.

        Raises:
            h11.RemoteProtocolError: the LPA broke RFC 9112.
        """
        while True:
            found = self._read()
            if found is None:
                return True
            event, body = found
            headers = {key.decode("ascii").lower(): value.decode("latin-1") for key, value in event.headers}
            host, method = headers.get("host", self._name), event.method.decode("ascii")
            response = self._answer(Request(host, method, event.target.decode("latin-1"), headers, body))
            time.sleep(response.delay)
            if response.transport is not None:
                if not self._sent_otherwise(response, response.transport, headers.get("accept-encoding", "")):
                    return True
                self._http = h11.Connection(h11.SERVER)
                continue
            if not self._send(response):
                return False
            closes = any(
                key.lower() == "connection" and value.lower() == "close" for key, value in response.headers.items()
            )
            if closes or self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return True
            self._http.start_next_cycle()

    def _read(self) -> tuple[h11.Request, bytes] | None:
        """The next request with its body; None where none comes."""
        http = self._http
        request: h11.Request | None = None
        body = bytearray()
        while True:
            event = http.next_event()
            if event is h11.NEED_DATA:
                if http.they_are_waiting_for_100_continue:
                    self._secure.sendall(http.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
                http.receive_data(self._secure.recv(_CHUNK))
            elif isinstance(event, h11.Request):
                request = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage) and request is not None:
                return request, bytes(body)
            else:
                return None

    def _send(self, response: Response) -> bool:
        """Send an answer; False where the script cuts the connection."""
        if response.cut in ("before", "after"):
            return False
        headers = [(name, value) for name, value in response.headers.items() if name.lower() != "content-length"]
        bodiless = response.status in (204, 304)
        if not bodiless:
            headers.append(("Content-Length", str(len(response.body))))
        octets = self._http.send(h11.Response(status_code=response.status, headers=headers)) or b""
        if response.cut == "inside":
            self._secure.sendall(octets + response.body[: len(response.body) // 2])
            return False
        octets += (self._http.send(h11.Data(response.body)) or b"") if not bodiless else b""
        self._secure.sendall(octets + (self._http.send(h11.EndOfMessage()) or b""))
        return True

    def _sent_otherwise(self, response: Response, way: Transport, offered: str) -> bool:
        """Send an answer another way than usual; whether the connection goes on."""
        for part in transport.octets(way, response.status, response.headers, response.body, offered):
            self._secure.sendall(part)
        return way not in transport.CLOSING
