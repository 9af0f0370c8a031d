"""One TLS connection of a server of the bench, with what the LPA sent in the clear of its handshake."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TypeVar

_CHUNK = 1 << 16
Result = TypeVar("Result")


class SecureConnection:
    """The server's end of TLS over a socket; it does not close the socket.

    Attributes:
        received: what the client sent up to the end of the handshake, octet for octet.
    """

    def __init__(self, plain: socket.socket, context: ssl.SSLContext) -> None:
        self._plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._listening = True
        self.received = b""

    def shake_hands(self) -> None:
        """Do the handshake; raises ssl.SSLError or OSError where it fails."""
        try:
            self._pump(self._tls.do_handshake)
        except ssl.SSLError:
            # The alert that says why.
            with suppress(OSError):
                self._flush()
            raise
        self._listening = False

    def recv(self, size: int) -> bytes:
        """What the client sent; empty at the end of the connection."""
        try:
            return self._pump(lambda: self._tls.read(size))
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            return b""

    def sendall(self, octets: bytes) -> None:
        """Send; raises OSError where the client has gone."""
        view = memoryview(octets)
        while view:
            view = view[self._pump(partial(self._tls.write, view[:_CHUNK])) :]

    def close(self) -> None:
        """Tell the client that no more data follows (close_notify)."""
        with suppress(OSError):
            self._tls.unwrap()
        with suppress(OSError):
            self._flush()

    def version(self) -> str:
        """As the ssl module names it, ``TLSv1.2``."""
        return self._tls.version() or ""

    def suite(self) -> str:
        """In OpenSSL's name."""
        cipher = self._tls.cipher()
        return cipher[0] if cipher else ""

    def protocol(self) -> str:
        """What both ends agreed on by ALPN (RFC 7301); empty where they did not."""
        return self._tls.selected_alpn_protocol() or ""

    def resumed(self) -> bool:
        """Whether the handshake took a session up again (RFC 5246 7.3, RFC 8446 2.2)."""
        return bool(self._tls.session_reused)

    def _pump(self, step: Callable[[], Result]) -> Result:
        while True:
            try:
                found = step()
            except ssl.SSLWantReadError:
                self._flush()
                octets = self._plain.recv(_CHUNK)
                if self._listening:
                    self.received += octets
                if octets:
                    self._incoming.write(octets)
                else:
                    self._incoming.write_eof()
                continue
            self._flush()
            return found

    def _flush(self) -> None:
        octets = self._outgoing.read()
        if octets:
            self._plain.sendall(octets)
