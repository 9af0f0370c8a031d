"""What an IoT eUICC keeps over a reset besides its profiles: immutable, a part of the card's state."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Eim:
    """An associated eIM (SGP.32 2.11.1.1.1).

    Attributes:
        counter: the counterValue of the last package, or the initial one.
        token: the association token; None if none is configured.
        key: the SubjectPublicKeyInfo that packages are verified with.
        shown: the EimConfigurationData that GetEimConfigurationData gives, without counter and token.
    """

    eim_id: str
    counter: int
    token: int | None
    key: bytes
    shown: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KeptResult:
    """An eUICC Package Result that is not acknowledged yet, with its signed octets."""

    number: int
    octets: bytes


@dataclass(frozen=True)
class ImmediateEnable:
    """The configuration of immediate profile enabling (SGP.32 3.4.4, 3.4.5)."""

    flag: bool = False
    oid: str | None = None
    address: str | None = None


@dataclass(frozen=True)
class Change:
    """Profile states that take effect with the REFRESH.

    Attributes:
        enabled: ICCID of the profile that is enabled then; None for none.
        deleted: ICCIDs of profiles that go once they are disabled.
        notify: whether notifications come of it.
    """

    enabled: bytes | None
    deleted: tuple[bytes, ...] = ()
    notify: bool = True


@dataclass(frozen=True)
class RollbackGrant:
    """What ProfileRollback needs of the package that granted it (SGP.32 5.9.16).

    Attributes:
        previous: ICCID of the profile that comes back.
        result: sequence number of the package result that is replaced.
        notifications: numbers of the notifications that the change made.
    """

    eim: Eim
    counter: int
    transaction: bytes | None
    previous: bytes
    result: int
    notifications: tuple[int, ...] = ()


@dataclass(frozen=True)
class Emergency:
    """The emergency profile is in force; ``former`` is the ICCID of the profile that it displaced."""

    former: bytes | None


@dataclass(frozen=True)
class Installed:
    """The profile installed last and its SM-DP+; lost at reset."""

    iccid: bytes
    smdp_oid: str
    address: str


@dataclass(frozen=True)
class IotState:
    """Everything of SGP.32 that survives a reset.

    Attributes:
        last_token: the association token given last; they only rise.
        results: package results, the oldest first.
        return_to: ICCID of the profile that was enabled before the fallback.
        pending: a change whose REFRESH has not come to its end.
    """

    eims: tuple[Eim, ...] = ()
    last_token: int = 0
    results: tuple[KeptResult, ...] = ()
    immediate: ImmediateEnable = ImmediateEnable()
    rollback: RollbackGrant | None = None
    return_to: bytes | None = None
    emergency: Emergency | None = None
    pending: Change | None = None
    ipae_active: bool = False

    def eim(self, eim_id: str) -> Eim | None:
        """The eIM of an identifier."""
        return next((eim for eim in self.eims if eim.eim_id == eim_id), None)

    def with_eim(self, changed: Eim) -> IotState:
        """The state with one eIM replaced, known by its identifier."""
        return replace(self, eims=tuple(changed if eim.eim_id == changed.eim_id else eim for eim in self.eims))
