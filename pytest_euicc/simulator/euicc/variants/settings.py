"""Permitted variants of what an eUICC is personalised with: identity, versions, capabilities, rules, addresses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pytest_euicc.simulator.euicc.settings import EuiccSettings, OwnerSettings, RuleSettings
from pytest_euicc.simulator.variant import Variant

Change = Callable[[EuiccSettings], EuiccSettings]

_ANYBODY = OwnerSettings(mcc_mnc=bytes.fromhex("EEEEEE"))
_TEST_NETWORK = OwnerSettings(mcc_mnc=bytes.fromhex("00F110"))
_BOTH = frozenset({"ppr1", "ppr2"})


def _to(**fields: Any) -> Change:
    """Settings with some fields of other values."""
    return lambda settings: settings.model_copy(update=fields)


def _eid(beginning: str) -> bytes:
    """An EID with its check digits: the whole is 1 modulo 97 (SGP.29 3)."""
    body = beginning.ljust(30, "7")
    return bytes.fromhex(body + f"{98 - int(body + '00') % 97:02d}")


def _rules(*rules: tuple[frozenset[Any], tuple[OwnerSettings, ...], bool]) -> Change:
    made = tuple(
        RuleSettings(rules=names, operators=operators, consent_required=consent) for names, operators, consent in rules
    )
    return _to(rat=made)


def _forbids(rule: str) -> Change:
    """A rule that EUICCInfo2 forbids has no entry in the table either."""

    def change(settings: EuiccSettings) -> EuiccSettings:
        left = (entry.model_copy(update={"rules": entry.rules - {rule}}) for entry in settings.rat)
        rat = tuple(entry for entry in left if entry.rules)
        return settings.model_copy(update={"forbidden_ppr": frozenset({rule}), "rat": rat})

    return change


def _memory_for_one(settings: EuiccSettings) -> EuiccSettings:
    return settings.model_copy(update={"memory": sum(profile.memory for profile in settings.profiles) + 32_000})


def _reversed_authorities(settings: EuiccSettings) -> EuiccSettings:
    return settings.model_copy(update={"verification": settings.verification[::-1], "signing": settings.signing[::-1]})


def _other_protocol(settings: EuiccSettings) -> EuiccSettings:
    return settings.model_copy(update={"protocol": "T=1" if settings.protocol == "T=0" else "T=0"})


_RAT = frozenset(
    {"rat-empty", "rat-one-rule-an-entry", "rat-everything-for-anybody", "rat-with-group-identifiers"}
)  # fmt: skip
_CATEGORIES = frozenset({"category-absent", "category-basic", "category-other"})
_FACTORY = frozenset({"factory-address", "factory-address-in-mixed-case"})

CHANGES: tuple[tuple[Variant, Change], ...] = (
    (
        Variant("eid-outside-89", "The EID does not begin with 89", "SGP.29 3: EIDs are assigned under other prefixes"),
        _to(eid=_eid("35")),
    ),
    (
        Variant("eid-of-another-eum", "The EID is that of another EUM, without a country code", "SGP.29 3",
                frozenset({"eid-outside-89"})),
        _to(eid=_eid("89044045")),
    ),
    (Variant("other-protocol", "The card speaks the other of T=0 and T=1", "ETSI TS 102 221 7.2"), _other_protocol),
    (Variant("isdr-on-one-channel", "The ISD-R can be selected on one logical channel at a time",
             "left open by 5.7.1 and GlobalPlatform Card Specification 6.4.1"), _to(isdr_once=True)),
    (Variant("firmware-255", "The firmware version is 255.255.255", "left open by 5.7.8"), _to(firmware=b"\xff" * 3)),
    (Variant("pp-version-zero", "The version of the protection profile is 0.0.0", "left open by 5.7.8"),
     _to(pp_version=bytes(3))),
    (Variant("no-ts102241-version", "EUICCInfo2 names no version of TS 102 241", "5.7.8"), _to(ts102241_version=None)),
    (Variant("no-globalplatform-version", "EUICCInfo2 names no version of GlobalPlatform", "5.7.8"),
     _to(globalplatform_version=None)),
    (Variant("category-absent", "EUICCInfo2 has no euiccCategory", "5.7.8"), _to(category=None)),
    (Variant("category-basic", "The eUICC is of category basicEuicc", "5.7.8", _CATEGORIES - {"category-basic"}),
     _to(category="basicEuicc")),
    (Variant("category-other", "The eUICC is of category other", "5.7.8", _CATEGORIES - {"category-other"}),
     _to(category="other")),
    (Variant("several-package-versions", "EUICCInfo2 lists further versions of the profile package", "5.7.8"),
     _to(additional_profile_versions=(b"\x02\x01\x00", b"\x02\x02\x00", b"\x03\x03\x01"))),
    (Variant("profile-version-3.3.1", "The version of the profile package is 3.3.1", "5.7.8"),
     _to(profile_version=b"\x03\x03\x01")),
    (Variant("accreditation-number-of-64", "The accreditation number fills its 64 octets", "5.7.8"),
     _to(accreditation="PY-" + "A" * 61)),
    (Variant("certification-names-empty", "Platform label and discovery URL are empty", "left open by 5.7.8"),
     _to(platform_label="", discovery_url="")),
    (Variant("reversed-authorities", "The CIs are listed in the other order of priority", "5.7.8"),
     _reversed_authorities),
    (Variant("large-memory", "The card has 1.2 MB of memory", "left open by 5.7.8"),
     _to(memory=1_200_000, volatile_memory=0x0001FFFF)),
    (Variant("memory-for-a-few-profiles", "The memory is nearly full", "left open by 5.7.8",
             frozenset({"large-memory"})),
     _to(memory=330_000)),
    (Variant("memory-for-one-profile", "There is room for one or two profiles", "left open by 5.7.8",
             frozenset({"large-memory", "memory-for-a-few-profiles"})),
     _memory_for_one),
    (Variant("rat-empty", "The Rules Authorisation Table has no rule", "2.9.2.2", _RAT - {"rat-empty"}), _rules()),
    (Variant("rat-one-rule-an-entry", "Every entry of the Rules Authorisation Table has one rule", "2.9.2.1",
             _RAT - {"rat-one-rule-an-entry"}),
     _rules((frozenset({"ppr1"}), (_TEST_NETWORK,), False), (frozenset({"ppr2"}), (_TEST_NETWORK,), False),
            (frozenset({"ppr2"}), (_ANYBODY,), True))),
    (Variant("rat-everything-for-anybody", "Any operator may use any rule", "2.9.2.1",
             _RAT - {"rat-everything-for-anybody"}),
     _rules((_BOTH, (_ANYBODY,), False))),
    (Variant("rat-with-group-identifiers", "Entries name group identifiers beside the network", "2.9.2.1",
             _RAT - {"rat-with-group-identifiers"}),
     _rules((_BOTH, (OwnerSettings(mcc_mnc=bytes.fromhex("130014"), gid1=b"\x01", gid2=b"\x02\xff"),), True),
            (_BOTH, (_TEST_NETWORK,), False), (frozenset({"ppr2"}), (_ANYBODY,), True))),
    (Variant("forbids-ppr1", "PPR1 is forbidden", "2.9.2.4", _RAT), _forbids("ppr1")),
    (Variant("forbids-ppr2", "PPR2 is forbidden", "2.9.2.4", _RAT | {"forbids-ppr1"}), _forbids("ppr2")),
    (Variant("factory-address", "A default SM-DP+ address is set from the factory", "5.7.3"),
     _to(default_address="smdp.operator.example")),
    (Variant("factory-address-in-mixed-case", "The default SM-DP+ address has capital letters", "4.1.1: a host name",
             _FACTORY - {"factory-address-in-mixed-case"}),
     _to(default_address="SMDP-01.Operator.Example")),
    (Variant("root-sds-in-mixed-case", "The root SM-DS address has capital letters", "4.1.1: a host name"),
     _to(root_sds="LPA.DS.Gsma.Example")),
    (Variant("root-sds-of-200", "The root SM-DS address has 200 octets", "4.1.1: a host name",
             frozenset({"root-sds-in-mixed-case"})),
     _to(root_sds=".".join(["s" * 47] * 4) + ".example")),
    (Variant("few-notifications", "The card keeps 20 pending notifications", "left open by 3.5"),
     _to(notification_limit=20)),
)  # fmt: skip
"""Variants with what each makes of the settings."""
