"""Metadata in the words of an inventory: which words there are, and what a server's answer must have."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.registry import STATES
from pytest_euicc.conformance.files import metadata
from pytest_euicc.conformance.files.inventory import HeldProfile
from pytest_euicc.conformance.values.matchers import match
from pytest_euicc.conformance.values.shapes import asn1_shape

ANSWER = codec.encode(
    "StoreMetadataRequest",
    {
        "iccid": bytes.fromhex("98001032547698103214"),
        "serviceProviderName": "Example",
        "profileName": "Gold",
        "iconType": "png",
        "icon": b"\x89PNG",
        "profileOwner": {"mccMnc": bytes.fromhex("00F110")},
        "profilePolicyRules": (b"\x40", 2),
        "notificationConfigurationInfo": [
            {"profileManagementOperation": (b"\xc0", 2), "notificationAddress": "a.example.com"}
        ],
    },
)
ALL: dict[str, Any] = {
    "provider": "Example",
    "name": "Gold",
    "class": "operational",
    "icon": "89504e47",
    "icon_type": "png",
    "owner": {"mcc_mnc": "00F110"},
    "ppr": ["ppr1"],
    "notify": [{"events": ["install", "enable"], "address": "a.example.com"}],
}


def differences(words: dict[str, Any]) -> list[str]:
    value = codec.receive("StoreMetadataRequest", ANSWER).value
    return [
        problem.path.partition(".")[0]
        for problem in match(metadata.expected(words), value, asn1_shape("StoreMetadataRequest")).mismatches
    ]


def test_what_is_described_is_compared() -> None:
    assert differences(ALL) == []
    assert differences({}) == []


@pytest.mark.parametrize(
    ("words", "field"),
    [
        ({"provider": "Another"}, "serviceProviderName"),
        ({"name": "Silver"}, "profileName"),
        ({"class": "test"}, "profileClass"),
        ({"icon": "00"}, "icon"),
        ({"icon_type": "jpg"}, "iconType"),
        ({"owner": {"mcc_mnc": "00F111"}}, "profileOwner"),
        ({"owner": {"mcc_mnc": "00F110", "gid1": "01"}}, "profileOwner"),
        ({"ppr": []}, "profilePolicyRules"),
        ({"ppr": ["ppr1", "ppr2"]}, "profilePolicyRules"),
        ({"notify": [{"events": ["install"], "address": "a.example.com"}]}, "notificationConfigurationInfo"),
        ({"notify": [{"events": ["install", "enable"], "address": "b.example.com"}]}, "notificationConfigurationInfo"),
    ],
)
def test_another_value_is_a_difference(words: dict[str, Any], field: str) -> None:
    assert set(differences({**ALL, **words})) == {field}


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        ({"providr": "Example"}, "did you mean 'provider'"),
        ({"owner": {"mccmnc": "00F110"}}, "owner has no 'mccmnc'"),
        ({"notify": [{"event": "install"}]}, "notify has no 'event'"),
        ({"icon_type": "gif"}, "icon_type has no 'gif'; known: jpg, png"),
        ({"class": 5}, "class has no 5"),
        ({"ppr": ["ppr1", "ppr3"]}, "ppr has no 'ppr3'; did you mean"),
    ],
)
def test_words_that_mean_nothing_are_mistakes(words: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError, match=fault):
        HeldProfile(matching_id="AC", metadata=words)


@pytest.mark.parametrize("state", ["order", "lpad.order"])
def test_they_are_seen_in_vectors_before_a_run(state: str) -> None:
    library.load()
    ((place, fault),) = STATES.get(state).parameters.mistakes({"metadata": {"icon_type": "gif"}}, state)
    assert place[0] == "metadata"
    assert fault.startswith("icon_type has no 'gif'")


def test_an_order_knows_what_is_described() -> None:
    order = HeldProfile(matching_id="AC", metadata=ALL).held()
    assert order.described == ALL
    assert order.metadata is None
