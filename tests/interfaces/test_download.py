"""Download actions and checks: what they send is signed by the tester, and each check can fail."""

from __future__ import annotations

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.rsp.pki import TestPki, default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.mini_card import case_of

OPENED = """
    given: [isdr_selected]
    steps:
      - es10b.get_euicc_challenge
      - es10b.authenticate_server: {expect: {authenticateResponseOk: {present: true}}, verify: [session_signature]}
"""
PREPARED = (
    OPENED
    + "      - es10b.prepare_download: {expect: {downloadResponseOk: {present: true}}, verify: [session_signature]}\n"
)
LOADED = (
    PREPARED
    + """      - es10b.load_bound_profile_package:
          expect: {profileInstallationResultData: {finalResult: {successResult: {present: true}}}}
          verify: [der, complete, session_signature]
"""
)


def run(sequence: str, *defects: str, pki: TestPki | None = None, without_pki: bool = False):
    case = case_of(sequence)
    card = Card(SimTransport(SimulatedEuicc(defects=frozenset(defects))))
    card.connect()
    ours = pki or default_pki()
    session = Session(card, real_card=False, trust=ours.trust(), pki=None if without_pki else ours)
    return Runner(session).run(case, case.sequences[0])


def test_a_whole_download_passes() -> None:
    result = run(LOADED)
    assert result.verdict is Verdict.PASS, result


@pytest.mark.parametrize(
    ("sequence", "defect", "words"),
    [
        (PREPARED, "signs-without-smdp-signature2", "a signature over the received octets"),
        (
            OPENED + "      - es10b.prepare_download: {confirmation_code: '1', verify: [echo]}\n",
            "omits-hash-cc",
            "hashCc",
        ),
    ],
)
def test_checks_can_fail(sequence: str, defect: str, words: str) -> None:
    result = run(sequence, defect)
    assert result.verdict is Verdict.FAIL
    assert result.failure is not None
    assert words in "\n".join(str(problem) for problem in result.failure.mismatches)


def test_a_card_of_another_ci_is_told_apart() -> None:
    result = run(OPENED, pki=TestPki("another"))
    assert result.verdict is Verdict.FAIL
    assert "ciPKUnknown" in str(result.failure)


def test_without_a_pki_it_is_inconclusive() -> None:
    result = run(OPENED, without_pki=True)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "--euicc-pki" in result.reason


def test_a_misspelt_kind_is_a_mistake_of_the_vector() -> None:
    with pytest.raises(AssertionError, match="no certificate of kind 'expird'; did you mean 'expired'"):
        case_of(OPENED.replace("{expect", "{certificate: expird, expect"))


def test_a_list_is_on_the_curve_of_the_sessions() -> None:
    steps = "[es10b.load_crl: {expect: {loadCRLResponseOk: {present: true}}}]"
    case = case_of(f"    given: [isdr_selected]\n    steps: {steps}\n")
    card = Card(SimTransport(SimulatedEuicc(EuiccSettings(verification=("brainpool",), signing=("brainpool",)))))
    card.connect()
    pki = default_pki()
    declaration = Declaration(options={"O_E_NIST": False, "O_E_BRP": True})
    session = Session(card, declaration, real_card=False, trust=pki.trust(), pki=pki)
    result = Runner(session).run(case, case.sequences[0])
    assert result.verdict is Verdict.PASS, result.reason
