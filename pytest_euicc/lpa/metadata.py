"""Profile metadata as the LPA sees it: announced by the SM-DP+, then carried inside the Bound Profile Package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp.rat import PPRS, rule_names

_METADATA_SEQUENCE = 0xA1
_MAC_LENGTH = 8


@dataclass(frozen=True)
class Metadata:
    """A StoreMetadataRequest with the bytes received."""

    octets: bytes
    value: dict[str, Any]

    @classmethod
    def read(cls, octets: bytes) -> Metadata:
        """Decode a whole StoreMetadataRequest (tag BF25, SGP.22 5.5.3)."""
        return cls(octets, codec.decode("StoreMetadataRequest", octets))

    @property
    def iccid(self) -> bytes:
        """The ICCID, 10 octets, nibbles swapped as in EF ICCID."""
        return bytes(self.value["iccid"])

    @property
    def policy_rules(self) -> tuple[str, ...]:
        """Names of the profile policy rules that are set."""
        rules = rule_names(self.value.get("profilePolicyRules", (b"", 0)))
        return tuple(name for name in PPRS if name in rules)


def carried_metadata(bound_profile_package: bytes) -> bytes:
    """Take the StoreMetadataRequest out of a Bound Profile Package.

    The 88 segments are only MACed (SGP.22 2.5.4), so the LPA can read what the eUICC is going to store and compare it
    with what the user consented to (SGP.22 3.1.3.2).

    Raises:
        TlvError: if the package has no readable sequence of 88.
    """
    sequence = tlv.parse(tlv.find(bound_profile_package, 0xBF36, _METADATA_SEQUENCE))
    return b"".join(segment.value[:-_MAC_LENGTH] for segment in sequence.children())
