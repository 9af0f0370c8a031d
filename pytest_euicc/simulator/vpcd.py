"""The card's side of vpcd's protocol: puts any card object behind a virtual PC/SC reader or a listening harness."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from pytest_euicc.card.vpcd_protocol import PORT, ConnectionLost, Control, VpcdSocket

_CONNECT_SECONDS = 10.0
_RETRY_SECONDS = 0.1


class SoftwareCard(Protocol):
    """What can be served: the simulated eUICC, or any other object with these two methods."""

    def reset(self) -> bytes:
        """Power up or reset; returns the ATR."""

    def transmit(self, apdu: bytes) -> bytes:
        """Answer one command APDU with data and SW1 SW2."""


class CardServer:
    """Serves one card to the vpcd (or harness) that listens on *host*:*port*.

    `run` serves in the calling thread until the other end goes away or `stop` is called; `start` does so in a thread
    of its own. Raises `ConnectionRefusedError` when nothing listens within *patience* seconds. *powered* is called when
    the reader has switched the card on and was told its ATR.
    """

    def __init__(
        self,
        card: SoftwareCard,
        host: str = "127.0.0.1",
        port: int = PORT,
        *,
        patience: float = 10.0,
        powered: Callable[[], None] | None = None,
    ) -> None:
        self._card = card
        self._address = (host, port)
        self._patience = patience
        self._powered = powered
        self._link: VpcdSocket | None = None
        self._thread: threading.Thread | None = None

    def connect(self) -> VpcdSocket:
        """Connect to the reader."""
        until = time.monotonic() + self._patience
        while True:
            try:
                connection = socket.create_connection(self._address, timeout=_CONNECT_SECONDS)
            except ConnectionRefusedError:
                if time.monotonic() >= until:
                    raise
                time.sleep(_RETRY_SECONDS)
            else:
                connection.settimeout(None)
                self._link = VpcdSocket(connection)
                return self._link

    def run(self) -> None:
        """Connect if that has not been done, and serve until the connection ends."""
        link = self._link or self.connect()
        try:
            with suppress(ConnectionLost):
                self._serve(link)
        finally:
            link.close()
            self._link = None

    @property
    def serving(self) -> bool:
        """Whether the card is in the reader, served by a thread."""
        return self._thread is not None and self._thread.is_alive()

    def join(self) -> None:
        """Wait until the reader goes away."""
        if self._thread is not None:
            self._thread.join()

    def start(self) -> None:
        """Connect if that has not been done, then serve in a separate thread."""
        if self._link is None:
            self.connect()
        self._thread = threading.Thread(target=self.run, name="software card", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Pull the card out of the reader."""
        link = self._link
        if link is not None:
            link.close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _serve(self, link: VpcdSocket) -> None:
        atr = b""
        on = False
        while True:
            message = link.receive()
            if len(message) != 1:
                response = self._card.transmit(message)
                if not response:
                    # The driver waits for ever for the octets of an empty message: a mute card is pulled out instead.
                    return
                link.send(response)
                continue
            control = message[0]
            if control in (Control.ON, Control.RESET):
                atr = self._card.reset()
                on = True
            elif control == Control.ATR:
                # pcscd asks for the ATR before it has powered the card, to learn whether one is there at all.
                atr = atr or self._card.reset()
                link.send(atr)
                if on and self._powered is not None:
                    self._powered()
