"""Profiles that the tester brings onto a card: made as states ask for them, and gone afterwards."""

from __future__ import annotations

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Result, Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.interfaces.download.whole import DownloadingProvisioner
from pytest_euicc.rsp.pki import default_pki
from tests.support.mini_card import case_of
from tests.support.unforgetting import Unforgetting

ICCID = "98001032547698103264"
OWN = {"iccid": ICCID, "name": "Of the card", "owner": {"mcc_mnc": "00F110"}}
LOOK = "    steps: [{es10c.get_profiles_info: {with: {tagList: 5A95B6B7}, expect: {profileInfoListOk: %s}}}]\n"


def run(sequence: str, card: Unforgetting, **session: object) -> Result:
    case = case_of(sequence)
    opened = Card(card)
    opened.connect()
    pki = default_pki()
    given = {"real_card": False, "provisioner": DownloadingProvisioner(), "pki": pki} | session
    return Runner(Session(opened, trust=pki.trust(), **given)).run(case, case.sequences[0])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("states", "listed"),
    [
        ("{profile: {state: enabled}}", "{count: 1}"),
        ("{profile: {class: test}}", "[{profileClass: test}]"),
        ("{profile: {ppr: [ppr1, ppr2]}}", "[{profileOwner: {mccMnc: 00F110}}]"),
        ("{profile: {ppr: [ppr2]}}, {profile: {icon: true, as: q}}", "{count: 2}"),
        ("{profile: {notify: [enable, delete], addresses: 2}}", "[{notificationConfigurationInfo: {count: 2}}]"),
        ("{profile: {addresses: 0}}", "[{notificationConfigurationInfo: {absent: true}}]"),
        ("{profiles: {count: 3}}", "{count: 3}"),
        ("{installed_profile: {metadata: {profileName: Mine}}}", "{count: 1}"),
        ("{notification: {event: disable}}", "{count: 1}"),
    ],
)
def test_a_profile_is_installed_as_asked_and_deleted_again(states: str, listed: str) -> None:
    card = Unforgetting()
    result = run(f"    given: [{states}]\n{LOOK % listed}", card)
    assert result.verdict is Verdict.PASS, result
    assert card.euicc.state.profiles == ()
    assert card.euicc.state.notifications == ()
    assert result.left_behind == []


@pytest.mark.parametrize("state", ["{profile: {ppr: [ppr2]}}", "{profile: {ppr: [ppr1, ppr2], state: enabled}}"])
def test_what_could_not_be_deleted_beside_a_profile_of_the_card_is_not_installed(state: str) -> None:
    card = Unforgetting(profiles=[OWN])
    result = run(f"    given: [{state}]\n{LOOK % '{count: 2}'}", card)
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "could only be deleted together with the card's own profiles" in result.reason
    assert [profile.iccid for profile in card.euicc.state.profiles] == [bytes.fromhex(ICCID)]


def test_what_a_step_installs_and_cannot_be_deleted_is_named() -> None:
    card = Unforgetting(profiles=[OWN])
    step = "tester.download: {with: {profilePolicyRules: {bits: [ppr2]}, profileOwner: {mccMnc: 00F110}}}"
    result = run(f"    given: [isdr_selected]\n    steps: [{{{step}}}]\n", card)
    assert result.verdict is Verdict.PASS, result
    own, profile = card.euicc.state.profiles
    assert own.iccid == bytes.fromhex(ICCID)
    assert (
        f"the profile {profile.iccid.hex()} is installed: the eUICC answered disallowedByPolicy" in result.left_behind
    )


def test_steps_leave_nothing_either() -> None:
    card = Unforgetting()
    steps = [
        "tester.download: {with: {profilePolicyRules: {bits: [ppr2]}, profileOwner: {mccMnc: 00F110}}}",
        "tester.download: {with: {iconType: png}, iccid: 98001032547698103214}",
        "tester.download: {iccid: 98001032547698103214}",
    ]
    lines = "".join(f"      - {step}\n" for step in steps)
    result = run(f"    given: [isdr_selected, {{profile: {{state: enabled}}}}]\n    steps:\n{lines}", card)
    assert result.verdict is Verdict.PASS, result
    assert card.euicc.state.profiles == ()
    assert card.euicc.state.notifications == ()
    assert result.left_behind == []


def test_ppr1_of_a_profile_of_the_card_is_not_enabled_for_good() -> None:
    sequence = f"    given: [{{profile: {{ppr: [ppr1], state: enabled}}}}]\n{LOOK % '{count: 1}'}"
    card = Unforgetting(profiles=[OWN | {"ppr": ["ppr1"]}])
    result = run(sequence, card)
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "has PPR1 and could not be disabled again; declare restore:" in result.reason
    declared = Declaration(restore=["80FC000000"])
    assert run(sequence, card, declaration=declared).verdict is Verdict.PASS
    assert card.euicc.state.enabled is None


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"forbidden_ppr": ["ppr2"]}, "the eUICC forbids profiles with ppr2 (SGP.22 5.7.8"),
        ({"rat": []}, "no operator of the Rules Authorisation Table may have profiles with ppr2 (SGP.22 2.9.2.1)"),
    ],
)
def test_rules_that_the_card_rules_out_are_not_applicable(settings: dict[str, object], reason: str) -> None:
    result = run(f"    given: [{{profile: {{ppr: [ppr2]}}}}]\n{LOOK % '{count: 1}'}", Unforgetting(**settings))
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert reason in result.reason


@pytest.mark.parametrize(
    ("sequence", "settings", "reason"),
    [
        ("profile: {class: provisioning}", {}, "a provisioning profile comes from the manufacturer"),
        ("profile: {class: test}", {"rsp_capability": ["additionalProfile"]}, "storeMetadata: unsupportedProfileClass"),
        ("profile", {"memory": 100}, "loadProfileElements: installFailedDueToInsufficientMemoryForProfile"),
        ("profile", {"verification": ["brainpool"], "signing": ["brainpool"]}, "authenticate_server was answered"),
        ("profile", {}, "there is no PKI to be an SM-DP+ with"),
    ],
)
def test_a_download_that_fails_is_inconclusive(sequence: str, settings: dict[str, object], reason: str) -> None:
    without = {"pki": None} if "PKI" in reason else {}
    result = run(f"    given: [{sequence}]\n{LOOK % '{count: 1}'}", Unforgetting(**settings), **without)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert reason in result.reason


def test_a_card_that_is_not_a_test_card_is_left_alone() -> None:
    card = Unforgetting()
    result = run(f"    given: [profile]\n{LOOK % '{count: 1}'}", card, real_card=True)
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert card.euicc.state.profiles == ()


def test_a_download_as_a_step_fails_where_the_euicc_refuses() -> None:
    steps = "    given: [isdr_selected]\n    steps: [{tester.download: {expect: {euiccSignPIR: {octets: 64}}}}]\n"
    assert run(steps, Unforgetting()).verdict is Verdict.PASS
    result = run(steps, Unforgetting(verification=["brainpool"], signing=["brainpool"]))
    assert result.verdict is Verdict.FAIL
    assert "ciPKUnknown" in str(result.failure) or "07" in str(result.failure)
