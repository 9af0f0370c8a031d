"""Packages that a defect makes wrong; a server without defects comes out of here as it went in (SGP.22 2.5, 5.5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp import bpp, signatures
from pytest_euicc.rsp.bsp import LARGEST_PLAIN, STANDARD, Protection, SessionKeys
from pytest_euicc.rsp.bsp_deviations import DEVIATIONS
from pytest_euicc.simulator.defect import longer_length

FULL = LARGEST_PLAIN
"""Octets of profile in an 86 of 1020 octets."""
PROTECTION_PREFIX = "bpp-"
"""Before the name of a deviation of the protection, in names of defects."""
_TOO_LONG = 1200
_ANOTHER_OID = "2.999.12"
_LONG_KEYS = 32
_MANAGEMENT = 2


@dataclass(frozen=True)
class Shape:
    """What a package is made from, and in which portions."""

    metadata: bytes
    metadata_portion: int
    profile_portion: int = FULL
    protection: Protection = STANDARD


def shape(metadata: bytes, metadata_portion: int, defects: frozenset[str]) -> Shape:
    """The shape of a package."""
    found = Shape(metadata, metadata_portion)
    if "other-metadata" in defects:
        found = replace(found, metadata=metadata[:-1] + bytes([metadata[-1] ^ 1]))
    if len(metadata) > metadata_portion:
        if "long-segments" in defects:
            found = replace(found, metadata_portion=_TOO_LONG)
        if "metadata-cut-off" in defects:
            found = replace(found, metadata=metadata[:metadata_portion])
    if "long-profile-segments" in defects:
        found = replace(found, profile_portion=_TOO_LONG)
    for name, deviation in DEVIATIONS.items():
        if PROTECTION_PREFIX + name in defects:
            found = replace(found, protection=deviation.protection)
    return found


def secure_channel(binding: bpp.Binding, defects: frozenset[str]) -> bytes:
    """The InitialiseSecureChannelRequest."""
    if "smdp-sign-over-other-key" in defects:
        # The server's own key twice, in place of the eUICC's.
        binding = replace(binding, euicc_otpk=signatures.public_point(binding.one_time_key))
    if "announces-long-keys" in defects:
        return bpp.initialise_secure_channel(binding, key_length=_LONG_KEYS)
    if "announces-other-operation" in defects:
        return bpp.initialise_secure_channel(binding, operation=_MANAGEMENT)
    return bpp.initialise_secure_channel(binding)


def dp_oid(own: str, defects: frozenset[str]) -> str:
    """The OID in dpProprietaryData."""
    return _ANOTHER_OID if "configures-other-oid" in defects else own


def package(channel: bytes, parts: Sequence[bytes], defects: frozenset[str]) -> bytes:
    """The package from its InitialiseSecureChannelRequest and its sequences."""
    octets = bpp.assemble(channel, parts)
    return longer_length(octets) if "longer-lengths" in defects else octets


def sends_other_random_keys(random_keys: SessionKeys | None, defects: frozenset[str]) -> bool:
    """Whether a retry sends new random keys with a profile that is under the first ones."""
    return random_keys is not None and "new-random-keys-on-retry" in defects


def arranged(parts: Sequence[tlv.Tlv], defects: frozenset[str]) -> list[bytes]:
    """The sequences in the order in which they are sent."""
    octets = [part.octets for part in parts]
    if "metadata-before-configuration" in defects:
        octets[:2] = octets[1::-1]
    if len(parts) == 4 and "keys-before-metadata" in defects:
        octets[1:3] = octets[2:0:-1]
    if "swaps-profile-segments" in defects:
        first, second, *rest = [child.octets for child in parts[-1].children()]
        octets[-1] = tlv.encode(bpp.SEQUENCE_86, b"".join([second, first, *rest]))
    return octets
