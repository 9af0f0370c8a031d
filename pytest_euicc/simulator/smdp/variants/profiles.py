"""Permitted variants of what the server holds and calls itself where whoever orders left it open."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from typing import Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp.icons import icon
from pytest_euicc.simulator.smdp.orders.orders import Profile
from pytest_euicc.simulator.variant import Variant

_LATER = bytes.fromhex("9F3C03010203")
"""An element that no version has yet, with the tag [60]."""
_ICON = icon("png", 200).hex()
_OWNER = {"mcc_mnc": "00F110", "gid1": "0102", "gid2": "A0B0C0"}
_LARGE = 40_000

OF_PROFILES = (
    Variant("profiles-with-icon", "Profiles have an icon unless ordered otherwise", "5.5.3"),
    Variant("profiles-with-owner", "Profiles have an owner with both group identifiers", "5.5.3"),
    Variant("profiles-with-long-names", "Names of profile and provider are as long as they may be", "5.5.3"),
    Variant(
        "profiles-with-names-beyond-ascii",
        "Names of profile and provider are in other scripts",
        "5.5.3",
        frozenset({"profiles-with-long-names"}),
    ),
    Variant("profiles-with-later-elements", "Metadata have an element of a later version", "annex H"),
    Variant("profiles-of-many-segments", "Profile packages have forty thousand octets", "left open by 2.5.3"),
    Variant("address-with-port", "Activation codes name the port beside the host", "left open by 4.1"),
    Variant(
        "address-in-capitals",
        "The server calls itself in capital letters",
        "RFC 4343 2",
        frozenset({"address-with-port"}),
    ),
    Variant(
        "another-address",
        "Activation codes name another of the server's names",
        "left open by 3.1.1",
        frozenset({"address-with-port", "address-in-capitals"}),
    ),
)
"""Those of inventories that are made for a wish, and of the addresses that go with them."""


def further_metadata(metadata: Mapping[str, Any], variants: Container[str]) -> dict[str, Any]:
    """Metadata in the words of an inventory, with what variants add to those that were ordered."""
    added: dict[str, Any] = {}
    if "profiles-with-icon" in variants:
        added["icon"] = _ICON
    if "profiles-with-owner" in variants:
        added["owner"] = _OWNER
    if "profiles-with-long-names" in variants:
        added |= {"provider": "Provider ".ljust(32, "P"), "name": "Profile ".ljust(64, "N")}
    if "profiles-with-names-beyond-ascii" in variants:
        added |= {"provider": "Оператор связи", "name": "プロファイル ñ €"}
    return added | dict(metadata)


def filler(usual: int, variants: Container[str]) -> int:
    """Octets that fill a profile package."""
    return _LARGE if "profiles-of-many-segments" in variants else usual


def later(profile: Profile, variants: Container[str]) -> Profile:
    """The profile with metadata of a later version."""
    if "profiles-with-later-elements" not in variants:
        return profile
    metadata = tlv.parse(profile.metadata)
    return replace(profile, metadata=tlv.encode(metadata.tag, metadata.value + _LATER))
