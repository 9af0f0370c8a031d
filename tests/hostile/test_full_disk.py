"""A disk that is full: the run ends, its results so far are in a place that has room, and it says where."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from pytest_euicc.reporting.recorder import RunRecorder
from tests.support.plugin_runs import run_alone

VECTORS = """
case: TC_Own
title: Own vectors
iut: euicc
interface: own
clauses: {sgp22: ["5.7.20"]}
origin: own
sequences:
"""
FULL = """
import errno
import io

import pytest

_open, _left = io.open, [8]

def full(file, mode="r", *arguments, **named):
    if "/full/" in str(file) and "w" in mode:
        _left[0] -= 1
        if _left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
    return _open(file, mode, *arguments, **named)

io.open = full
__builtins__["open"] = full
"""
"""A folder of this name takes eight files, as on a disk that has no more room."""


@pytest.fixture
def own(pytester: pytest.Pytester) -> Path:
    steps = "    given: [isdr_selected]\n    steps: [es10c.get_eid]\n"
    sequences = [f'  - id: "{number:02}"\n    title: Number {number}\n{steps}' for number in range(1, 7)]
    pytester.makefile(".yaml", own=VECTORS + "".join(sequences))
    pytester.syspathinsert()
    return pytester.path / "own.yaml"


@pytest.mark.parametrize("workers", [(), ("-n", "1")])
def test_allures_results_go_elsewhere(pytester: pytest.Pytester, own: Path, workers: tuple[str, ...]) -> None:
    pytester.makepyfile(full=FULL)
    result = run_alone(pytester, "others", "-p", "full", "--euicc-vectors", own, "--alluredir", "full/allure", *workers)
    said = result.stdout.str()
    assert result.ret == pytest.ExitCode.INTERRUPTED, said
    assert "Traceback" not in said
    # No verdict changes for it.
    counted = re.search(r"^own +(\d) pass$", said, re.MULTILINE)
    assert counted, said
    assert set(result.parseoutcomes()) <= {"passed", "deselected"}, said
    found = re.search(r"--alluredir .*full/allure: the disk is full; all results are in (\S+)", said)
    assert found, said
    folder = Path(found[1])
    tests = [json.loads(path.read_text()) for path in folder.glob("*-result.json")]
    assert len(tests) == int(counted[1]) < 6
    attached = [each["source"] for test in tests for step in test["steps"] for each in step.get("attachments", [])]
    assert attached
    assert all((folder / name).is_file() for name in attached)
    assert (folder / "environment.properties").is_file()


def test_junit_goes_elsewhere(pytester: pytest.Pytester, own: Path) -> None:
    result = run_alone(pytester, "others", "--euicc-vectors", own, "--junitxml", "/dev/full")
    said = result.stdout.str()
    assert "Traceback" not in said
    assert result.ret == pytest.ExitCode.INTERNAL_ERROR, said
    result.stdout.fnmatch_lines(["own *6 pass"])
    found = re.search(r"--junitxml /dev/full: No space left on device; it is in (\S+)", said)
    assert found, said
    assert len(ElementTree.parse(found[1]).findall(".//testcase")) == 6
    assert Path("/dev/full").exists()


class _Full:
    def close(self) -> None:
        raise OSError(28, "No space left on device")


def test_evidence_that_cannot_be_flushed_is_a_fault_and_no_error(tmp_path: Path) -> None:
    recorder = RunRecorder(tmp_path, "main")
    full: Any = _Full()
    recorder._sequences.close()
    recorder._sequences = full
    recorder.close()
    assert recorder.fault == "the evidence of the run cannot be written: No space left on device"
    assert recorder._exchanges.closed
