"""An SM-DP+ at a URL: its profiles come from a hook, over ES2+ or from the inventory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pytest_euicc.conformance.engine.errors import CannotOffer, NotReachable
from pytest_euicc.conformance.files.inventory import HeldProfile
from pytest_euicc.conformance.files.orders import Curve, HeldOrder, Hook, OrderWish
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.iut.smdp.claims import Claims
from pytest_euicc.iut.smdp.clients import Clients
from pytest_euicc.iut.smdp.es2 import Es2Provisioner
from pytest_euicc.iut.smdp.stock import Stock
from pytest_euicc.masking import note_text
from pytest_euicc.rsp.pki import Pki

_HOOK = "pytest_euicc_provision_profile"
_REMEDY = (
    "load it and list it under inventory: in the declaration (for test_es9plus.py `pytest-euicc provisioning` writes "
    f"it), or declare es2plus:, or implement the hook {_HOOK}"
)
_ALONE = (
    "; it must be the only one that the server finds by EID alone, so load it for a separate run of this sequence (-k)"
)


@dataclass(frozen=True)
class Server:
    """Where an SM-DP+ is.

    Attributes:
        urls: of the ES9+ listeners, by curve.
        address: smdpAddress.
        resolve: addresses of host names, in place of the resolver.
        timeout: seconds.
        wait: seconds to wait for a server that died during the run.
    """

    urls: dict[str, str]
    address: str
    resolve: dict[str, str] = field(default_factory=dict)
    timeout: float = 15.0
    wait: float = 0.0

    def tls(self, pki: Pki, curve: Curve = "nist") -> TlsSettings:
        """TLS settings."""
        return TlsSettings(pki.trust(), curve, resolve=self.resolve, timeout=self.timeout)


class RemoteSmdp:
    """An SM-DP+ at a URL.

    Args:
        inventory: profiles that were loaded by hand.
        es2plus: orders profiles.
        hook: the provisioning hook, called first.
        claims: which profiles of the inventory are in use, shared by workers.
    """

    def __init__(
        self,
        server: Server,
        pki: Pki,
        *,
        inventory: Sequence[HeldProfile] = (),
        es2plus: Es2Provisioner | None = None,
        hook: Hook | None = None,
        claims: Claims | None = None,
    ) -> None:
        self.simulated = False
        self._server = server
        self._pki = pki
        self._inventory = inventory
        self._es2plus = es2plus
        self._hook = hook
        self._claims = claims or Claims()
        self._stock = Stock(inventory, self._claims)
        self._clients = Clients(server.wait)
        self._missing: list[OrderWish] = []

    @property
    def address(self) -> str:
        """smdpAddress, as in activation codes."""
        return self._server.address

    @property
    def addresses(self) -> list[str]:
        """smdpAddress and the URLs."""
        return list(dict.fromkeys((self._server.address, *self._server.urls.values())))

    def begin(self, _seed: int) -> None:
        """Cancel the orders of the last sequence; the seed has no effect on a real server."""
        if self._es2plus is not None:
            self._es2plus.give_back()
        self._claims.share()
        self._stock.begin()

    def offer(self, wish: OrderWish) -> HeldOrder:
        """Get a profile from the hook, over ES2+ or from the inventory.

        Raises:
            CannotOffer: there is none; the message says what to load.
        """
        if wish.by_eid:
            # Every session of the eUICC finds an order without matchingId.
            self._claims.be_alone()
        reasons = []
        for source in (self._asked, self._ordered, self._listed):
            try:
                held = source(wish)
            except CannotOffer as error:
                reasons.append(str(error))
                continue
            if held is not None:
                note_text(held.confirmation_code or "")
                return held
        self._missing.append(wish)
        remedy = _REMEDY + (_ALONE if wish.by_eid else "")
        reasons.append(f"{self._server.urls['nist']} holds no profile for it: {wish.words()}; {remedy}")
        raise CannotOffer("\n".join(reasons))

    def take_missing(self) -> list[OrderWish]:
        """What the server did not hold since the last call."""
        missing, self._missing = self._missing, []
        return missing

    def _asked(self, wish: OrderWish) -> HeldOrder | None:
        if self._hook is None:
            return None
        try:
            found = self._hook(wish)
        except Exception as error:
            reported = f"{type(error).__name__}: {error}"
            raise CannotOffer(f"the hook {_HOOK} failed ({wish.words()}): {reported}") from error
        if found is not None and not isinstance(found, HeldOrder):
            raise CannotOffer(f"the hook {_HOOK} returned a {type(found).__name__}; it must return a HeldOrder or None")
        return found

    def _ordered(self, wish: OrderWish) -> HeldOrder | None:
        if self._es2plus is None or (wish.by_eid and not all(profile.matching_id for profile in self._inventory)):
            # With another one on the server, the server would choose.
            return None
        return self._es2plus.order(wish)

    def _listed(self, wish: OrderWish) -> HeldOrder | None:
        if self._stock.is_ambiguous(wish):
            raise CannotOffer(
                f"several profiles of the inventory have no matchingId, and {self._server.urls['nist']} may "
                f"choose any of them: load one at a time ({wish.words()})"
            )
        profile = self._stock.take(wish)
        return profile.held() if profile is not None else None

    def endpoint(self, curve: Curve) -> tuple[str, TlsSettings]:
        """URL and TLS settings; raises InconclusiveError if nothing listens there."""
        url, tls = self._endpoint(curve)
        try:
            self._clients.availability(url).probe(tls)
        except Es9Error as error:
            raise NotReachable(str(error)) from error
        return url, tls

    def _endpoint(self, curve: Curve) -> tuple[str, TlsSettings]:
        return self._server.urls[curve], self._server.tls(self._pki, curve)

    def client(self, curve: Curve) -> Es9Client:
        """An ES9+ client that trusts the CI."""
        return self._clients.get(curve, *self._endpoint(curve))

    def new_client(self, curve: Curve) -> Es9Client:
        """A client with separate connections."""
        return self._clients.new(*self._endpoint(curve))

    def close(self) -> None:
        """Cancel the orders and close the connections."""
        if self._es2plus is not None:
            self._es2plus.close()
        self._claims.share()
        self._clients.close()
