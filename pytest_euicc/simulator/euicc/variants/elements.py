"""Permitted variants: elements that nobody knows in what an eUICC answers and signs (SGP.22 annex H).

The module RSPDefinitions says EXTENSIBILITY IMPLIED: every SEQUENCE may have further elements in a later version. Those
of EUICCInfo1, EUICCInfo2, ProfileInfo and addresses are with the variants of these types.
"""

from __future__ import annotations

from pytest_euicc.asn1 import tlv
from pytest_euicc.simulator.variant import Variant

_LEFT_OPEN = "annex H: EXTENSIBILITY IMPLIED"

VARIANTS = (
    Variant("answers-with-unknown-element", "Answers that are a SEQUENCE have an unknown element",
            _LEFT_OPEN),
    Variant("notification-with-unknown-element", "NotificationMetadata has an unknown element",
            _LEFT_OPEN),
    Variant("result-with-unknown-element", "ProfileInstallationResultData has an unknown element",
            _LEFT_OPEN),
    Variant("signed1-with-unknown-element", "euiccSigned1 has an unknown element", _LEFT_OPEN),
    Variant("signed2-with-unknown-element", "euiccSigned2 has an unknown element", _LEFT_OPEN),
    Variant("cancelling-with-unknown-element", "euiccCancelSessionSigned has an unknown element",
            _LEFT_OPEN),
    Variant("rules-with-unknown-element", "A rule of the Rules Authorisation Table has an unknown element",
            _LEFT_OPEN),
)  # fmt: skip

UNKNOWN = tlv.encode(0x9F55, b"\x01\x02")
"""The element."""

_SEQUENCES = frozenset({0xBF2E, 0xBF30, 0xBF31, 0xBF32, 0xBF33, 0xBF34, 0xBF29, 0xBF3E, 0xBF3F, 0xBF43})
"""Functions whose answer is a SEQUENCE; that of EUICCInfo and of addresses varies by itself."""


def is_sequence(function: int) -> bool:
    """Whether a function, by its tag, answers with a SEQUENCE that may have further elements."""
    return function in _SEQUENCES


def extended(octets: bytes) -> bytes:
    """A SEQUENCE with an element behind its own."""
    element = tlv.parse(octets)
    return tlv.encode(element.tag, element.value + UNKNOWN)


def extended_entries(octets: bytes) -> bytes:
    """An answer whose one element is a list, each entry with an element behind its own; errors stay as they are."""
    outer = tlv.parse(octets)
    (listed,) = outer.children()
    if listed.tag != 0xA0:
        return octets
    entries = b"".join(extended(entry.octets) for entry in listed.children())
    return tlv.encode(outer.tag, tlv.encode(listed.tag, entries))
