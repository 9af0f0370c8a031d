"""TLS connections of the listeners: how many, how long their handshake may take, its alert where it fails."""

from __future__ import annotations

import asyncio
import logging
import ssl
import weakref
from asyncio import sslproto
from typing import Any

LARGEST_NUMBER = 512
"""Connections at a time, those in their TLS handshake counted."""
HANDSHAKE_SECONDS = 15.0

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
