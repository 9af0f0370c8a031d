"""Permitted variants of lists: profiles and pending notifications (SGP.22 3.5, 5.7.9, 5.7.10, 5.7.15)."""

from __future__ import annotations

from collections.abc import Callable

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.pki import Identity
from pytest_euicc.simulator.euicc.state import Notification, Profile, named_bits, notification_metadata
from pytest_euicc.simulator.variant import Variant

Varies = Callable[[str], bool]

_NUMBERS = frozenset({"numbers-with-gaps", "numbers-with-large-gaps"})

VARIANTS = (
    Variant("newest-profile-first", "GetProfilesInfo lists the newest profile first", "left open by 5.7.15"),
    Variant("enabled-profile-first", "GetProfilesInfo lists the enabled profile first", "left open by 5.7.15",
            frozenset({"newest-profile-first"})),
    Variant("access-rules-unasked", "Without a tag list GetProfilesInfo also returns access rules",
            "left open by 5.7.15: shipped cards do"),
    Variant("later-elements-of-profiles", "Without a tag list GetProfilesInfo returns elements of later versions",
            "SGP.22 v2.7 and v3.1 5.7.15"),
    Variant("unknown-element-of-profiles", "Without a tag list GetProfilesInfo returns an unknown element",
            "left open by 5.7.15"),
    Variant("class-left-out", "Before v2.2.2 the class of operational profiles is left out, as it is the default",
            "SGP.22 v2.2 5.7.15"),
    Variant("newest-notification-first", "Notifications are listed with the newest one first",
            "left open by 5.7.9 and 5.7.10"),
    Variant("numbers-with-gaps", "Sequence numbers grow by two", "left open by 3.5"),
    Variant("numbers-with-large-gaps", "Sequence numbers grow by 1000", "left open by 3.5",
            frozenset({"numbers-with-gaps"})),
    Variant("numbers-from-a-high-one", "Sequence numbers begin at 8 000 000", "left open by 3.5"),
    Variant("notifications-from-before", "Notifications of earlier operations are pending", "3.5"),
    Variant("results-from-before", "The results of an earlier download are pending", "3.5"),
    Variant("no-result-is-an-error", "Up to v2.3 a search without a match is answered with noResultAvailable",
            "SGP.22 v2.2 and v2.3 5.7.10"),
    Variant("malformed-criteria-are-read", "Unused bits of an event and the length of a number are not looked at",
            "left open by 5.7.9 and 5.7.10"),
    Variant("isdp-aids-from-2000", "ISD-Ps have numbers from 2000 on", "left open by SGP.02 annex H"),
    Variant("isdp-aids-backwards", "ISD-Ps of pre-installed profiles are numbered backwards",
            "left open by SGP.02 annex H", frozenset({"isdp-aids-from-2000"})),
)  # fmt: skip

GAP = {"numbers-with-gaps": 2, "numbers-with-large-gaps": 1000}
"""How far sequence numbers are apart."""

_LATER = (
    tlv.encode(0x9F7B, b"\x00")
    + tlv.encode(0x9F67, b"\xff")
    + tlv.encode(0x9F1F, b"\x06\xc0")
    + tlv.encode(0x9F25, b"\x02\x00\x00")
)


def vary_profile_info(octets: bytes, varies: Varies) -> bytes:
    """A ProfileInfo, E3, as it is without a tag list."""
    element = tlv.parse(octets)
    value = element.value
    if varies("access-rules-unasked"):
        value += tlv.encode(0xBF76, tlv.encode(0xE2, _reference() + _permission()))
    if varies("later-elements-of-profiles"):
        value += _LATER
    if varies("unknown-element-of-profiles"):
        value += tlv.encode(0x9F56, b"\x01")
    return tlv.encode(element.tag, value)


def _reference() -> bytes:
    return tlv.encode(0xE1, tlv.encode(0xC1, b"\xa1" * 20))


def _permission() -> bytes:
    return tlv.encode(0xE3, tlv.encode(0xDB, b"\0" * 7 + b"\x01"))


_FORMER_ICCID = bytes.fromhex("98440110203040500099")
_FORMER_AID = bytes.fromhex("A0000005591010FFFFFFFF8900007700")
_ADDRESS = "former.example.com"
_EVENTS = ("install", "enable", "disable", "delete")


def former_profile() -> Profile:
    """A profile that was on the card once."""
    notify = {
        "profileManagementOperation": named_bits(_EVENTS, set(_EVENTS)),
        "notificationAddress": _ADDRESS,
    }
    return Profile(_FORMER_ICCID, _FORMER_AID, metadata={"notificationConfigurationInfo": [notify]})


def earlier_result(number: int, identity: Identity) -> Notification:
    """A ProfileInstallationResult, BF37, of a download that succeeded long ago."""
    data = codec.encode(
        "ProfileInstallationResultData",
        {
            "transactionId": bytes(range(16)),
            "notificationMetadata": notification_metadata(number, "install", _ADDRESS, _FORMER_ICCID),
            "smdpOid": "2.999.99",
            "finalResult": ("successResult", {"aid": _FORMER_AID, "simaResponse": bytes.fromhex("3007A0053003800100")}),
        },
    )
    signature = tlv.encode(0x5F37, signatures.sign(identity.private_key, data))
    return Notification(number, "install", _ADDRESS, _FORMER_ICCID, tlv.encode(0xBF37, data + signature))
