"""Permitted variants of the information an eUICC returns: EUICCInfo1, EUICCInfo2, addresses (SGP.22 5.7.3, 5.7.8)."""

from __future__ import annotations

from collections.abc import Callable

from pytest_euicc.asn1 import tlv
from pytest_euicc.simulator.euicc.variants.elements import UNKNOWN
from pytest_euicc.simulator.variant import Variant

Varies = Callable[[str], bool]

_MODE = frozenset({"info2-of-v2.7", "info2-of-sgp32", "info2-of-v3"})

VARIANTS = (
    Variant("info1-of-v3", "EUICCInfo1 has rspCapability, the CIs for signing of v3 and highestSvn",
            "SGP.22 v3.1 5.7.8; 2.11 there"),
    Variant("info1-with-unknown-element", "EUICCInfo1 has an unknown element", "left open by 5.7.8"),
    Variant("info2-of-v2.7", "EUICCInfo2 has lpaMode, further octets of the EUM, highestSvn and a security level",
            "SGP.22 v2.7 5.7.8"),
    Variant("info2-of-v3", "EUICCInfo2 has lpaMode, the CIs for signing of v3 and highestSvn", "SGP.22 v3.1 5.7.8",
            _MODE - {"info2-of-v3"}),
    Variant("info2-of-sgp32", "EUICCInfo2 has ipaMode and iotSpecificInfo", "SGP.32 5.9.2", _MODE - {"info2-of-sgp32"}),
    Variant("info2-with-unknown-element", "EUICCInfo2 has an unknown element", "left open by 5.7.8"),
    Variant("later-rsp-capabilities", "rspCapability has bits of SGP.22 v2.7", "SGP.22 v2.7 5.7.8"),
    Variant("later-uicc-capabilities", "uiccCapability has bits beyond those of v2.6", "left open by 5.7.8"),
    Variant("certification-data-absent", "EUICCInfo2 has no certificationDataObject", "5.7.8: optional"),
    Variant("forbidden-rules-empty", "EUICCInfo2 has forbiddenProfilePolicyRules without any", "left open by 5.7.8"),
    Variant("free-memory-moves", "The free memory is another one at every call", "left open by 5.7.8"),
    Variant("free-memory-in-blocks", "Free memory is reported in blocks of 4096 bytes", "left open by 5.7.8"),
    Variant("volatile-memory-moves", "The free volatile memory is another one at every call", "left open by 5.7.8"),
    Variant("notifications-take-memory", "Pending notifications take memory", "left open by 5.7.8"),
    Variant("memory-lengths-shortest", "Lengths of memory are given in as few octets as they need",
            "ETSI TS 102 226 8.2.1.7.2"),
    Variant("card-resource-other-order", "The objects of extCardResource come in another order",
            "left open by ETSI TS 102 226 8.2.1.7.2"),
    Variant("card-resource-more-objects", "extCardResource has an object of a later version",
            "left open by ETSI TS 102 226 8.2.1.7.2"),
    Variant("addresses-of-v3", "EuiccConfiguredAddresses has the further elements of v3", "SGP.22 v3.1 5.7.3"),
    Variant("empty-default-address", "Without a default SM-DP+ address an empty one is given", "left open by 5.7.3"),
    Variant("addresses-up-to-253", "A default SM-DP+ address of more than 253 characters is refused",
            "RFC 1035 3.1: no host name is longer"),
    Variant("addresses-with-unknown-element", "EuiccConfiguredAddresses has an unknown element",
            "left open by 5.7.3"),
)  # fmt: skip

LONGEST_HOST = 253
"""Characters of a host name: its 255 octets are those, a length before the first label and the root (RFC 1035 3.1)."""

_LATE = (0x90, 0xB1, 0x92, 0x93, 0xB4, 0x95)
"""Elements of EUICCInfo2 after those of v2.6, in their order."""


def vary_info1(octets: bytes, varies: Varies) -> bytes:
    """EUICCInfo1, BF20."""
    value = tlv.parse(octets).value
    if varies("info1-of-v3"):
        value += tlv.encode(0x88, bytes.fromhex("0478")) + tlv.encode(0xB1, b"") + tlv.encode(0x93, b"\x03\x01\x00")
    if varies("info1-with-unknown-element"):
        value += UNKNOWN
    return tlv.encode(0xBF20, value)


def vary_info2(octets: bytes, varies: Varies) -> bytes:
    """EUICCInfo2, BF22."""
    parts = {part.tag: part.value for part in tlv.parse(octets).children()}
    if varies("later-rsp-capabilities"):
        parts[0x88] = _with_bits(parts[0x88], 19, 26)
    if varies("later-uicc-capabilities"):
        parts[0x85] = _with_bits(parts[0x85], 30, 37)
    if varies("certification-data-absent"):
        parts.pop(0xAC, None)
    if varies("forbidden-rules-empty") and 0x99 not in parts:
        parts = _inserted(parts, 0x99, b"\x00", after=0x8B)
    if varies("info2-of-v2.7"):
        parts = {0x90: b"\x00"} | parts | {0x92: b"EUM", 0x93: b"\x02\x07\x00", 0x95: b"\x01"}
    if varies("info2-of-v3"):
        parts = {0x90: b"\x00"} | parts | {0xB1: b"", 0x93: b"\x03\x01\x00"}
    if varies("info2-of-sgp32") and 0xB4 not in parts:
        parts |= {0x90: b"\x00", 0xB4: tlv.encode(0xA0, tlv.encode(0x04, b"\x01\x02\x00")) + tlv.encode(0x82, b"")}
    parts |= {tag: parts.pop(tag) for tag in _LATE if tag in parts}
    encoded = b"".join(tlv.encode(tag, value) for tag, value in parts.items())
    return tlv.encode(0xBF22, encoded + (UNKNOWN if varies("info2-with-unknown-element") else b""))


def _inserted(parts: dict[int, bytes], tag: int, value: bytes, after: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    for known, octets in parts.items():
        found[known] = octets
        if known == after:
            found[tag] = value
    return found


def _with_bits(bits: bytes, *numbers: int) -> bytes:
    """The value of a BIT STRING with some more bits set."""
    whole = bytearray(bits[1:].ljust(max(numbers) // 8 + 1, b"\0"))
    for number in numbers:
        whole[number // 8] |= 0x80 >> number % 8
    last = max(at for at in range(len(whole) * 8) if whole[at // 8] & 0x80 >> at % 8)
    return bytes([7 - last % 8]) + bytes(whole[: last // 8 + 1])


def free_memory(octets: int, notifications: int, calls: int, varies: Varies) -> int:
    """The free non-volatile memory as reported; ``calls`` is how often it was reported before."""
    if varies("notifications-take-memory"):
        octets -= 250 * notifications
    if varies("free-memory-moves"):
        octets -= 48 * (calls % 5)
    if varies("free-memory-in-blocks"):
        octets -= octets % 4096
    return max(0, octets)


def free_volatile_memory(octets: int, calls: int, varies: Varies) -> int:
    """The free volatile memory as reported."""
    return octets - 16 * (calls % 3) if varies("volatile-memory-moves") else octets


def vary_resources(octets: bytes, varies: Varies) -> bytes:
    """extCardResource, without its own tag (ETSI TS 102 226 8.2.1.7.2)."""
    parts = tlv.parse_all(octets)
    pairs = [(part.tag, part.value) for part in parts]
    if varies("memory-lengths-shortest"):
        pairs = [(tag, value.lstrip(b"\0") or b"\0") for tag, value in pairs]
    if varies("card-resource-other-order"):
        pairs.reverse()
    if varies("card-resource-more-objects"):
        pairs.append((0x84, b"\x00\x10"))
    return b"".join(tlv.encode(tag, value) for tag, value in pairs)


def vary_addresses(octets: bytes, varies: Varies) -> bytes:
    """EuiccConfiguredAddressesResponse, BF3C."""
    parts = {part.tag: part.value for part in tlv.parse(octets).children()}
    if varies("empty-default-address") and 0x80 not in parts:
        parts = {0x80: b"", **parts}
    if varies("addresses-of-v3"):
        parts |= {0xA2: tlv.encode(0x0C, b"second.ds.example.com"), 0xA4: b""}
    encoded = b"".join(tlv.encode(tag, value) for tag, value in parts.items())
    return tlv.encode(0xBF3C, encoded + (UNKNOWN if varies("addresses-with-unknown-element") else b""))
