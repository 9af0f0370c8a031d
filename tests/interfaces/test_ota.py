"""ES6 as a step: what a test engineer reads when the card, the vector or the set-up is wrong."""

from __future__ import annotations

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.failure import failure_text
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.mini_card import case_of

UPDATE = """
    given: [isdr_selected, ota_profile]
    steps:
      - es6.update_metadata: { receipt: RECEIPT, with: { profileName: New }, expect: { receipt: ok, result: "9000" } }
"""


def run(sequence: str, *defects: str, protocol: str = "T=0"):
    case = case_of(sequence)
    euicc = SimulatedEuicc(EuiccSettings(protocol=protocol), defects=frozenset(defects))
    card = Card(SimTransport(euicc))
    card.connect()
    pki = default_pki()
    session = Session(card, real_card=False, trust=pki.trust(), pki=pki)
    return Runner(session).run(case, case.sequences[0])


@pytest.mark.parametrize("protocol", ["T=0", "T=1"])
@pytest.mark.parametrize("receipt", ["sms-submit", "deliver-report"])
def test_both_ways_of_a_receipt(receipt: str, protocol: str) -> None:
    result = run(UPDATE.replace("RECEIPT", receipt), protocol=protocol)
    assert result.verdict is Verdict.PASS, result
    assert not result.left_behind


@pytest.mark.parametrize(
    ("receipt", "defect", "words"),
    [
        (
            "deliver-report",
            "receipt-always-by-submit",
            "receipt: expected deliver-report (SPI 1619), received sms-submit",
        ),
        (
            "sms-submit",
            "receipt-without-security",
            "no receipt: a response packet with RHL 0A; RHL 12 (checksum) was asked",
        ),
        ("sms-submit", "takes-any-metadata", None),
    ],
)
def test_what_a_failure_says(receipt: str, defect: str, words: str | None) -> None:
    result = run(UPDATE.replace("RECEIPT", receipt), defect)
    if words is None:
        assert result.verdict is Verdict.PASS
    else:
        assert result.verdict is Verdict.FAIL
        assert words in failure_text(result.failure)


def test_without_a_profile_whose_keys_are_known_it_is_inconclusive() -> None:
    result = run(UPDATE.replace("RECEIPT", "none").replace(", ota_profile", ""))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "name the state ota_profile in given" in result.reason


def test_keys_of_a_profile_of_the_card_are_not_known() -> None:
    sequence = UPDATE.replace("RECEIPT", "none").replace("ota_profile]", "ota_profile, { profile: { as: theirs } }]")
    result = run(sequence.replace("{ receipt: none", "{ receipt: none, profile: $theirs.iccid"))
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "are not known" in result.reason


@pytest.mark.parametrize(
    ("argument", "words"),
    [("receipt: letter", "letter"), ("receipt: none, tar: B2", "tar"), ("receipt: none, wrong_key: kik", "kik")],
)
def test_a_wrong_argument_is_a_mistake_of_the_vector(argument: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        case_of(UPDATE.replace("receipt: RECEIPT", argument))
