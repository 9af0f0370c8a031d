"""What sequences ask of an SM-DP+ besides its interface: profiles it must hold, and where it is.

A simulated server holds whatever is wished for; any other is provisioned by its operator, over ES2+ or by hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from pytest_euicc.conformance.files.orders import Curve, HeldOrder, OrderWish
from pytest_euicc.es9.address import same_server
from pytest_euicc.es9.errors import NoServer

if TYPE_CHECKING:
    from pytest_euicc.es9.client import Es9Client
    from pytest_euicc.es9.tls import TlsSettings


class SmdpAccess(Protocol):
    """The SM-DP+ of a session: the simulated one, or any at a URL."""

    @property
    def address(self) -> str:
        """smdpAddress: what activation codes name."""

    @property
    def addresses(self) -> Sequence[str]:
        """All names of the server: smdpAddress and the hosts of its listeners, with their ports."""

    @property
    def simulated(self) -> bool:
        """Whether it is the harness's own, whose profiles are nobody's: all others get keys that no seed gives away."""

    def begin(self, seed: int) -> None:
        """A sequence begins: no profile is held for it, and a simulated server becomes reproducible."""

    def offer(self, wish: OrderWish) -> HeldOrder:
        """Let the server hold a profile for the sequence, beside those it holds for it already.

        Raises:
            CannotOffer: it cannot be given one.
        """

    def client(self, curve: Curve) -> Es9Client:
        """An ES9+ client that trusts the CI; its connections stay open from one sequence to the next."""

    def new_client(self, curve: Curve) -> Es9Client:
        """A client like the shared one, with its own connections, which the caller closes."""

    def endpoint(self, curve: Curve) -> tuple[str, TlsSettings]:
        """URL and TLS settings of the ES9+ listener with a certificate on a curve."""

    def take_missing(self) -> list[OrderWish]:
        """What it could not be given since the last call."""

    def close(self) -> None:
        """End the connections, and the server where it is the tester's own."""


def client_for(access: SmdpAccess, address: str, curve: Curve) -> Es9Client:
    """An ES9+ client for an address of an activation code or a notification, if it is one of the run's SM-DP+.

    Raises:
        NoServer: it is another server's: nothing that is meant for it goes to the SM-DP+ of the run (SGP.22 3.5).
    """
    if not any(same_server(address, own) for own in access.addresses):
        raise NoServer(
            ascii(address), f"the run has no server of this address; its SM-DP+ is {access.address} (--smdp)"
        )
    return access.client(curve)
