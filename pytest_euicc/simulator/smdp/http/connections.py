"""Connections of the listeners: how many, how long to say what they want, alerts of handshakes that fail."""

from __future__ import annotations

import asyncio
import logging
import ssl
import weakref
from asyncio import sslproto
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

LARGEST_NUMBER = 512
"""Connections at a time, those in their TLS handshake counted."""
HANDSHAKE_SECONDS = 15.0
HEAD_SECONDS = 15.0
"""From the first octet of a request, or from the handshake, to the end of its headers."""

_LOG = logging.getLogger(__name__)


class _TlsProtocol(sslproto.SSLProtocol):
    """TLS that says why a handshake failed: asyncio closes the connection before OpenSSL's alert is sent."""

    def _fatal_error(self, exc: BaseException, message: str = "Fatal error on transport") -> None:
        if isinstance(exc, ssl.SSLError) and self._transport is not None:
            self._process_outgoing()  # type: ignore[attr-defined]
        super()._fatal_error(exc, message)


class ListenerLoop(asyncio.SelectorEventLoop):
    """An event loop whose TLS connections are limited in number and in the time of their handshake."""

    def __init__(self) -> None:
        super().__init__()
        self._tls: weakref.WeakSet[asyncio.Transport] = weakref.WeakSet()
        self._full = False
        self.set_exception_handler(_report)

    def _make_ssl_transport(self, *arguments: Any, **named: Any) -> asyncio.Transport:
        named["ssl_handshake_timeout"] = HANDSHAKE_SECONDS
        transport: asyncio.Transport = super()._make_ssl_transport(*arguments, **named)  # type: ignore[misc]
        # It has been made, and begins only when the loop goes on.
        transport._ssl_protocol.__class__ = _TlsProtocol  # type: ignore[attr-defined]
        full = sum(not each.is_closing() for each in self._tls) >= LARGEST_NUMBER
        if full:
            # Said once, or whoever knocks fills the log.
            if not self._full:
                _LOG.warning("%d connections are open: further ones are closed until one of them ends", LARGEST_NUMBER)
            self.call_soon(transport.abort)
        else:
            self._tls.add(transport)
        self._full = full
        return transport


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What no code of ours caught: one line, as it is the network's or the client's doing; a bug of ours in full."""
    error = context.get("exception")
    ours = not isinstance(error, OSError | TimeoutError | None)
    _LOG.error("%s: %s", context.get("message"), error, exc_info=error if ours else None)


class LimitedProtocol(H11Protocol):
    """HTTP whose requests have to begin: headers that never end close the connection."""

    _ending: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See asyncio.Protocol."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._stop_watching()
        super().connection_lost(exc)

    def send_400_response(self, _msg: str) -> None:
        """Answer what is no HTTP; a function that was begun answers no more."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            # Without a body, which HEAD would not have.
            headers = [(b"content-length", b"0"), (b"connection", b"close")]
            answer = h11.Response(status_code=400, headers=headers, reason=b"Bad Request")
            self.transport.write(self.conn.send(answer) + self.conn.send(h11.EndOfMessage()))
        self.transport.close()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            self._stop_watching()
        elif self._ending is None:
            self._ending = self.loop.call_later(HEAD_SECONDS, self.transport.abort)

    def _stop_watching(self) -> None:
        if self._ending is not None:
            self._ending.cancel()
            self._ending = None
