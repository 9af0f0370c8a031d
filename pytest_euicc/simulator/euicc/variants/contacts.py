"""Permitted variants at the contacts: ATR, channels, how answers are handed over, FCI and FCP templates."""

from __future__ import annotations

from collections.abc import Callable

from pytest_euicc.asn1 import tlv
from pytest_euicc.simulator.variant import Variant

Varies = Callable[[str], bool]

_PORTIONS = frozenset({"portions-of-64", "portions-of-240"})
_CHANNELS = frozenset({"two-channels", "four-channels", "eight-channels"})

VARIANTS = (
    Variant("reader-gets-response", "The reader sends GET RESPONSE itself and returns the whole answer",
            "left open by PC/SC and ISO/IEC 7816-3 12.2", _PORTIONS),
    Variant("portions-of-64", "61xx announces at most 64 octets at a time", "5.7.2, ISO 7816-4 5.6"),
    Variant("portions-of-240", "61xx announces at most 240 octets at a time", "5.7.2, ISO 7816-4 5.6",
            frozenset({"portions-of-64"})),
    Variant("corrects-le-00", "On T=0 a command with Le 00 is answered 6Cxx with the exact length",
            "ETSI TS 102 221 7.3.1.1.2"),
    Variant("get-response-corrects-le-00", "On T=0 GET RESPONSE with Le 00 is answered 6Cxx with the exact length",
            "ETSI TS 102 221 7.3.1.1.5"),
    Variant("atr-other-historical-bytes", "The historical bytes have other pre-issuing data", "ISO 7816-4 12.1.1"),
    Variant("atr-status-indicator", "The historical bytes end with a status indicator", "ISO 7816-4 12.1.1"),
    Variant("atr-two-protocols", "The ATR offers T=0 and T=1", "ETSI TS 102 221 6.3.1"),
    Variant("atr-speed-97", "TA1 is 97", "ETSI TS 102 221 6.3.2"),
    Variant("atr-speed-11", "TA1 is 11", "ETSI TS 102 221 6.3.2", frozenset({"atr-speed-97"})),
    Variant("two-channels", "There is one logical channel beside the basic one", "ETSI TS 102 221 8.7",
            _CHANNELS - {"two-channels"}),
    Variant("four-channels", "There are four logical channels", "ETSI TS 102 221 8.7, left open by 5.7.1"),
    Variant("eight-channels", "There are eight logical channels", "ETSI TS 102 221 8.7", frozenset({"four-channels"})),
    Variant("channels-from-the-top", "The card assigns the highest channel that is free first",
            "ETSI TS 102 221 11.1.17"),
    Variant("fci-longer-commands", "The FCI of the ISD-R names 00FF as longest command data",
            "GlobalPlatform Card Specification 11.9.3.1"),
    Variant("fci-with-life-cycle-data", "The FCI of the ISD-R has 9F6E beside 9F65",
            "GlobalPlatform Card Specification 11.9.3.1"),
    Variant("fci-with-later-elements", "The template E0 has an element of a later version", "left open by 5.7.1"),
    Variant("fci-with-iot-template", "The FCI of the ISD-R has the template E1 of SGP.32 as well", "SGP.32 3.8.4"),
    Variant("fcp-other-order", "The data objects of FCP templates come in another order", "ISO 7816-4 7.4.3"),
    Variant("fcp-with-more-objects", "FCP templates have a short file identifier and proprietary data",
            "ETSI TS 102 221 11.1.1.3"),
    Variant("fcp-compact-security", "FCP templates have security attributes in compact format",
            "ETSI TS 102 221 11.1.1.4.7"),
    Variant("files-end-chains", "A command on the basic channel ends half a command on another", "left open by 5.7.2"),
    Variant("short-identifier-is-6a82", "SELECT with a file identifier of one octet is refused with 6A82",
            "ISO 7816-4 5.6"),
    Variant("short-identifier-is-6a87", "SELECT with a file identifier of one octet is refused with 6A87",
            "ISO 7816-4 5.6", frozenset({"short-identifier-is-6a82"})),
    Variant("slow-answers", "Every answer takes some milliseconds", "left open by SGP.22"),
)  # fmt: skip

LAST_CHANNEL = {"two-channels": 1, "four-channels": 3, "eight-channels": 7}
"""Number of the last channel."""
PORTION = {"portions-of-64": 64, "portions-of-240": 240}
"""Octets of an answer that come at once."""
SPEED = {"atr-speed-97": 0x97, "atr-speed-11": 0x11}
"""TA1."""


def chosen(varies: Varies, values: dict[str, int], default: int) -> int:
    """The value of the variant that is switched on."""
    return next((value for name, value in values.items() if varies(name)), default)


def vary_fci(octets: bytes, varies: Varies, *, iot: bool) -> bytes:
    """The FCI of the ISD-R (SGP.22 5.7.1); ``iot``: of an eUICC of SGP.32."""
    parts = {part.tag: part.value for part in tlv.parse(octets).children()}
    if varies("fci-longer-commands"):
        inner = {part.tag: part.octets for part in tlv.parse(tlv.encode(0xA5, parts[0xA5])).children()}
        parts[0xA5] = b"".join((inner | {0x9F65: tlv.encode(0x9F65, b"\x00\xff")}).values())
    if varies("fci-with-life-cycle-data"):
        parts[0xA5] = tlv.encode(0x9F6E, bytes.fromhex("479143210123")) + parts[0xA5]
    if varies("fci-with-later-elements"):
        parts[0xE0] += tlv.encode(0x9F50, b"\x01")
    # An eUICC of SGP.32 tells the truth there already.
    if varies("fci-with-iot-template") and not iot:
        parts[0xE1] = tlv.encode(0x80, b"\x06\x40")
    return tlv.encode(0x6F, b"".join(tlv.encode(tag, value) for tag, value in parts.items()))


def vary_fcp(octets: bytes, varies: Varies) -> bytes:
    """An FCP template (ETSI TS 102 221 11.1.1.3)."""
    parts = {part.tag: part.octets for part in tlv.parse(octets).children()}
    is_file = 0x80 in parts
    if varies("fcp-with-more-objects"):
        if is_file:
            # The short identifier is the low five bits of the file identifier, as where none is given.
            identifier = tlv.parse(parts[0x83]).value[-1] & 0x1F
            parts[0x88] = tlv.encode(0x88, bytes([identifier << 3]) if identifier else b"")
            parts[0xA5] = tlv.encode(0xA5, tlv.encode(0xC0, b"\x00"))
        else:
            parts[0xA5] = tlv.encode(
                0xA5, tlv.encode(0x80, b"\x71") + tlv.encode(0x83, (0x0001_0000).to_bytes(4, "big"))
            )
    if varies("fcp-compact-security"):
        parts[0x8B] = tlv.encode(0x8C, b"\x01\x00")
    ordered = list(parts.values())
    if varies("fcp-other-order"):
        ordered = ordered[1:] + ordered[:1]
    return tlv.encode(0x62, b"".join(ordered))


def historical_bytes(last_channel: int, varies: Varies) -> bytes:
    """ISO 7816-4 12.1.1 in COMPACT-TLV: card service data, card capabilities, pre-issuing data."""
    # Channels are numbered by card or device, and that is their number, 7 for eight or more; neither chaining
    # nor extended lengths.
    capabilities = bytes([0x73, 0xFE, 0x21, 0x18 | min(last_channel, 7)])
    issuing = b"\x63\x01\x02\x03" if varies("atr-other-historical-bytes") else b"\x64SIMU"
    if varies("atr-status-indicator"):
        return b"\x00\x31\xe0" + capabilities + issuing + bytes.fromhex("079000")
    return b"\x80\x31\xe0" + capabilities + issuing
