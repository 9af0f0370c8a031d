"""ES9+ clients that are kept from one sequence to the next."""

from __future__ import annotations

from pytest_euicc.conformance.smdp_access import Curve
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.tls import TlsSettings


class Clients:
    """Keep-alive ES9+ clients, one for each curve: a TLS handshake costs more than most sequences."""

    def __init__(self) -> None:
        self._clients: dict[str, Es9Client] = {}

    def get(self, curve: Curve, url: str, tls: TlsSettings) -> Es9Client:
        """The client of a curve, made at its first use."""
        if curve not in self._clients:
            self._clients[curve] = Es9Client(url, tls)
        return self._clients[curve]

    def close(self) -> None:
        """End the connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()
