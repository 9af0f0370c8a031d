"""ES9+ clients that are kept between sequences and do not call a server again that was lost."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_euicc.conformance.files.orders import Curve
from pytest_euicc.es9.binding import Es9Reply
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import Es9Error, ServerTimeout, ServerUnreachable
from pytest_euicc.es9.inspection import tcp_connection
from pytest_euicc.es9.tls import TlsSettings

_TIMEOUTS = 3
"""After this number of consecutive timeouts a server counts as lost."""


class Availability:
    """Whether a server can be reached; once it could not, every further request fails at once."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._lost: Es9Error | None = None
        self._timeouts = 0
        self._answered = False

    def check(self) -> None:
        """Raises ServerUnreachable where the server was lost before."""
        if self._lost is not None:
            raise ServerUnreachable(self.url, f"not tried again in this run, after: {self._lost}")

    def probe(self, tls: TlsSettings) -> None:
        """Try a connection, once in a run; raises ServerUnreachable."""
        self.check()
        if not self._answered:
            try:
                tcp_connection(self.url, tls).close()
            except ServerUnreachable as error:
                self.record(error)
                raise
            self._answered = True

    def record(self, fault: Es9Error | None) -> None:
        """Record the result of a request."""
        if isinstance(fault, ServerTimeout):
            self._timeouts += 1
        elif fault is None:
            self._timeouts, self._answered = 0, True
        if isinstance(fault, ServerUnreachable) or self._timeouts >= _TIMEOUTS:
            self._lost = fault


class CircuitBreakerClient(Es9Client):
    """An ES9+ client that does not call a lost server again."""

    def __init__(self, url: str, tls: TlsSettings, availability: Availability) -> None:
        super().__init__(url, tls)
        self._availability = availability

    def send(
        self,
        function: str,
        octets: bytes,
        *,
        headers: Mapping[str, str | None] | None = None,
        path: str | None = None,
        method: str = "POST",
    ) -> Es9Reply:
        """See JsonClient."""
        self._availability.check()
        try:
            reply = super().send(function, octets, headers=headers, path=path, method=method)
        except Es9Error as error:
            self._availability.record(error)
            raise
        self._availability.record(None)
        return reply


class Clients:
    """Keep-alive ES9+ clients, one for each curve: a TLS handshake takes longer than most sequences."""

    def __init__(self) -> None:
        self._clients: dict[str, Es9Client] = {}
        self._availability: dict[str, Availability] = {}

    def availability(self, url: str) -> Availability:
        """The state of a server."""
        return self._availability.setdefault(url, Availability(url))

    def get(self, curve: Curve, url: str, tls: TlsSettings) -> Es9Client:
        """The client of a curve, created when first used."""
        if curve not in self._clients:
            self._clients[curve] = self.new(url, tls)
        return self._clients[curve]

    def new(self, url: str, tls: TlsSettings) -> Es9Client:
        """A client with separate connections."""
        return CircuitBreakerClient(url, tls, self.availability(url))

    def close(self) -> None:
        """Close all connections and forget which servers were lost."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
        self._availability.clear()
