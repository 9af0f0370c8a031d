"""ES9+ clients that are kept between sequences and do not call a server again that was lost."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

from pytest_euicc.conformance.engine.errors import NOT_TRIED_AGAIN
from pytest_euicc.conformance.files.orders import Curve
from pytest_euicc.es9.binding import Es9Reply
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import ConnectionBroken, Es9Error, ServerDied, ServerTimeout, ServerUnreachable, TlsError
from pytest_euicc.es9.inspection import tcp_connection
from pytest_euicc.es9.tls import TlsSettings

_TIMEOUTS = 3
"""After this number of consecutive timeouts a server counts as lost."""


_POLL_SECONDS = 0.2


class Availability:
    """Whether a server can be reached; once it could not, every further request fails at once.

    Args:
        wait: seconds to wait, before the next request, for a server that answered in this run and then was gone.
    """

    def __init__(self, url: str, wait: float = 0.0) -> None:
        self.url = url
        self._wait = wait
        self._lost: Es9Error | None = None
        self._timeouts = 0
        self._answered = False

    def check(self, tls: TlsSettings) -> None:
        """Raises ServerUnreachable where the server was lost before, unless it died and comes back in time."""
        if self._lost is None:
            return
        until = time.monotonic() + self._wait
        while isinstance(self._lost, ServerDied) and time.monotonic() < until:
            if self._listens(tls):
                self._lost = None
                return
            time.sleep(_POLL_SECONDS)
        # It is waited for once; were it waited for before every sequence, the run would hardly end.
        self._wait = 0.0
        raise ServerUnreachable(self.url, f"{NOT_TRIED_AGAIN}, after: {self._lost}")

    def probe(self, tls: TlsSettings) -> None:
        """Try a connection, once in a run; raises ServerUnreachable."""
        self.check(tls)
        if not self._answered:
            try:
                tcp_connection(self.url, tls).close()
            except ServerUnreachable as error:
                self.record(error, tls)
                raise
            self._answered = True

    def record(self, fault: Es9Error | None, tls: TlsSettings) -> Es9Error | None:
        """Record the result of a request; returns what is to be reported of it."""
        if isinstance(fault, ServerTimeout):
            self._timeouts += 1
        elif fault is None:
            self._timeouts, self._answered = 0, True
        broken = isinstance(fault, ConnectionBroken | ServerUnreachable | TlsError)
        if fault is not None and broken and self._answered and self._is_gone(tls):
            fault = ServerDied(
                self.url, f"it answered earlier in this run and does not listen any more, after: {fault}"
            )
        if isinstance(fault, ServerUnreachable) or self._timeouts >= _TIMEOUTS:
            self._lost = fault
        return fault

    def _is_gone(self, tls: TlsSettings) -> bool:
        if not self._listens(tls):
            return True
        # While a process is being killed, its system still takes connections.
        time.sleep(_POLL_SECONDS)
        return not self._listens(tls)

    def _listens(self, tls: TlsSettings) -> bool:
        try:
            tcp_connection(self.url, replace(tls, timeout=min(tls.timeout, 2.0))).close()
        except ServerUnreachable:
            return False
        return True


class CircuitBreakerClient(Es9Client):
    """An ES9+ client that does not call a lost server again."""

    def __init__(self, url: str, tls: TlsSettings, availability: Availability) -> None:
        super().__init__(url, tls)
        self._availability, self._tls = availability, tls

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
        self._availability.check(self._tls)
        try:
            reply = super().send(function, octets, headers=headers, path=path, method=method)
        except Es9Error as error:
            reported = self._availability.record(error, self._tls)
            if reported is error or reported is None:
                raise
            raise reported from None
        self._availability.record(None, self._tls)
        return reply


class Clients:
    """Keep-alive ES9+ clients, one for each curve: a TLS handshake takes longer than most sequences."""

    def __init__(self, wait: float = 0.0) -> None:
        self._wait = wait
        self._clients: dict[str, Es9Client] = {}
        self._availability: dict[str, Availability] = {}

    def availability(self, url: str) -> Availability:
        """The state of a server."""
        return self._availability.setdefault(url, Availability(url, self._wait))

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
