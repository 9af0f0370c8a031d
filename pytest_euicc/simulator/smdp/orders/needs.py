"""Which eUICC a profile suits: what it needs beside what EUICCInfo2 says (SGP.22 3.1.3, annex F)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.simulator.smdp.http.status import Refusal

if TYPE_CHECKING:
    pass

CODES = (("8.2.5", "4.3"), ("8.1", "4.8"))
"""Subject and reason of what is refused here."""
_NON_VOLATILE, _VOLATILE = 0x82, 0x83


@dataclass(frozen=True)
class Needs:
    """What an eUICC must have.

    Attributes:
        memory, volatile_memory: free octets.
        capabilities: names of uiccCapability.
        profile_version: of the interoperable profile format, three octets.
    """

    memory: int = 0
    volatile_memory: int = 0
    capabilities: frozenset[str] = frozenset()
    profile_version: bytes | None = None

    def check(self, info2: Mapping[str, Any]) -> None:
        """Compare what the eUICC can do with a decoded EUICCInfo2; raises Refusal, 8.2.5/4.3."""
        missing = self.capabilities - bit_names("UICCCapability", info2["uiccCapability"])
        if missing:
            raise not_eligible(f"the eUICC has no {', '.join(sorted(missing))}")
        if self.profile_version is not None and not self._reads(info2):
            wanted = ".".join(map(str, self.profile_version))
            raise not_eligible(f"the eUICC does not read profile packages {wanted}")

    def check_memory(self, info2: Mapping[str, Any]) -> None:
        """Compare the room that is left with a decoded EUICCInfo2; raises Refusal, 8.1/4.8."""
        if self.memory or self.volatile_memory:
            resources = _resources(info2["extCardResource"])
            short = resources.get(_NON_VOLATILE, 0) < self.memory or resources.get(_VOLATILE, 0) < self.volatile_memory
            if short:
                raise Refusal("8.1", "4.8", "the eUICC has not enough memory for the profile")

    def _reads(self, info2: Mapping[str, Any]) -> bool:
        versions = [info2["profileVersion"], *info2.get("additionalEuiccProfilePackageVersions", ())]
        wanted = self.profile_version or b""
        return any(version[:1] == wanted[:1] and version >= wanted for version in versions)


def bit_names(type_name: str, value: tuple[bytes, int]) -> frozenset[str]:
    """Names of the bits that are set in a BIT STRING."""
    octets, bits = value
    number = int.from_bytes(octets, "big") >> (len(octets) * 8 - bits)
    names = codec.fields(type_name).names
    return frozenset(name for name, bit in names.items() if bit < bits and number >> (bits - 1 - bit) & 1)


def _resources(octets: bytes) -> dict[int, int]:
    """Numbers of extCardResource (ETSI TS 102 226) by their tags; empty where they cannot be read."""
    try:
        return {element.tag: int.from_bytes(element.value, "big") for element in tlv.parse_all(octets)}
    except tlv.TlvError:
        return {}


def not_eligible(reason: str) -> Refusal:
    """The refusal of an eUICC that a profile does not suit (8.2.5/4.3)."""
    return Refusal("8.2.5", "4.3", f"no eligible profile: {reason}")
