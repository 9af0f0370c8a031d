"""The MNO-SD of a profile as its package brings it: TAR, keys of SCP80, the security it asks for (TCA IFS 8.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.ota.scp80 import KeySet

DEFAULT_TAR = bytes.fromhex("B20100")
"""TAR of the MNO-SD unless the package names another (ETSI TS 101 220 annex D)."""
_SCP80 = 0x80
_SECURE_CHANNEL = 0x81
_AES = b"\x88"
_AES_LENGTHS = (16, 24, 32)
_ENCRYPTION, _AUTHENTICATION = 1, 2
_LAST_VERSION = 15
_SPI_MINIMUM = 0x01


@dataclass(frozen=True)
class SecurityDomain:
    """What can be reached over the air.

    Attributes:
        tars: Toolkit Application References it answers to.
        minimum_security: least first octet of the SPI (minimum security level, ETSI TS 102 226 8.2.1.3.2.4).
        keys: those of SCP80; ``counters`` are the highest counters received, by key version.
    """

    aid: bytes
    tars: frozenset[bytes]
    minimum_security: int
    keys: tuple[KeySet, ...]
    counters: tuple[tuple[int, int], ...] = ()

    def key_set(self, version: int) -> KeySet | None:
        """The keys of a version."""
        return next((keys for keys in self.keys if keys.version == version), None)

    def counter(self, version: int) -> int:
        """The highest counter received with the keys of a version."""
        return dict(self.counters).get(version, 0)

    def counted(self, version: int, counter: int) -> SecurityDomain:
        """A copy with another counter."""
        return replace(self, counters=tuple((dict(self.counters) | {version: counter}).items()))


def read_security_domain(element: dict[str, Any]) -> SecurityDomain:
    """The security domain of a decoded PE-SecurityDomain.

    Raises:
        ValueError: parameters that cannot be read.
    """
    instance = element["instance"]
    toolkit = (instance.get("applicationParameters") or {}).get("uiccToolkitApplicationSpecificParametersField")
    tars, minimum = _toolkit(toolkit) if toolkit else (frozenset({DEFAULT_TAR}), 0)
    usable = _SCP80 in _secure_channels(instance["applicationSpecificParametersC9"])
    keys, counters = _keys(element.get("keyList") or []) if usable else ((), ())
    return SecurityDomain(instance["instanceAID"], tars or frozenset({DEFAULT_TAR}), minimum, keys, counters)


def _secure_channels(parameters: bytes) -> set[int]:
    """Secure channel protocols of the system specific parameters C9 (GlobalPlatform 2.3 table 11-49, tag 81)."""
    try:
        parts = tlv.parse_all(parameters)
    except tlv.TlvError as error:
        raise ValueError(f"parameters C9 of the security domain: {error}") from None
    return {part.value[0] for part in parts if part.tag == _SECURE_CHANNEL and part.value}


def _keys(key_list: list[dict[str, Any]]) -> tuple[tuple[KeySet, ...], tuple[tuple[int, int], ...]]:
    """AES keys 1 and 2 of the versions that SCP80 uses, 1 to 15, and the counters they start with."""
    found: dict[int, dict[int, bytes]] = {}
    counters: dict[int, int] = {}
    for entry in key_list:
        version, number = entry["keyVersionNumber"][0], entry["keyIdentifier"][0]
        component = entry["keyComponents"][0]
        if not 1 <= version <= _LAST_VERSION or component["keyType"] != _AES:
            continue
        if len(component["keyData"]) not in _AES_LENGTHS:
            raise ValueError(f"an AES key of {len(component['keyData'])} octets")
        found.setdefault(version, {})[number] = component["keyData"]
        counters[version] = max(counters.get(version, 0), int.from_bytes(entry.get("keyCounterValue", b""), "big"))
    sets = tuple(
        KeySet(version, keys[_ENCRYPTION], keys[_AUTHENTICATION])
        for version, keys in found.items()
        if {_ENCRYPTION, _AUTHENTICATION} <= keys.keys()
    )
    return sets, tuple(counters.items())


def _toolkit(parameters: bytes) -> tuple[frozenset[bytes], int]:
    """TARs and minimum security level of the UICC toolkit parameters (ETSI TS 102 226 8.2.1.3.2.2.1)."""
    try:
        # Priority, timers, length of menu texts; then the menu entries, two octets each; then the channels.
        at = 3
        at += 1 + 2 * parameters[at]
        at += 1
        level, at = parameters[at + 1 : at + 1 + parameters[at]], at + 1 + parameters[at]
        tars = parameters[at + 1 : at + 1 + parameters[at]]
    except IndexError:
        raise ValueError("the toolkit parameters of the security domain end too early") from None
    if len(tars) != parameters[at] or len(tars) % 3:
        raise ValueError("the toolkit parameters of the security domain hold no whole TARs")
    if level and (level[0] != _SPI_MINIMUM or len(level) != 2):
        raise ValueError(f"minimum security level {level.hex().upper()} is not one of the SPI")
    minimum = level[1] if level else 0
    return frozenset(tars[n : n + 3] for n in range(0, len(tars), 3)), minimum
