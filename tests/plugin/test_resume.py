"""A run that was cut short is gone on with, and is one run in the end."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc.errors import OptionError
from pytest_euicc.run.resumed import ResumedRun
from tests.support import plugin_runs
from tests.support.forked import PytestRun

CHOSEN = ("-k", "GetEID or SetNickname", "--euicc-seed", "resume", "--euicc-defect", "long-nickname")
TIMES = {"seconds", "transport_seconds", "evidence", "apdus"}
"""What depends on the time, or on what the card was asked right before."""
ALLURE = ("--alluredir", "allure")
STOP = """
import os, pathlib, pytest

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if "SetNickname_02" in item.name and pathlib.Path("stop").exists():
        pytest.exit("cut short", returncode=2)
"""
KILL = STOP.replace('pytest.exit("cut short", returncode=2)', "os.kill(os.getpid(), 9)")


def record(folder: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((folder / "run.json").read_text())
    return data


def same_in_both(data: dict[str, Any]) -> dict[str, Any]:
    """All of a run but times, and whether it was gone on with."""
    kept = {name: value for name, value in data.items() if name not in ("started", "ended", "resumed", "options")}
    kept["sequences"] = [
        {name: value for name, value in entry.items() if name not in TIMES} for entry in data["sequences"]
    ]
    return kept


def test_a_resumed_run_equals_an_unbroken_one(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(stopper=STOP)
    pytester.syspathinsert()
    whole = plugin_runs.run(pytester, "es10c", *CHOSEN, "--euicc-report", "whole")
    stop = pytester.path / "stop"
    stop.touch()
    cut = plugin_runs.run(pytester, "es10c", *CHOSEN, "--euicc-report", "cut", "-p", "stopper", *ALLURE)
    assert cut.ret == pytest.ExitCode.INTERRUPTED
    assert not record(pytester.path / "cut")["finished"]
    stop.unlink()
    # Without -k: what had been chosen then is chosen now.
    resumed = plugin_runs.run(
        pytester,
        "es10c",
        "--euicc-resume",
        "cut",
        *CHOSEN[2:],
        "--junitxml",
        "junit.xml",
        "--euicc-report",
        "cut",
        "--alluredir",
        "allure",
    )
    assert resumed.parseoutcomes() | {"deselected": 0} == whole.parseoutcomes() | {"deselected": 0}
    assert resumed.ret == whole.ret
    one, other = record(pytester.path / "whole"), record(pytester.path / "cut")
    for mine, theirs in zip(same_in_both(one)["sequences"], same_in_both(other)["sequences"], strict=True):
        assert mine == theirs
    assert same_in_both(one) == same_in_both(other)
    assert one["finished"]
    assert len(other["resumed"]) == 1
    assert (pytester.path / "junit.xml").read_text().count("<testcase") == len(one["sequences"])
    results = [json.loads(path.read_text()) for path in (pytester.path / "allure").glob("*-result.json")]
    # Nothing that was taken over is there twice; the test that was cut short is a retry to Allure.
    names = sorted(each["name"].partition(":")[0] for each in results if each.get("steps"))
    assert names == [each["id"] for each in one["sequences"]]
    assert len(results) == len(names) + 1
    from pytest_euicc.reporting import manifest

    assert list(manifest.verify(pytester.path / "cut")) == []
    done = plugin_runs.run(pytester, "es10c", "--euicc-resume", "cut")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    done.stderr.fnmatch_lines(["*--euicc-resume cut: that run was completed; there is nothing to resume"])


def test_a_killed_run_with_workers(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(stopper=KILL)
    pytester.syspathinsert()
    (pytester.path / "stop").touch()
    killed = plugin_runs.run_alone(pytester, "es10c", *CHOSEN, "--euicc-report", "cut", "-p", "stopper")
    assert killed.ret == -signal.SIGKILL
    (pytester.path / "stop").unlink()
    before = len(list((pytester.path / "cut" / "exchanges").glob("*")))
    resumed = plugin_runs.run_alone(pytester, "es10c", "--euicc-resume", "cut", *CHOSEN[4:], "-n", "2")
    assert resumed.ret == pytest.ExitCode.TESTS_FAILED
    run = record(pytester.path / "cut")
    assert run["finished"]
    assert run["seed"] == "resume"
    assert len({entry["id"] for entry in run["sequences"]}) == len(run["sequences"]) == len(run["chosen"])
    assert all(entry["verdict"] != "not finished" for entry in run["sequences"])
    assert len(list((pytester.path / "cut" / "exchanges").glob("*"))) > before


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was cut short after its first sequences."""
    folder = tmp_path_factory.mktemp("cut")
    (folder / "stopper.py").write_text(STOP)
    (folder / "stop").touch()
    suite = ("--pyargs", "pytest_euicc.suites.test_es10c", "-p", "no:cacheprovider")
    run = PytestRun([*suite, *CHOSEN, "--euicc-report", "cut", "-p", "stopper"], folder)
    reported, _ = run.communicate(timeout=120)
    assert run.returncode == pytest.ExitCode.INTERRUPTED, reported
    return folder / "cut"


DECLARATION = "name: Another\niut: euicc\nversion: '2.6'\n"
VECTOR = """\
case: TC_ACME_More
title: More
iut: euicc
interface: acme
clauses: { sgp22: ["5.7.7"] }
sequences:
  - { id: "01", title: More, requirement: A challenge is given (5.7.7)., steps: [es10b.get_euicc_challenge] }
"""


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        (["--euicc-seed", "another"], "the seed of that run is resume, not another; omit --euicc-seed"),
        (["--euicc-declaration", "another.yaml"], "the declaration is not that of that run, Simulated eUICC*"),
        (["--euicc-vectors", "more.yaml"], "the vectors are not those of that run (--euicc-vectors)"),
        (["--euicc-defect", "short-challenge"], "that run had --euicc-defect long-nickname"),
        (["--euicc-report", "elsewhere"], "the report is continued in that folder; omit --euicc-report elsewhere"),
    ],
)
def test_what_must_be_the_same(cut: Path, pytester: pytest.Pytester, options: list[str], reported: str) -> None:
    shutil.copytree(cut, "cut")
    (pytester.path / "another.yaml").write_text(DECLARATION)
    (pytester.path / "more.yaml").write_text(VECTOR)
    switched = () if "--euicc-defect" in options else CHOSEN[4:]
    before = (pytester.path / "cut" / "run.json").read_bytes()
    done = plugin_runs.run(pytester, "es10c", "--euicc-resume", "cut", *switched, *options)
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    lines = [line for line in (done.stderr.lines + done.stdout.lines) if "--euicc-resume cut" in line]
    assert len(lines) == 1, lines
    pytest.LineMatcher(lines).fnmatch_lines([f"*--euicc-resume cut: {reported}*"])
    assert (pytester.path / "cut" / "run.json").read_bytes() == before


def test_a_folder_that_was_changed(cut: Path, pytester: pytest.Pytester) -> None:
    shutil.copytree(cut, "cut")
    file = pytester.path / "cut" / "sequences" / "main.jsonl"
    file.write_text(file.read_text().replace('"pass"', '"fail"'))
    done = plugin_runs.run(pytester, "es10c", "--euicc-resume", "cut", *CHOSEN[4:])
    done.stderr.fnmatch_lines(["*Only an unchanged run can be resumed*"])


def test_another_card(cut: Path) -> None:
    resumed = ResumedRun(cut)
    resumed.check_card({"eid": record(cut)["card"]["eid"]})
    reported = (
        "that run was on the card with EID 8904.*, but the card in pcsc: A has EID 89049032123451234512345678901332"
    )
    with pytest.raises(OptionError, match=reported):
        resumed.check_card({"eid": "89049032123451234512345678901332", "reader": "pcsc: A"})
