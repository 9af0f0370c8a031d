"""What the simulated eUICC keeps over a reset: one object of immutable parts, so that a snapshot costs nothing."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.simulator.euicc.es10.session import OneTimeKey
from pytest_euicc.simulator.euicc.iot.state import IotState
from pytest_euicc.simulator.euicc.loading.package_files import PackageFile, Path
from pytest_euicc.simulator.euicc.loading.security_domain import SecurityDomain

EVENTS = ("install", "enable", "disable", "delete")
"""NotificationEvent bits in their order (SGP.22 2.4a.1)."""


def named_bits(order: tuple[str, ...], names: frozenset[str] | set[str]) -> tuple[bytes, int]:
    """A named BIT STRING in DER, without trailing zero bits (X.690 11.2.2)."""
    numbers = [number for number, name in enumerate(order) if name in names]
    size = max(numbers) + 1 if numbers else 0
    whole = sum(1 << (8 * ((size + 7) // 8) - 1 - number) for number in numbers)
    return whole.to_bytes((size + 7) // 8, "big"), size


def bit_names(order: tuple[str, ...], bits: tuple[bytes, int]) -> frozenset[str]:
    """The names of the bits that are set; bits beyond the names are left out."""
    octets, size = bits
    return frozenset(name for bit, name in enumerate(order[:size]) if octets[bit // 8] >> (7 - bit % 8) & 1)


@dataclass(frozen=True)
class Profile:
    """One installed profile (SGP.22 2.4.4, 5.7.15).

    Attributes:
        metadata: fields of ProfileInfo that came with StoreMetadata, as the codec has them.
        field_loaded: came by download; a pre-installed test profile survives a memory reset.
        memory: octets it takes.
        mno_sd: what of it can be reached over the air.
        connectivity: its HTTP parameters for the device (SGP.32 5.9.24); empty for none.
    """

    iccid: bytes
    aid: bytes
    enabled: bool = False
    nickname: str | None = None
    metadata: dict[str, Any] = field(default_factory=dict)
    files: dict[Path, PackageFile] = field(default_factory=dict)
    memory: int = 0
    field_loaded: bool = True
    mno_sd: SecurityDomain | None = None
    connectivity: bytes = b""

    @property
    def profile_class(self) -> int:
        """0 test, 1 provisioning, 2 operational."""
        return int(self.metadata.get("profileClass", 2))

    @property
    def is_test(self) -> bool:
        """True for profile class test."""
        return self.profile_class == 0

    @property
    def is_operational(self) -> bool:
        """True for profile class operational."""
        return self.profile_class == 2

    def has_rule(self, bit: int) -> bool:
        """True if PPR1 (bit 1) or PPR2 (bit 2) is set."""
        octets, size = self.metadata.get("profilePolicyRules", (b"", 0))
        return bool(bit < size and octets[bit // 8] >> (7 - bit % 8) & 1)

    def addresses(self, event: str) -> list[str]:
        """Addresses configured for an event, in the order of the metadata."""
        number = EVENTS.index(event)
        found = []
        for entry in self.metadata.get("notificationConfigurationInfo", []):
            octets, size = entry["profileManagementOperation"]
            if number < size and octets[0] >> (7 - number) & 1:
                found.append(entry["notificationAddress"])
        return found

    def info(self) -> dict[str, Any]:
        """All fields of ProfileInfo."""
        value: dict[str, Any] = {"iccid": self.iccid, "isdpAid": self.aid, "profileState": int(self.enabled)}
        if self.nickname is not None:
            value["profileNickname"] = self.nickname
        return value | {"profileClass": self.profile_class} | self.metadata


@dataclass(frozen=True)
class Notification:
    """One pending notification with its signed octets (PendingNotification, SGP.22 5.7.10)."""

    number: int
    event: str
    address: str
    iccid: bytes | None
    octets: bytes

    def metadata(self) -> dict[str, Any]:
        """The NotificationMetadata as the codec has it."""
        return notification_metadata(self.number, self.event, self.address, self.iccid)


def notification_metadata(number: int, event: str, address: str, iccid: bytes | None) -> dict[str, Any]:
    """A NotificationMetadata (SGP.22 5.7.9)."""
    value: dict[str, Any] = {
        "seqNumber": number,
        "profileManagementOperation": named_bits(EVENTS, {event}),
        "notificationAddress": address,
    }
    return value | ({} if iccid is None else {"iccid": iccid})


@dataclass(frozen=True)
class RevocationList:
    """What a CI has revoked (SGP.22 4.6).

    Attributes:
        issuer: key identifier of the CI.
        number: CRL number.
        parts: how many partial CRLs the list has, 1 for a whole one; ``received`` are the numbers of those that came.
        serials: serial numbers of the revoked certificates.
    """

    issuer: bytes
    number: int
    parts: int
    received: frozenset[int]
    serials: frozenset[int]

    @property
    def missing(self) -> list[int]:
        """Numbers of the partial CRLs that have not come yet."""
        return [number for number in range(1, self.parts + 1) if number not in self.received]


@dataclass(frozen=True)
class CardState:
    """Everything that survives a reset.

    Attributes:
        last_number: sequence number of the last notification; they are never used again (SGP.22 3.5).
        lost_memory: octets that a deleted profile did not give back; 0 without a defect.
        deleted: ICCIDs of deleted profiles that count as installed; none without a defect.
        former_aids: AIDs of deleted profiles.
        unreleased_memory: what deleted profiles took, where it is free after a reset alone.
        before_test: ICCID of the operational profile that a test profile pushed aside (SGP.22 3.2.1).
        kept_keys: one-time keys that a retry may use again.
        revocation: at most two lists of each CI, one in force and a fresher one whose parts are coming.
        iot: what an IoT eUICC has besides.
    """

    profiles: tuple[Profile, ...] = ()
    notifications: tuple[Notification, ...] = ()
    last_number: int = 0
    default_address: str = ""
    before_test: bytes | None = None
    lost_memory: int = 0
    deleted: frozenset[bytes] = frozenset()
    former_aids: frozenset[bytes] = frozenset()
    unreleased_memory: int = 0
    kept_keys: tuple[OneTimeKey, ...] = ()
    revocation: tuple[RevocationList, ...] = ()
    iot: IotState = field(default_factory=IotState)

    @property
    def enabled(self) -> Profile | None:
        """The enabled profile."""
        return next((profile for profile in self.profiles if profile.enabled), None)

    def find(self, identifier: tuple[str, bytes]) -> Profile | None:
        """The profile a ProfileIdentifier names, by ICCID or ISD-P AID."""
        kind, octets = identifier
        return next((p for p in self.profiles if (p.aid if kind == "isdpAid" else p.iccid) == octets), None)

    def with_profile(self, profile: Profile) -> CardState:
        """The state with one profile replaced, known by its AID."""
        return replace(self, profiles=tuple(profile if p.aid == profile.aid else p for p in self.profiles))

    def without(self, profile: Profile) -> CardState:
        """The state without a profile; what is not there cannot be enabled again after a test profile."""
        before = None if self.before_test == profile.iccid or profile.enabled else self.before_test
        return replace(self, profiles=tuple(p for p in self.profiles if p.aid != profile.aid), before_test=before)


def encode_profile_info(profile: Profile, tags: list[bytes]) -> dict[str, Any]:
    """The fields of a ProfileInfo that a tag list asks for (SGP.22 5.7.15)."""
    info = profile.info()
    node = codec.fields("ProfileInfo")
    names = {
        field.tag.to_bytes((field.tag.bit_length() + 7) // 8, "big"): field.name
        for field in node.fields
        if field.tag is not None
    }
    wanted = {names[tag] for tag in tags if tag in names}
    return {name: value for name, value in info.items() if name in wanted}
