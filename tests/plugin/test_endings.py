"""Ways in which a run ends before its end: signals, and workers that die."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.plugin_runs import run_alone

THREE = """
case: TC_Own
title: Own vectors
iut: euicc
interface: own
clauses: {sgp22: ["5.7.20"]}
origin: own
sequences:
"""
ENDS = """
import os
import signal

import pytest

# What nohup or a shell has its jobs ignore is ignored by pytest as well.
signal.signal(signal.SIGHUP, signal.SIG_DFL)

@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    if "_02" in item.name:
        os.kill(os.getpid(), signal.%s)
"""


@pytest.fixture
def own(pytester: pytest.Pytester) -> Path:
    steps = "    given: [isdr_selected]\n    steps: [es10c.get_eid]\n"
    sequences = [f'  - id: "{number:02}"\n    title: Number {number}\n{steps}' for number in (1, 2, 3)]
    pytester.makefile(".yaml", own=THREE + "".join(sequences))
    pytester.syspathinsert()
    return pytester.path / "own.yaml"


def results(folder: Path) -> dict[str, Any]:
    data = json.loads((folder / "run.json").read_text())
    ended = data["sequences"]
    for file in (folder / "sequences").glob("*.jsonl") if not ended else ():
        ended = [line for line in map(json.loads, file.read_text().splitlines()) if "verdict" in line]
    return {entry["id"]: entry["verdict"] for entry in ended}


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_the_run_with_its_reports(pytester: pytest.Pytester, own: Path, name: str) -> None:
    pytester.makepyfile(ends=ENDS % name)
    result = run_alone(pytester, "others", "-p", "ends", "--euicc-vectors", own, "--euicc-report", "out")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    assert results(pytester.path / "out") == {"TC_Own_01": "pass"}
    result.stdout.fnmatch_lines(["own *1 pass"])


def test_a_worker_that_dies_leaves_its_sequence_in_the_results(pytester: pytest.Pytester, own: Path) -> None:
    pytester.makepyfile(ends=ENDS % "SIGKILL")
    given = ("-p", "ends", "-n", "1", "--euicc-vectors", own, "--euicc-report", "out")
    result = run_alone(pytester, "others", *given)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(["own *2 pass, 1 not finished"])
