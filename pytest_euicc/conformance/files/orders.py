"""What a sequence asks of an SM-DP+ and what the server holds for it: orders, curves, kinds of keys (SGP.22 3.1)"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from pytest_euicc.conformance.values.text import describe

if TYPE_CHECKING:
    pass

Curve = Literal["nist", "brainpool"]


Keys = Literal["session", "random"]


@dataclass(frozen=True)
class OrderWish:
    """A profile that the SM-DP+ must hold, and for which eUICC (SGP.22 3.1.1, 3.1.6).

    Attributes:
        matching_id: of the activation code or event; empty for one found by the EID alone, None for any.
        eid: 16 octets; None for any eUICC.
        event: registered at an SM-DS: the matchingId is an EventID.
        confirmation_code: as the end user enters it; None where none is required.
        confirmation_tries, tries: wrong confirmation codes, and downloads begun, before the order ends.
        state: of SGP.22 3.1.6.
        expired: the order has expired.
        keys: of the profile: the session's, or random ones sent by ReplaceSessionKeys; None for either.
        rebinding: False: bound to one one-time key only.
        metadata: in the words of an inventory (docs/reference/inventory.md).
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
    """The profile that the server holds for a wish; None where a value is not known.

    Attributes:
        iccid: 10 octets, nibbles swapped.
        metadata: the StoreMetadataRequest, BF25.
        described: metadata in the words of an inventory, as far as they are known.
        package: the unprotected profile package.
    """

    matching_id: str
    confirmation_code: str | None = None
    iccid: bytes | None = None
    metadata: bytes | None = None
    package: bytes | None = None
    described: Mapping[str, Any] = field(default_factory=dict)


Hook = Callable[[OrderWish], object]
"""Asks a vendor's plugin for a profile: a HeldOrder, or None where it has none."""
