"""Card and servers of the bench without a reader or a socket, for an LPA in this process."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_euicc.card.errors import ReaderGone
from pytest_euicc.es9.address import https_authority
from pytest_euicc.es9.connection import HttpAnswer
from pytest_euicc.es9.errors import ConnectionBroken, ServerTimeout, ServerUnreachable
from pytest_euicc.peers.lpa.card import SoftwareCard
from pytest_euicc.peers.lpa.record import Clock
from pytest_euicc.peers.lpa.web import Request, Web


class DirectTransport:
    """A card that is a Python object (see card.transport.Transport)."""

    description = "the card of the bench"

    def __init__(self, card: SoftwareCard, protocol: str) -> None:
        self._card = card
        self.atr = b""
        self.protocol = protocol

    def connect(self) -> None:
        """Power up."""
        self.atr = self._card.reset()

    def reset(self) -> bytes:
        """Reset; returns the ATR."""
        self.atr = self._card.reset()
        return self.atr

    def transmit(self, apdu: bytes) -> bytes:
        """Send one command; raises ReaderGone for a card that has lost its power."""
        answer = self._card.transmit(apdu)
        if not answer:
            raise ReaderGone(f"{self.description}: no answer to {apdu[:5].hex().upper()}; has it lost its power?")
        return answer

    def close(self) -> None:
        """Nothing is held."""


class DirectSender:
    """One server of the bench (see es9.binding.Sender); delays pass without being waited for."""

    def __init__(self, web: Web, address: str, clock: Clock, timeout: float) -> None:
        self._authority, host, _ = https_authority(address)
        self.url = f"https://{self._authority}"
        self._web = web
        self._clock = clock
        self._timeout = timeout
        if not web.knows(host):
            web.refused(self._authority, "no address")
            raise ServerUnreachable(self.url, f"the name {host} has no address")

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> HttpAnswer:
        """Ask the server.

        Raises:
            ConnectionBroken: the script cuts the connection.
            ServerTimeout: the script delays the answer beyond the time limit.
        """
        sent = {name.lower(): value for name, value in headers.items()} | {"host": self._authority}
        response = self._web.answer(Request(self._authority, method, path, sent, body))
        url = self.url + path
        if response.delay > self._timeout:
            self._clock.skip(self._timeout)
            raise ServerTimeout(url, f"no answer within {self._timeout:g} s")
        self._clock.skip(response.delay)
        if response.cut:
            raise ConnectionBroken(url, "the connection ended before the answer was whole")
        return HttpAnswer(
            response.status, {name.lower(): value for name, value in response.headers.items()}, response.body
        )

    def close(self) -> None:
        """Nothing is held."""
