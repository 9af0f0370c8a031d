"""What a run leaves behind for those who were not there: evidence, exit status, annotations."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from pytest_euicc import interfaces  # noqa: F401  (what a run in this process imports stays imported)
from pytest_euicc.reporting import manifest
from pytest_euicc.reporting.run_file import load
from tests.support.own_vectors import KILLED, SUITE, VECTOR
from tests.support.plugin_runs import run_process


@pytest.fixture
def own(pytester: pytest.Pytester) -> list[str]:
    """Options for a suite of three sequences: pass, fail, inconclusive."""
    pytester.makefile(".yaml", own=VECTOR)
    pytester.makepyfile(test_own=SUITE)
    return ["-p", "no:cacheprovider", "--euicc-vectors", "own.yaml", "--euicc-report", "out"]


def test_a_run_is_complete_and_verifiable(pytester: pytest.Pytester, own: list[str]) -> None:
    result = pytester.runpytest_inprocess(*own, "--junitxml", "junit.xml")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    out = pytester.path / "out"
    run = load(out)
    assert run.finished
    assert [entry.verdict for entry in run.sequences] == ["pass", "fail", "inconclusive"]
    assert list(manifest.verify(out)) == []
    assert run.sequences[1].file == "own.yaml"
    assert run.sequences[1].line == 9
    assert run.harness["vectors"]["sequences"] == len(run.known)
    result.stdout.fnmatch_lines(["*not endorsed by GSMA*", "summary: *summary.html"])
    junit = (pytester.path / "junit.xml").read_text()
    assert 'classname="pytest_euicc.own" name="TC_Own_O2"' in junit
    assert 'failures="1"' in junit
    assert 'errors="1"' in junit
    assert '<property name="line" value="9" />' in junit
    assert "{'id'" not in junit


def test_clauses_of_every_document_are_in_the_record(pytester: pytest.Pytester) -> None:
    cited = '{sgp22: ["5.7.20"], other: [SGP.32 5.9.1, RFC 9110 15.5]}'
    pytester.makefile(".yaml", own=VECTOR.replace('{sgp22: ["5.7.20"]}', cited))
    pytester.makepyfile(test_own=SUITE)
    options = ["-p", "no:cacheprovider", "--euicc-vectors", "own.yaml", "-k", "O1"]
    assert pytester.runpytest_inprocess(*options, "--euicc-report", "out", "--junitxml", "junit.xml").ret == 0
    (entry,) = load(pytester.path / "out").sequences
    assert entry.clauses == ["5.7.20", "SGP.32 5.9.1", "RFC 9110 15.5"]
    junit = (pytester.path / "junit.xml").read_text()
    assert '<property name="clauses" value="5.7.20, SGP.32 5.9.1, RFC 9110 15.5" />' in junit
    page = (pytester.path / "out" / "summary.html").read_text()
    assert '<td data-label="clauses">5.7.20, SGP.32 5.9.1, RFC 9110 15.5</td>' in page
    assert '<tr><th scope="row">SGP.32 5.9.1</th>' in page


def test_what_counts_as_a_failure(pytester: pytest.Pytester, own: list[str]) -> None:
    def status(*arguments: str) -> int:
        return int(pytester.runpytest_inprocess(*own, *arguments).ret)

    assert status("-k", "O3") == 1
    assert status("-k", "O3", "--euicc-fail-on", "fail,restore") == 0
    assert status("-k", "O2", "--euicc-fail-on", "inconclusive") == 0
    assert status("-k", "O2", "--euicc-fail-on", "fail") == 1
    assert status("-k", "O1", "--euicc-fail-on", "fail,fial") == pytest.ExitCode.USAGE_ERROR


def test_a_test_of_somebody_else_still_fails(pytester: pytest.Pytester, own: list[str]) -> None:
    pytester.makepyfile(test_other="def test_other():\n    assert False")
    assert pytester.runpytest_inprocess(*own, "--euicc-fail-on", "observation").ret == 1


def test_a_killed_run_is_readable_up_to_its_last_step(pytester: pytest.Pytester, own: list[str]) -> None:
    pytester.makeconftest(KILLED)
    assert run_process(pytester, *own).ret == -signal.SIGKILL
    run = load(pytester.path / "out")
    assert not run.finished
    assert run.card["firmware"] == "1.0.0"
    assert [(entry.id, entry.verdict) for entry in run.sequences] == [
        ("TC_Own_O1", "pass"),
        ("TC_Own_O2", "not finished"),
    ]
    exchanges = (pytester.path / "out" / "exchanges" / "main.jsonl").read_text().splitlines()
    assert json.loads(exchanges[-1])["sequence"] == "TC_Own_O2"
    # The next run into the folder keeps it.
    (pytester.path / "conftest.py").unlink()
    assert pytester.runpytest_inprocess(*own, "-k", "O1").ret == 0
    assert not load(pytester.path / "out" / "run-1").finished


def test_annotations(pytester: pytest.Pytester, own: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITLAB_CI", "true")
    result = pytester.runpytest_inprocess(*own)
    result.stdout.fnmatch_lines(["::error file=own.yaml,line=9,title=TC_Own_O2::Wrong: fail*"])
    issues = json.loads(Path(pytester.path / "out" / "gl-code-quality.json").read_text())
    assert [issue["check_name"] for issue in issues] == ["TC_Own_O2", "TC_Own_O3"]
    out = pytester.path / "out"
    assert list(manifest.verify(out)) == []
    (out / "gl-code-quality.json").write_text("[]")
    assert list(manifest.verify(out)) == ["gl-code-quality.json was changed after the run"]


def test_deviations_and_the_date_are_in_the_record_and_in_allure(pytester: pytest.Pytester, own: list[str]) -> None:
    deviations = {
        "--euicc-defect": ["ignores-ppr1"],
        "--euicc-variant": ["reader-gets-response"],
        "--smdp-defect": [],
        "--smdp-variant": [],
        "--lpa-defect": [],
        "--lpa-variant": [],
    }
    given = [text for option, names in deviations.items() for name in names for text in (option, name)]
    given += ["--euicc-tester", "Lab 7"]
    assert pytester.runpytest_inprocess(*own, "-k", "O1", "--alluredir", "allure", *given).ret == 0
    run = load(pytester.path / "out")
    assert run.deviations == deviations
    reported = (pytester.path / "allure" / "environment.properties").read_text()
    assert f"started={run.started[:10]}" in reported
    assert "euicc-defect=ignores-ppr1\neuicc-variant=reader-gets-response\n" in reported
    assert "not endorsed by GSMA" in reported
    assert "tested_by=Lab 7\n" in reported
    assert run.tester == "Lab 7"
    assert "<dt>tested by</dt><dd>Lab 7</dd>" in (pytester.path / "out" / "summary.html").read_text()


def test_a_sequence_whose_set_up_fails_keeps_its_name(pytester: pytest.Pytester, own: list[str]) -> None:
    pytester.makeconftest(
        "import pytest\n@pytest.fixture\ndef sequence(request):\n    raise RuntimeError('no reader')\n"
    )
    pytester.makepyfile(
        test_own="import pytest\nfrom conftest import sequence\npytestmark = pytest.mark.euicc_vectors('own')\n"
        "def test_sequence(sequence):\n    pass\n"
    )
    pytester.runpytest_inprocess(*own, "--junitxml", "junit.xml", "--alluredir", "allure")
    junit = (pytester.path / "junit.xml").read_text()
    assert 'classname="pytest_euicc.own" name="TC_Own_O1"' in junit
    names = {json.loads(path.read_text())["fullName"] for path in (pytester.path / "allure").glob("*-result.json")}
    assert names == {f"pytest_euicc.own#TC_Own_O{number}" for number in (1, 2, 3)}
