"""An SM-DP+ at a URL: it holds what its operator gives it."""

from __future__ import annotations

from pytest_euicc.conformance.smdp_access import CannotOffer, Curve, HeldOrder, OrderWish
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.pki import Pki
from pytest_euicc.smdp_access.clients import Clients


class RemoteSmdp:
    """An SM-DP+ at a URL: what it holds is what its operator loaded."""

    def __init__(self, url: str, pki: Pki) -> None:
        self._url = url.rstrip("/")
        self._pki = pki
        self._clients = Clients()

    @property
    def address(self) -> str:
        """What activation codes name: host and port of the URL."""
        return self._url.removeprefix("https://")

    def begin(self, seed: int) -> None:
        """What a server that is not ours holds, and its randomness, are its own."""

    def offer(self, wish: OrderWish) -> HeldOrder:
        """Raises CannotOffer unless the wish names the matchingId of a profile that is loaded by hand."""
        if wish.matching_id is None or wish.package is not None:
            raise CannotOffer(f"{self._url}: load a profile with {wish.words()}")
        return HeldOrder(wish.matching_id, wish.confirmation_code)

    def endpoint(self, curve: Curve) -> tuple[str, TlsSettings]:
        """URL and TLS settings."""
        return self._url, TlsSettings(self._pki.trust(), curve)

    def client(self, curve: Curve) -> Es9Client:
        """An ES9+ client that trusts the CI."""
        return self._clients.get(curve, *self.endpoint(curve))

    def new_client(self, curve: Curve) -> Es9Client:
        """One with connections of its own."""
        return Es9Client(*self.endpoint(curve))

    def close(self) -> None:
        """End the connections."""
        self._clients.close()
