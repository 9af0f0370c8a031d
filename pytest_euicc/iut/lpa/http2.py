"""Requests of an LPA over HTTP/2, where a server of the bench offers it (RFC 9113); h2 has the frames."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.extras import has, need
from pytest_euicc.iut.lpa.secured import SecureConnection
from pytest_euicc.peers.lpa.web import Request, Response

PROTOCOL = "h2"
"""As ALPN names it (RFC 9113 3.1)."""
_CHUNK = 1 << 16
_OF_A_CONNECTION = ("connection", "content-length", "keep-alive", "transfer-encoding", "upgrade")
"""Headers that HTTP/2 does not have (RFC 9113 8.2.2), and the length, which is set again."""


def available() -> bool:
    """Whether the package is there that HTTP/2 needs."""
    return has("http2")


@dataclass
class _Stream:
    headers: dict[str, str]
    body: bytearray = field(default_factory=bytearray)
    """Of the request; of the answer once there is one."""
    answered: bool = False


class Http2:
    """One connection.

    Args:
        answer: what a server answers to a request.
    """

    def __init__(self, secure: SecureConnection, answer: Callable[[Request], Response]) -> None:
        need("HTTP/2", "http2")
        from h2.config import H2Configuration
        from h2.connection import H2Connection

        self._secure = secure
        self._answer = answer
        self._connection: Any = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._streams: dict[int, _Stream] = {}

    def serve(self) -> bool:
        """Answer until the LPA ends the connection; False where the script cut it.

        Raises:
            h2.exceptions.ProtocolError: the LPA broke RFC 9113.
        """
        self._connection.initiate_connection()
        self._flush()
        while octets := self._secure.recv(_CHUNK):
            for event in self._connection.receive_data(octets):
                if not self._handle(event):
                    return False
            self._send_bodies()
            self._flush()
        return True

    def _handle(self, event: Any) -> bool:
        from h2 import events

        if isinstance(event, events.RequestReceived):
            headers: Any = event.headers
            self._streams[event.stream_id] = _Stream(dict(headers))
        elif isinstance(event, events.DataReceived):
            self._streams[event.stream_id].body += event.data
            self._connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, events.StreamReset):
            self._streams.pop(event.stream_id, None)
        elif isinstance(event, events.StreamEnded):
            return self._begin_answer(event.stream_id, self._streams[event.stream_id])
        return True

    def _begin_answer(self, number: int, stream: _Stream) -> bool:
        """Send the headers of an answer and keep its body for when there is room; False where it is cut."""
        names = {name: value for name, value in stream.headers.items() if not name.startswith(":")}
        host = stream.headers.get(":authority", names.get("host", ""))
        method, target = stream.headers[":method"], stream.headers[":path"]
        response = self._answer(Request(host, method, target, {**names, "host": host}, bytes(stream.body)))
        time.sleep(response.delay)
        if response.cut:
            return False
        headers = [(name.lower(), value) for name, value in response.headers.items()]
        kept = [each for each in headers if each[0] not in _OF_A_CONNECTION]
        bodiless = response.status in (204, 304)
        if not bodiless:
            kept.append(("content-length", str(len(response.body))))
        self._connection.send_headers(number, [(":status", str(response.status)), *kept], end_stream=bodiless)
        stream.body, stream.answered = bytearray() if bodiless else bytearray(response.body), True
        if bodiless:
            del self._streams[number]
        return True

    def _send_bodies(self) -> None:
        """As much of every answer as the LPA has room for (RFC 9113 5.2)."""
        for number, stream in list(self._streams.items()):
            while stream.answered:
                room = min(self._connection.local_flow_control_window(number), self._connection.max_outbound_frame_size)
                if stream.body and room <= 0:
                    break
                part, stream.body = stream.body[:room], stream.body[room:]
                stream.answered = bool(stream.body)
                self._connection.send_data(number, bytes(part), end_stream=not stream.answered)
                if not stream.answered:
                    del self._streams[number]

    def _flush(self) -> None:
        self._secure.sendall(self._connection.data_to_send())
