"""Answers of cards in the field, and what the vectors say of them: what a later version adds is no fault."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.files.vector import Case, Step
from pytest_euicc.conformance.reading.loader import load
from pytest_euicc.conformance.values.matchers import match
from pytest_euicc.conformance.values.shapes import asn1_shape

VECTORS = Path(__file__).parents[2] / "vectors"
INFO2_OF_SGP32 = bytes.fromhex(
    "BF2281BE810302030182030202008303190400840D81010082040003EB80830241F58503017F328603090200870302030088020480A92C0414"
    "81370F5125D0B1D408D4C3B232E6D25E795BEBFB041461F709B006684D94C2BC594B7D02EAE8B599F860AA2C041481370F5125D0B1D408D4C3"
    "B232E6D25E795BEBFB041461F709B006684D94C2BC594B7D02EAE8B599F8609902064004030100000C1653415341636372656469746174696F"
    "6E4E756D6265729001FFB40BA005040302000C81008200"
)
"""EUICCInfo2 with the elements 90 and B4 of SGP.32, and rspCapability with trailing zero bits."""
WITHOUT_PROVIDER = bytes.fromhex(
    "BF2D30A02EE32C5A0A980010325476981032144F10A0000005591010FFFFFFFF89000015009F70010092053030313031950102"
)
"""A profile of the manufacturer without serviceProviderName."""


@cache
def cases() -> list[Case]:
    return load([VECTORS / "es10a", VECTORS / "es10b", VECTORS / "es10c"])


def step(case: str, number: str, action: str) -> Step:
    found = next(entry for entry in cases() if entry.case == case)
    sequence = next(entry for entry in found.sequences if entry.id == number)
    return next(entry for entry in sequence.steps if entry.action == action)


def held(wanted: Any, octets: bytes, type_name: str) -> list[str]:
    value = codec.receive(type_name, octets).value
    return [str(problem) for problem in match(wanted, value, asn1_shape(type_name)).mismatches]


def test_euicc_info2_of_a_card_that_implements_sgp32_too() -> None:
    wanted = step("TC_eUICC_ES10b.GetEUICCInfo", "05", "es10b.get_euicc_info2").expect
    assert held(wanted, INFO2_OF_SGP32, "EUICCInfo2") == []


def test_a_profile_without_provider_name() -> None:
    wanted = step("TC_eUICC_ES10c.GetProfilesInfo", "02", "es10c.get_profiles_info").expect
    assert held(wanted, WITHOUT_PROVIDER, "ProfileInfoListResponse") == []
    assert (
        held(wanted, WITHOUT_PROVIDER.replace(b"\x9f\x70\x01\x00", b"\x9f\x70\x01\x05"), "ProfileInfoListResponse")
        != []
    )


@pytest.mark.parametrize(
    ("case", "number"),
    [
        ("TC_eUICC_ES10b.RetrieveNotificationsList", "04"),
        ("TC_eUICC_ES10b.RetrieveNotificationsList", "08"),
        ("TC_eUICC_PendingNotifications", "10"),
        ("TC_eUICC_PendingNotifications", "15"),
    ],
)
def test_nothing_found_is_an_empty_list_or_the_error_of_earlier_versions(case: str, number: str) -> None:
    choices = step(case, number, "es10b.retrieve_notifications_list").expectations
    for octets, right in (("BF2B02A000", True), ("BF2B03810101", True), ("BF2B0381017F", False)):
        found = [held(entry.expect, bytes.fromhex(octets), "RetrieveNotificationsListResponse") for entry in choices]
        assert ([] in found) is right


def test_an_empty_default_address_is_none() -> None:
    wanted = step("TC_eUICC_ES10a.GetEuiccConfiguredAddresses", "01", "es10a.get_euicc_configured_addresses").expect
    for octets, right in (("BF3C0481026162", True), ("BF3C06800081026162", True), ("BF3C0780014181026162", False)):
        assert (held(wanted, bytes.fromhex(octets), "EuiccConfiguredAddressesResponse") == []) is right
