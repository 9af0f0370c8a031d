"""What sequences ask of an SM-DP+ beside its interface: profiles it must hold, and where it is.

A simulated server holds whatever is wished for; any other is provisioned by its operator, over ES2+ or by hand.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol

from pytest_euicc.conformance.states import Unreachable
from pytest_euicc.conformance.text import describe

if TYPE_CHECKING:
    from pytest_euicc.conformance.context import Context
    from pytest_euicc.es9.client import Es9Client
    from pytest_euicc.es9.tls import TlsSettings

SERVICE = "smdp"
Curve = Literal["nist", "brainpool"]
Keys = Literal["session", "random"]
_BEGUN = "smdp begun"


class CannotOffer(Unreachable):
    """A server cannot be given what a sequence needs; the message says what has to be loaded into it."""


@dataclass(frozen=True)
class OrderWish:
    """A profile that the SM-DP+ must hold, and who may have it (SGP.22 3.1.1, 3.1.6).

    Attributes:
        matching_id: of the activation code or event; empty for one found by the EID alone, None for any.
        eid: 16 octets; None for any eUICC.
        event: registered at an SM-DS: the matchingId is an EventID.
        confirmation_code: as the end user enters it; None where none is required.
        confirmation_tries, tries: wrong confirmation codes, and downloads begun, before the order ends.
        state: of SGP.22 3.1.6.
        expired: its time is over.
        keys: of the profile: the session's, or random ones sent by ReplaceSessionKeys; None for either.
        rebinding: False: bound to one one-time key only.
        metadata: in the words of an inventory (docs/architecture.md).
        icon: octets of an icon in the metadata; 0 for any icon or none.
        package: the unprotected profile package; None for any.
        octets: how long the package has to be at least; 0 for any.
        memory: octets of non-volatile memory that the profile needs.
        consumed: the sequence leaves the order spent (installed, in error), so that it serves once.
    """

    matching_id: str | None = None
    eid: bytes | None = None
    event: bool = False
    confirmation_code: str | None = None
    confirmation_tries: int | None = None
    tries: int | None = None
    state: str = "Released"
    expired: bool = False
    keys: Keys | None = None
    rebinding: bool = True
    metadata: Mapping[str, Any] = field(default_factory=dict)
    icon: int = 0
    package: bytes | None = None
    octets: int = 0
    memory: int = 0
    consumed: bool = False

    @property
    def by_eid(self) -> bool:
        """The eUICC is all that the server finds it by, so that it must hold no other such order for it."""
        return self.matching_id == ""

    def words(self) -> str:
        """What is wished for in one line, for people who provision a server."""
        said = [self._use(), f"for EID {self.eid.hex()}" if self.eid else "bound to no EID"]
        said += [f"matchingId {self.matching_id}"] if self.matching_id else []
        said += [f"state {self.state}"] if self.state != "Released" else []
        said += ["expired"] if self.expired else []
        said += [f"confirmation code {self.confirmation_code}"] if self.confirmation_code is not None else []
        said += [f"ends after {self.confirmation_tries} wrong codes"] if self.confirmation_tries is not None else []
        said += [f"ends after {self.tries} downloads"] if self.tries is not None else []
        said += [f"under {self.keys} keys"] if self.keys is not None else []
        said += ["bound to one one-time key only"] if not self.rebinding else []
        said += [f"needs {self.memory} octets of memory"] if self.memory else []
        said += [f"metadata {describe(self.metadata)}"] if self.metadata else []
        said += [f"icon of {self.icon} octets"] if self.icon else []
        said += [f"a certain package of {len(self.package)} octets"] if self.package is not None else []
        said += [f"a package of {self.octets} octets or more"] if self.octets else []
        said += ["spent by the sequence"] if self.consumed else []
        return ", ".join(said)

    def _use(self) -> str:
        if self.by_eid:
            return "event without matchingId" if self.event else "found by the EID alone"
        return "event" if self.event else "activation code"


@dataclass(frozen=True)
class HeldOrder:
    """What the server holds for a wish; None is what nobody knows here.

    Attributes:
        iccid: 10 octets, nibbles swapped.
        metadata: the StoreMetadataRequest, BF25.
        package: the unprotected profile package.
    """

    matching_id: str
    confirmation_code: str | None = None
    iccid: bytes | None = None
    metadata: bytes | None = None
    package: bytes | None = None


class SmdpAccess(Protocol):
    """The SM-DP+ of a session: the simulated one, or any at a URL."""

    @property
    def address(self) -> str:
        """smdpAddress: what activation codes name."""

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
        """The same with connections of its own, which its user closes."""

    def endpoint(self, curve: Curve) -> tuple[str, TlsSettings]:
        """URL and TLS settings of the ES9+ listener with a certificate on a curve."""


def smdp_access(context: Context) -> SmdpAccess:
    """The SM-DP+ of a session, begun anew for the sequence.

    Raises:
        Unreachable: the session has none.
    """
    access: SmdpAccess | None = context.session.services.get(SERVICE)
    if access is None:
        raise Unreachable("there is no SM-DP+; give --smdp sim or --smdp URL")
    if _BEGUN not in context.notes:
        access.begin(context.random.getrandbits(64))
        context.notes[_BEGUN] = True
    return access


def smdp_client(context: Context, curve: Curve) -> Es9Client:
    """An ES9+ client whose exchanges the listeners of the run see; raises Unreachable."""
    client = smdp_access(context).client(curve)
    client.listener = context.on_http
    return client
