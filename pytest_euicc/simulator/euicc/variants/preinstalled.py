"""Permitted variants of the profiles that are there from the start: one more, of an odd shape, before the others."""

from __future__ import annotations

from typing import Any

from pytest_euicc.rsp.iccid import check_digit, to_octets
from pytest_euicc.simulator.euicc.settings import EuiccSettings, NotifySettings, OwnerSettings, ProfileSettings
from pytest_euicc.simulator.euicc.variants.settings import Change
from pytest_euicc.simulator.variant import Variant

_EVENTS = ("install", "enable", "disable", "delete")
_MNO = NotifySettings(events=frozenset(_EVENTS), address="mno.example.com")
_JPEG = bytes.fromhex("FFD8FFE000104A46494600010100000100010000FFD9")


def _one_more(number: int, **fields: Any) -> Change:
    """One more profile, the first one of the card."""
    digits = fields.pop("digits", f"8944010203040506{number:03d}")
    fields = {"name": f"Odd {number}", "notify": (_MNO,), "memory": 1_000} | fields
    odd = ProfileSettings(iccid=to_octets(digits + check_digit(digits)), **fields)
    return lambda settings: settings.model_copy(update={"profiles": (odd, *settings.profiles)})


def _none(settings: EuiccSettings) -> EuiccSettings:
    return settings.model_copy(update={"profiles": ()})


def _enabled(settings: EuiccSettings) -> EuiccSettings:
    """The first operational profile without rules is enabled from the start."""
    free = (p for p in settings.profiles if p.profile_class == "operational" and not p.ppr)
    chosen = next(free, None)
    profiles = (p.model_copy(update={"enabled": p is chosen}) for p in settings.profiles)
    return settings.model_copy(update={"profiles": tuple(profiles)})


def _many(settings: EuiccSettings) -> EuiccSettings:
    changed = settings
    for number in range(900, 930):
        changed = _one_more(number, memory=0)(changed)
    return changed


_ODD: tuple[tuple[Variant, Change], ...] = (
    (Variant("profile-without-provider", "A profile has no serviceProviderName", "2.4a.1.3: optional in ProfileInfo"),
     _one_more(1, provider=None)),
    (Variant("profile-without-name", "A profile has no profileName", "5.7.15: optional in ProfileInfo"),
     _one_more(2, name=None)),
    (Variant("profile-with-empty-names", "A profile has names of no length", "left open by 5.5.3"),
     _one_more(3, name="", provider="")),
    (Variant("profile-with-latin-1-name", "A profile has letters with accents in its names", "5.5.3: UTF8String"),
     _one_more(4, name="Café Zürich", provider="Telefónica São")),
    (Variant("profile-with-chinese-name", "A profile has Chinese names", "5.5.3: UTF8String"),
     _one_more(5, name="中国移动 5G", provider="中国移动")),
    (Variant("profile-with-emoji-name", "A profile has characters of four octets in its name", "5.5.3: UTF8String"),
     _one_more(6, name="Travel ✈️ 🌍", nickname="🏖️")),
    (Variant("profile-with-longest-names", "A profile has names and nickname as long as their types allow", "5.5.3"),
     _one_more(7, name="N" * 64, provider="P" * 32, nickname="n" * 64)),
    (Variant("profile-with-jpeg-icon", "A profile has a JPEG as icon", "5.5.3"),
     _one_more(8, icon=_JPEG, icon_type="jpg")),
    (Variant("profile-with-largest-icon", "A profile has an icon of 1024 octets", "5.5.3"),
     _one_more(9, icon=_JPEG.ljust(1024, b"\0"), icon_type="jpg")),
    (Variant("iccid-of-18-digits", "A profile has an ICCID of 18 digits", "ITU-T E.118: up to 19 digits"),
     _one_more(10, digits="89440102030405061")),
    (Variant("iccid-of-20-digits", "A profile has an ICCID of 20 digits", "ETSI TS 102 221 13.2"),
     _one_more(11, digits="8944010203040506011")),
    (Variant("owner-with-mnc-of-three-digits", "A profile's owner has an MNC of three digits", "5.5.3"),
     _one_more(12, owner=OwnerSettings(mcc_mnc=bytes.fromhex("130014")))),
    (Variant("owner-with-long-gids", "A profile's owner has group identifiers of eight octets", "5.5.3"),
     _one_more(13, owner=OwnerSettings(mcc_mnc=bytes.fromhex("00F110"), gid1=b"\xab" * 8, gid2=b"\xcd" * 8))),
    (Variant("profile-that-notifies-nobody", "A profile has no notificationConfigurationInfo", "5.5.3"),
     _one_more(14, notify=())),
    (Variant("profile-that-notifies-many", "A profile names eight addresses, each for some events", "5.5.3"),
     _one_more(15, notify=tuple(
         NotifySettings(events=frozenset({_EVENTS[at % 4], _EVENTS[(at + 1) % 4]}), address=f"n{at}.example.com")
         for at in range(8)))),
    (Variant("profile-that-notifies-itself-by-event", "A profile names one address four times, once an event", "5.5.3"),
     _one_more(16, notify=tuple(NotifySettings(events=frozenset({e}), address="mno.example.com") for e in _EVENTS))),
    (Variant("profile-with-service-data", "A profile has service specific data", "5.5.3"),
     _one_more(17, service_data="1.3.6.1.4.1.99999.7")),
    (Variant("profile-with-access-rules", "A profile has access rules for device applications", "5.7.15: refArDo"),
     _one_more(18, access_rules=True)),
    (Variant("profile-with-proprietary-data", "A profile has data of its SM-DP+'s own", "5.5.2"),
     _one_more(19, proprietary_data="2.999.77.1")),
    (Variant("first-profile-is-test", "The first profile of the list is a test profile", "left open by 5.7.15"),
     _one_more(20, **{"class": "test"})),
    (Variant("first-profile-is-provisioning", "The first profile of the list is a provisioning profile",
             "left open by 5.7.15"),
     _one_more(21, **{"class": "provisioning"})),
    (Variant("first-profile-has-ppr1", "The first profile of the list has PPR1", "2.9.2.1"),
     _one_more(22, ppr=frozenset({"ppr1"}), owner=OwnerSettings(mcc_mnc=bytes.fromhex("00F110")))),
    (Variant("first-profile-has-ppr2", "The first profile of the list has PPR2", "2.9.2.1"),
     _one_more(23, ppr=frozenset({"ppr2"}), owner=OwnerSettings(mcc_mnc=bytes.fromhex("00F110")))),
    (Variant("profile-of-no-size", "A profile takes no memory that EUICCInfo2 would show", "left open by 5.7.8"),
     _one_more(24, memory=0)),
    (Variant("forty-profiles", "The card holds 30 profiles more", "left open by SGP.22"), _many),
    (Variant("enabled-from-the-start", "An operational profile is enabled from the start", "left open by SGP.22"),
     _enabled),
    (Variant("test-profile-enabled-from-the-start", "A test profile is enabled from the start", "left open by SGP.22",
             frozenset({"enabled-from-the-start"})),
     _one_more(25, enabled=True, **{"class": "test"})),
)  # fmt: skip
_NONE = Variant(
    "no-profiles", "The card comes without any profile", "left open by SGP.22", frozenset(odd.name for odd, _ in _ODD)
)

CHANGES: tuple[tuple[Variant, Change], ...] = (*_ODD, (_NONE, _none))
"""Variants with what each makes of the settings."""
