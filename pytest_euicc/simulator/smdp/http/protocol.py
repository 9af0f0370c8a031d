"""One connection of a listener: requests one after the other, each within its limits, and their answers (RFC 9112).

The parser is that of httptools; what is written is written octet by octet, as variants deviate in it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import cast
from urllib.parse import unquote

import httptools

from pytest_euicc.simulator.smdp.http.app import JsonFace
from pytest_euicc.simulator.smdp.http.messages import Answer, Request

LARGEST_HEAD = 64 << 10
"""Octets of a request line with its headers."""
LARGEST_BODY = 256 << 10
"""Octets of a request; the largest of ES9+, an AuthenticateServerResponse with its certificates, has a few thousand."""
_LARGEST_DISCARDED = 8 << 20
"""Octets that are read past to answer in order: a client that is still sending does not hear an answer."""
HEAD_SECONDS = 15.0
"""From the first octet of a request, or from the handshake, to the end of its headers."""
BODY_SECONDS = 30.0
"""How long a body may take to come."""

_TOO_LARGE = f"more than {LARGEST_BODY} octets"
_LOG = logging.getLogger(__name__)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_NO_REQUEST = Request("", "")


class HttpProtocol(asyncio.Protocol):
    """One connection.

    Args:
        face: what answers.
        idle: seconds for which the connection is kept between two requests.
        connections: those that are open; it enters and leaves them.
    """

    _transport: asyncio.Transport

    def __init__(self, face: JsonFace, idle: float, connections: set[HttpProtocol]) -> None:
        self._face = face
        self._idle = idle
        self._connections = connections
        self._loop = asyncio.get_running_loop()
        self._requests: deque[Request] = deque()
        self._waiting: asyncio.TimerHandle | None = None
        self._limit: asyncio.TimerHandle | None = None
        self._ended = False
        self._parser = httptools.HttpRequestParser(self)
        self.on_message_begin()

    @property
    def answering(self) -> bool:
        """Whether a request has no answer yet."""
        return self._waiting is not None

    def end(self) -> None:
        """Close the connection when what was written has been sent."""
        self._ended = True
        self._requests.clear()
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        self._transport.close()

    def abort(self) -> None:
        """Drop the connection."""
        self._transport.abort()

    # ------------------------------------------------------------------ asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio.Protocol."""
        self._transport = cast("asyncio.Transport", transport)
        self._connections.add(self)
        self._watch()

    def connection_lost(self, _error: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._ended = True
        self._connections.discard(self)
        for timer in (self._limit, self._waiting):
            if timer is not None:
                timer.cancel()

    def pause_writing(self) -> None:
        """A client that does not read is not read from."""
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        """See asyncio.Protocol."""
        if self._waiting is None:
            self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self._ended:
            return
        known, well_formed = len(self._requests), True
        try:
            self._parse(data)
        except httptools.HttpParserCallbackError:
            raise  # a fault of ours, not of the client
        except httptools.HttpParserError:
            well_formed = False
        # Where a request ended in these octets, the next one has had few of them, if any.
        self._octets += len(data) if len(self._requests) == known else 0
        self._go_on()
        if self._ended:
            return
        if not well_formed or (self._state == "head" and self._octets > LARGEST_HEAD):
            self._end_with(Answer(400))
        elif self._state == "body" and self._octets > _LARGEST_DISCARDED:
            self._refuse(413, _TOO_LARGE)

    # ------------------------------------------------------------------ requests

    def _parse(self, data: bytes) -> None:
        """Raises HttpParserError."""
        while data:
            try:
                self._parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                rest = data[upgrade.args[0] :]
            else:
                return
            # No other protocol is spoken here: the request is read again without the offer (RFC 9110 7.8).
            request = self._requests.pop()
            self._parser = httptools.HttpRequestParser(self)
            if request.method == "CONNECT":
                self._requests.append(replace(request, keeps=False))
                return
            data = _without_upgrade(request, self._target) + rest

    def on_message_begin(self) -> None:
        """See httptools."""
        self._target = b""
        self._headers: dict[str, str] = {}
        self._body = bytearray()
        self._octets = 0
        self._state = "head"
        self._limited = ""
        """The state that there is a time limit for."""

    def on_url(self, part: bytes) -> None:
        """See httptools."""
        self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools; trailers, which are headers as well to it, are left out."""
        if self._state == "head":
            self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """See httptools."""
        self._state = "body"
        self._version = self._parser.get_http_version()
        self._keeps = self._parser.should_keep_alive()
        expects = self._headers.get("expect", "").lower() == "100-continue"
        if expects and self._version != "1.0" and not self._requests and self._waiting is None:
            self._transport.write(_CONTINUE)

    def on_body(self, part: bytes) -> None:
        """See httptools."""
        # One octet more than may be shows that there were more.
        self._body += part[: LARGEST_BODY + 1 - len(self._body)]

    def on_message_complete(self) -> None:
        """See httptools."""
        self._requests.append(self._request())
        self._state = "idle"

    def _request(self) -> Request:
        method = self._parser.get_method().decode("latin-1")
        return Request(method, _path(self._target), self._headers, bytes(self._body), self._version, self._keeps)

    # ------------------------------------------------------------------ answers

    def _go_on(self) -> None:
        """Answer what has come, in its order, and set the limit for what is to come."""
        while self._requests and self._waiting is None and not self._ended:
            request = self._requests.popleft()
            if len(request.body) > LARGEST_BODY:
                self._end_with(self._face.refuse(request, 413, _TOO_LARGE), request)
            elif seconds := self._face.wait(request):
                self._transport.pause_reading()
                self._waiting = self._loop.call_later(seconds, self._answer_late, request)
            else:
                self._answer(request)
        self._watch()

    def _answer_late(self, request: Request) -> None:
        self._waiting = None
        self._answer(request)
        if not self._ended:
            self._transport.resume_reading()
            self._go_on()

    def _answer(self, request: Request) -> None:
        try:
            answer = self._face.answer(request)
        except Exception:
            _LOG.exception("%s %s could not be answered", request.method, request.path)
            answer = self._face.refuse(request, 500, "internal error")
        if answer.closes or not request.keeps:
            self._end_with(answer, request)
        else:
            self._write(answer.octets(request, last=False))

    def _refuse(self, status: int, reason: str) -> None:
        """Answer a request that has not come to its end."""
        request = self._request()
        self._end_with(self._face.refuse(request, status, reason), request)

    def _end_with(self, answer: Answer, request: Request = _NO_REQUEST) -> None:
        """Send the last answer of the connection; one that a function was to give before is not given any more."""
        self._write(answer.octets(request, last=True))
        self.end()

    def _write(self, parts: Iterable[bytes]) -> None:
        for part in parts:
            self._transport.write(part)

    # ------------------------------------------------------------------ limits

    def _watch(self) -> None:
        """Limit the time of what is to come, unless that is done already."""
        state = "answer" if self._waiting is not None else self._state
        if state == self._limited or self._ended:
            return
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None
        self._limited = state
        if state == "head":
            self._limit = self._loop.call_later(HEAD_SECONDS, self.abort)
        elif state == "body":
            reason = f"the body is not complete after {BODY_SECONDS:g} s"
            self._limit = self._loop.call_later(BODY_SECONDS, self._refuse, 408, reason)
        elif state == "idle":
            self._limit = self._loop.call_later(self._idle, self.end)


def _without_upgrade(request: Request, target: bytes) -> bytes:
    lines = [f"{name}: {value}" for name, value in request.headers.items() if name != "upgrade"]
    head = "\r\n".join([f" HTTP/{request.version}", *lines, "", ""])
    return request.method.encode("latin-1") + b" " + target + head.encode("latin-1")


def _path(target: bytes) -> str:
    try:
        return unquote((httptools.parse_url(target).path or b"/").decode("latin-1"))
    except httptools.HttpParserInvalidURLError:
        return ""
