"""The plugin as a user of pytest sees it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from pytest_euicc import resources
from pytest_euicc.conformance.reading import loader
from tests.support.plugin_runs import run, run_alone, run_tests

VECTOR = """
case: TC_Own
title: Own vectors
iut: euicc
interface: own
clauses: {sgp22: ["5.7.20"]}
origin: own
sequences:
  - id: "01"
    title: Right
    given: [isdr_selected]
    steps:
      - es10c.get_eid: {expect: {eidValue: {octets: 16}}}
  - id: "02"
    title: Wrong
    clauses: ["ISO 7816-4 7.4"]
    given: [isdr_selected]
    steps:
      - es10c.get_eid: {expect: {eidValue: {octets: 15}}}
  - id: "03"
    title: Not for this card
    applicability: O_E_LPAe
    given: [isdr_selected]
    steps:
      - es10c.get_eid
  - id: "04"
    title: Out of reach
    given: [isdr_selected, {profile: {class: provisioning, ppr: [ppr2], as: p}}]
    steps:
      - es10c.get_eid
"""


@pytest.fixture
def own(pytester: pytest.Pytester) -> Path:
    """A folder with vectors of one's own."""
    pytester.makefile(".yaml", own=VECTOR)
    return pytester.path / "own.yaml"


def test_workers_without_a_card_end_the_run_with_one_message(pytester: pytest.Pytester) -> None:
    result = run_alone(pytester, "es10a", "-n", "2", "--euicc", "at:/dev/none")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stdout.fnmatch_lines(["*Interrupted: */dev/none*"])
    result.stdout.no_fnmatch_line("*INTERNALERROR*")


def test_the_four_verdicts(pytester: pytest.Pytester, own: Path) -> None:
    result = run(pytester, "others", "--euicc-vectors", own, "-rsE")
    result.assert_outcomes(passed=1, failed=1, skipped=1, errors=1)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*ERROR at call of test_sequence*TC_Own_04*",
            "TC_Own_04: inconclusive: state profile was not reached: *",
            "TC_Own_02: Wrong",
            "step 1, es10c.get_eid: *",
            "  sent *BF3E035C015A",
            "  received *BF3E125A1089049032123451234512345678901235 9000 (success)",
            "  expected *octets 15*",
            "  clause *ISO 7816-4 7.4, SGP.22 5.7.20",
            "own *1 pass, 1 fail, 1 inconclusive, 1 not applicable",
            "SKIPPED*requires O_E_LPAe; declared: O_E_LPAe = false",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")


def test_vectors_are_read_once(pytester: pytest.Pytester, own: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load = Mock(wraps=loader.load)
    monkeypatch.setattr(loader, "load", load)
    run(pytester, "others", "--euicc-vectors", own, "-k", "TC_Own_01").assert_outcomes(passed=1, deselected=3)
    load.assert_called_once()


def test_workers_share_a_seed_and_describe_both_sides(pytester: pytest.Pytester) -> None:
    chosen = ("-k", "GetEID_01 or ES9+.InitiateAuthenticationNIST_01", "--euicc-report", "out", "--alluredir", "allure")

    def ran(start: Callable[..., pytest.RunResult], *arguments: str) -> tuple[dict[str, str], str]:
        assert start(pytester, "es10c es9plus", *chosen, "--clean-alluredir", *arguments).ret == pytest.ExitCode.OK
        described = json.loads((pytester.path / "out" / "run.json").read_text())["card"]
        attached = "".join(path.read_text() for path in (pytester.path / "allure").glob("*-attachment.txt"))
        (challenge,) = re.findall(r'> {"euiccChallenge": "([^"]*)"', attached)
        return described, challenge

    described, challenge = ran(run_alone, "-n", "2")
    assert {"eid", "SM-DP+", "SM-DP+ declaration"} <= described.keys()
    assert ran(run, "--euicc-seed", described["seed"]) == (described, challenge)
    assert ran(run)[0]["seed"] != described["seed"]


def test_reports_with_workers(pytester: pytest.Pytester, own: Path) -> None:
    reports = ("--euicc-report", "out", "--alluredir", "allure")
    result = run_alone(pytester, "others", "--euicc-vectors", own, "-n", "2", *reports)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    summary = json.loads((pytester.path / "out" / "run.json").read_text())
    assert [entry["verdict"] for entry in summary["sequences"]] == ["pass", "fail", "not applicable", "inconclusive"]
    assert summary["card"]["eid"] == "89049032123451234512345678901235"
    page = (pytester.path / "out" / "summary.html").read_text()
    assert "<b>1</b> fail" in page
    assert "octets 15" in page
    results = {}
    for path in (pytester.path / "allure").glob("*-result.json"):
        data = json.loads(path.read_text())
        results[data["name"].partition(":")[0]] = data
    statuses = {name: data["status"] for name, data in results.items()}
    assert statuses == {"TC_Own_01": "passed", "TC_Own_02": "failed", "TC_Own_03": "skipped", "TC_Own_04": "broken"}
    failed = results["TC_Own_02"]
    labels = {(label["name"], label.get("value", "")) for label in failed["labels"]}
    assert {("epic", "own"), ("feature", "TC_Own"), ("severity", "normal"), ("origin", "own")} <= labels
    tags = {value for name, value in labels if name == "tag" and " " in value}
    assert tags == {"ISO 7816-4 7.4", "SGP.22 5.7.20"}
    assert failed["parameters"][0] == {"name": "sequence", "value": "'TC_Own_02'"}
    step = failed["steps"][-1]
    assert step["status"] == "failed"
    attached = {
        entry["name"]: (pytester.path / "allure" / entry["source"]).read_text() for entry in step["attachments"]
    }
    assert "> 81E2910006BF3E035C015A" in attached["APDUs"]
    assert "89049032123451234512345678901235" in attached["Decoded"]
    assert "octets 15" in attached["Expected"]
    environment = (pytester.path / "allure" / "environment.properties").read_text()
    assert "eid=89049032123451234512345678901235" in environment
    assert json.loads((pytester.path / "allure" / "categories.json").read_text())[0]["name"] == "Not conformant"


def test_a_recorded_run_replays_to_the_same_verdicts(pytester: pytest.Pytester, own: Path) -> None:
    suites = "es10b es10c others"
    chosen = ("-k", "GetEUICCInfo or GetEID or TC_Own or EnableProfile or LoadCRL", "--euicc-vectors", own)
    # As one argument: pytest takes a path of its own for the place of the configuration.
    replay = ("--euicc", "replay:run.trace", f"--euicc-declaration={resources.declarations() / 'simulated.yaml'}")
    recorded = run(pytester, suites, *chosen, "--euicc-record", "run.trace", "--euicc-report", "first")
    replayed = run(pytester, suites, *chosen, *replay, "--euicc-report", "second")
    assert recorded.parseoutcomes() == replayed.parseoutcomes()
    verdicts = [
        [(entry["id"], entry["verdict"]) for entry in json.loads(path.read_text())["sequences"]]
        for path in (pytester.path / "first" / "run.json", pytester.path / "second" / "run.json")
    ]
    assert verdicts[0] == verdicts[1]
    assert len(verdicts[0]) > 30
    part = run(pytester, "es10c", "-k", "GetEID", *replay)
    part.assert_outcomes(passed=part.parseoutcomes()["passed"], deselected=part.parseoutcomes()["deselected"])
    # What was not recorded sends nothing, so nothing is left behind.
    other = run(pytester, "es10c", "-k", "SetNickname_01", *replay)
    assert other.parseoutcomes()["errors"] == 1
    other.stdout.fnmatch_lines(["*that sequence was not part of the recorded run*"])
    other.stdout.no_fnmatch_line("*not restored:*")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--euicc", "nothing"), "no transport 'nothing'"),
        (("--euicc", "replay:missing.trace"), "missing.trace"),
        (("--euicc", "sim:missing.yaml"), "--euicc sim:missing.yaml: there is no such file"),
        (("--euicc-declaration", "missing.yaml"), "missing.yaml"),
        (("--euicc-isdr-aid", "XYZ"), "--euicc-isdr-aid XYZ: not hex"),
        (("--euicc-vectors", "nowhere"), "--euicc-vectors nowhere: there is no such file"),
        (("--euicc-vectors", "."), "--euicc-vectors .: no vectors in this folder"),
        (("--euicc-record", "/dev/null/folder"), "--euicc-record /dev/null/folder: no folder can be made"),
        (("--euicc-report", "/dev/null/folder"), "--euicc-report /dev/null/folder: /dev/null is a file"),
        (("--alluredir", "/dev/null/folder"), "--alluredir /dev/null/folder: /dev/null is a file"),
        (("--euicc-pki", "."), "neither a folder CertificateIssuer nor CI"),
        (("--euicc-defect", "no-such"), "no defect 'no-such'"),
        (("--smdp", "smdp.example.com"), "--smdp smdp.example.com: write sim, or the URL"),
        (("--smdp-timeout", "soon"), "--smdp-timeout soon: write seconds"),
    ],
)
def test_a_wrong_option_is_one_message(pytester: pytest.Pytester, arguments: tuple[str, ...], words: str) -> None:
    result = run(pytester, "es10c", "-k", "GetEID", *arguments)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    text = result.stdout.str() + result.stderr.str()
    assert words in text
    assert text.count(words) <= 2
    assert "Traceback" not in text


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_a_recording_that_finds_the_disk_full_ends_the_run(pytester: pytest.Pytester, workers: tuple[str, ...]) -> None:
    pytester.makepyfile(
        full_disk="""
        import os

        import pytest

        @pytest.hookimpl(tryfirst=True)
        def pytest_runtest_call(item):
            recorder = item.funcargs["sequence"].harness.card.transport
            os.dup2(os.open("/dev/full", os.O_WRONLY), recorder._file.fileno())
        """
    )
    pytester.syspathinsert()
    start = run_alone if workers else run
    result = start(pytester, "es10c", "-p", "full_disk", *workers, "-k", "GetEID", "--euicc-record", "run.trace")
    text = result.stdout.str()
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert "No space left on device" in text
    assert "Traceback" not in text
    assert result.parseoutcomes()["passed"] <= 2


def test_an_unknown_option_of_a_declaration(pytester: pytest.Pytester) -> None:
    pytester.makefile(".yaml", mine='name: Mine\niut: euicc\nversion: "2.6.0"\noptions: [O_E_BRB]\n')
    result = run(pytester, "es10c", "--euicc-declaration", "mine.yaml")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "mine.yaml:4:11" in (result.stdout.str() + result.stderr.str())
    assert "O_E_BRP" in (result.stdout.str() + result.stderr.str())


def test_mistakes_in_vectors_come_all_at_once(pytester: pytest.Pytester, own: Path) -> None:
    own.write_text(VECTOR.replace("es10c.get_eid", "es10c.get_eit").replace("isdr_selected", "isdr_selekted"))
    result = run(pytester, "others", "--euicc-vectors", own)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert (result.stdout.str() + result.stderr.str()).count("own.yaml:") == 8


def test_a_defect_turns_a_sequence_red(pytester: pytest.Pytester) -> None:
    result = run(pytester, "es10c", "-k", "GetEID_01", "--euicc-defect", "wrong-eid-check-digits")
    assert result.parseoutcomes()["failed"] == 1


def test_fixtures_for_tests_of_one_s_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        def test_card(isdr, euicc, declaration):
            assert isdr.get_eid() == declaration.eid
            assert euicc.protocol == "T=0"
        """
    )
    run_tests(pytester).assert_outcomes(passed=1)


def test_a_download_in_a_test_of_one_s_own(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        from pytest_euicc.api import OrderWish
        from pytest_euicc.rsp import profile_package

        ICCID = bytes.fromhex("98001032547698103254")

        def test_download(lpa, smdp, pki, isdr):
            held = smdp.offer(OrderWish(package=profile_package.build(ICCID)))
            assert lpa.download(f"1${smdp.address}${held.matching_id}").iccid == ICCID
            assert isdr.enable_profile(ICCID) == 0
            assert pki.curves == ("nist", "brainpool")
        """
    )
    run_tests(pytester).assert_outcomes(passed=1)


def test_a_server_that_is_not_ours(pytester: pytest.Pytester) -> None:
    result = run(pytester, "procedures", "-k", "Procedures_09", "--smdp", "https://127.0.0.1:9")
    assert result.parseoutcomes()["errors"] == 1
    result.stdout.fnmatch_lines(
        ["*https://127.0.0.1:9 holds no profile for it: *under random keys, a package of 3000 octets or *"]
    )


def test_a_project_without_cards_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import sys

        def test_light():
            heavy = {"asn1tools", "pydantic", "cryptography", "yaml", "smartcard", "serial", "httptools"}
            heavy |= {"h11", "filelock", "jinja2"}
            assert not heavy & {name.partition(".")[0] for name in sys.modules}
            parts = {name.split(".")[1] for name in sys.modules if name.startswith("pytest_euicc.")}
            assert not parts & {"simulator", "interfaces", "iut", "reporting", "lab", "asn1", "rsp", "es9"}
        """
    )
    result = pytester.runpytest_subprocess("-p", "no:hypothesispytest", "-p", "no:xdist", "-p", "no:allure_pytest")
    result.assert_outcomes(passed=1)
    result.stdout.no_fnmatch_line("*eUICC and SM-DP+ conformance*")


UNASKED = """
def test_delete(isdr):
    deleted = isdr.get_profiles_info()[1][0]["iccid"]
    isdr.delete_profile(deleted)

def test_read(isdr):
    assert isdr.get_eid()
"""


def test_a_test_in_python_does_not_change_a_real_card_unasked(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pytest_euicc.options._HARMLESS", ())
    pytester.makepyfile(UNASKED)
    pytester.makefile(".yaml", mine='name: Mine\niut: euicc\nversion: "2.6.0"\n')
    result = run_tests(pytester, "-rs", "--euicc-declaration", "mine.yaml")
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(
        ["SKIPPED*ES10c.DeleteProfile changes the card: the card in sim is not declared as a *"]
    )


def test_each_test_in_python_finds_the_card_as_it_was(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.parametrize("name", ["first", "second"])
        def test_nickname(isdr, name):
            profile = isdr.get_profiles_info()[1][0]
            assert "profileNickname" not in profile
            assert isdr.set_nickname(profile["iccid"], name) == 0
        """
    )
    run_tests(pytester).assert_outcomes(passed=2)
    run_tests(pytester, "--euicc-keep-changes").assert_outcomes(passed=1, failed=1)
