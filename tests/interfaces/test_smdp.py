"""Sequences on an SM-DP+ whose certificates come from a folder, and mistakes in what they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_euicc import resources
from pytest_euicc.conformance.engine.events import Result, Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.harness import open_session
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.rsp.folder import FolderPki, write_folder
from pytest_euicc.rsp.pki import EID, TestPki

ERRORS = "TC_SM-DP+_ES9+.AuthenticateClientNIST_ErrorCases"
CHAINS = ("01a", "01b", "01c", "01d", "01e", "02", "03a", "03b", "03c", "03d", "03e", "04", "07")
CASES = {case.case: case for case in loader.load([resources.vectors()])}
SMDP = Declaration.load(resources.declarations() / "simulated_smdp.yaml")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of somebody else's PKI, with all its keys."""
    write_folder(TestPki("another maker"), tmp_path, EID)
    return tmp_path


def run(folder: Path, numbers: tuple[str, ...]) -> Iterator[Result]:
    pki = FolderPki(folder)
    smdp = SimulatedSmdp(pki)
    try:
        session = open_session(None, SMDP, pki, smdp, real_card=False, seed="folder")
        case = CASES[ERRORS]
        for sequence in case.sequences:
            if sequence.id in numbers:
                yield Runner(session).run(case, sequence)
    finally:
        smdp.close()


def test_invalid_chains_are_issued_with_the_keys_of_a_folder(folder: Path) -> None:
    results = list(run(folder, CHAINS))
    assert len(results) == len(CHAINS)
    assert {result.id: result.reason for result in results if result.verdict is not Verdict.PASS} == {}


def test_without_the_keys_the_verdict_is_inconclusive(folder: Path) -> None:
    for name in ("CertificateIssuer/SK_CI_ECDSA_NIST.pem", "EUM/SK_EUM_ECDSA_NIST.pem"):
        (folder / name).unlink()
    for result in run(folder, ("01a", "03a")):
        assert result.verdict is Verdict.INCONCLUSIVE
        assert "SK_EUM_ECDSA_NIST.pem: No such file" in result.reason
        assert "needs this file" in result.reason


def test_a_server_that_reads_the_euicc_responses_takes_results_of_installations() -> None:
    pki = TestPki()
    smdp = SimulatedSmdp(pki, variants=frozenset({"reads-euicc-responses"}))
    case = CASES["TC_SM-DP+_ES9+_HandleNotificationNIST"]
    try:
        session = open_session(None, SMDP, pki, smdp, real_card=False, seed="responses")
        results = [Runner(session).run(case, each) for each in case.sequences if each.id in ("01", "02")]
    finally:
        smdp.close()
    assert [result.verdict for result in results] == [Verdict.PASS] * 2


VECTOR = """
case: TC_X
title: Mistakes
iut: smdp
interface: ES9+
origin: own
clauses: { sgp22: ["5.6.3"] }
sequences:
  - id: "01"
    title: Mistakes
    given: [order, session_initiated]
    steps:
      - es9plus.authenticate_client: { STEP }
"""


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("extend: { euiccInfo3: 9F7F00 }", "13:48: EuiccSigned1 has no field 'euiccInfo3'; did you mean 'euiccInfo2'?"),
        ("extend: { euiccInfo2: xyz }", "13:62: 'xyz' is not hex text"),
        ("certificates: eum-signatur", "no certificates of kind 'eum-signatur'; did you mean 'eum-signature'?"),
    ],
)
def test_mistakes_are_found_when_a_vector_is_loaded(tmp_path: Path, step: str, message: str) -> None:
    path = tmp_path / "mistakes.yaml"
    path.write_text(VECTOR.replace("STEP", step))
    (mistake,) = loader.lint([path])
    assert message in str(mistake)
