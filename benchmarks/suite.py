"""The whole suite: by the engine alone, through pytest, with Allure; and what the engine's time is made of.

All times are the processor's, of the process and those that it starts: others on the machine count less than by the
clock. Where a figure has a goal, it stands beside it.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.shares import measured
from pytest_euicc import resources
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.harness import open_harness, open_smdp_harness
from pytest_euicc.iut.inputs import load_cases
from pytest_euicc.options import Options

_SEED = "bench"
_CARD = 0.02
"""Seconds of an APDU on a card in a reader, about."""
_ONE = "TC_eUICC_ATR_And_ISDR_Selection_01"
_LPA = "test_lpad.py"
"""The suite of an LPA, which is a process of its own: its time is not that of the engine."""


class _Run(NamedTuple):
    seconds: float
    sequences: int
    executed: int
    apdus: int


def lines() -> Iterator[str]:
    """Figures of one run each, of the engine the fastest of three; one before warms up, and its time is not counted."""
    cases = [case for case in load_cases(Options()) if case.iut in ("euicc", "smdp")]
    _engine(cases)
    euicc = _fastest([case for case in cases if case.iut == "euicc"])
    yield f"the engine, eUICC suite: {_reported(euicc)}"
    both = _fastest(cases)
    yield f"the engine, with the SM-DP+: {_reported(both)}"
    with measured() as shares:
        wrapped = _engine(cases).seconds
    parts = {**shares.seconds, "engine (states, steps, matchers, channels)": wrapped - sum(shares.seconds.values())}
    for name, seconds in sorted(parts.items(), key=lambda part: -part[1]):
        calls = f"  {shares.calls[name]} calls" if shares.calls[name] else ""
        yield f"    {name:<43} {seconds / wrapped:5.1%}{calls}"
    _pytest("--collect-only")
    bare, nothing = _bare(), _pytest("--collect-only")
    one, plain = _pytest("-k", _ONE), _pytest()
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        allure = _pytest("--alluredir", folder)
        alone = _allure_alone(Path(folder))
    yield f"pytest without the plugin:    {bare:6.2f} s"
    yield f"pytest --collect-only:        {nothing:6.2f} s  {nothing / bare:5.2f} × without the plugin (goal: 0.5 s)"
    yield f"pytest, one sequence:         {one:6.2f} s  {one / both.seconds:5.2f} × the engine: to start, open and end"
    yield f"pytest, whole suite:          {plain:6.2f} s  {plain / both.seconds:5.2f} × the engine"
    yield f"pytest with --alluredir:      {allure:6.2f} s  {allure / both.seconds:5.2f} × the engine (goal: 1.6 ×)"
    yield f"pytest and Allure alone:      {alone:6.2f} s  {alone / both.seconds:5.2f} × the engine: as much to report"
    on_card = allure / (allure + both.apdus * _CARD)
    yield f"of a run on a card of {_CARD * 1000:.0f} ms an APDU pytest with Allure is {on_card:.1%} (goal: 5 %)"


def _reported(run: _Run) -> str:
    """A sequence that does not apply takes next to no time, so that only those that run count."""
    return (
        f"{run.executed} sequences run, {run.sequences - run.executed} not applicable, {run.apdus} APDUs in "
        f"{run.seconds:.2f} s: {run.executed / run.seconds:.0f} sequences/s (goal: 350), "
        f"{run.apdus / run.seconds:.0f} APDUs/s"
    )


def _fastest(cases: list[Case]) -> _Run:
    """Whatever else the machine does only adds to the time of a run."""
    return min((_engine(cases) for _ in range(3)), key=lambda run: run.seconds)


def _engine(cases: list[Case]) -> _Run:
    """All cases on the implementations of their sides."""
    harnesses = {"euicc": open_harness(Options(seed=_SEED)), "smdp": open_smdp_harness(Options(seed=_SEED))}
    runners = {iut: Runner(harness.session) for iut, harness in harnesses.items()}
    started = time.process_time()
    results = [runners[case.iut].run(case, sequence) for case in cases for sequence in case.sequences]
    taken = time.process_time() - started
    for harness in harnesses.values():
        harness.close()
    apdus = sum(result.apdus for result in results)
    return _Run(taken, len(results), sum(result.verdict is not Verdict.NOT_APPLICABLE for result in results), apdus)


def _pytest(*arguments: str) -> float:
    """Seconds of pytest over the suites in a separate process."""
    suites = [str(path) for path in sorted(resources.suites().glob("test_*.py")) if path.name != _LPA]
    return _process(*suites, *arguments)


def _bare() -> float:
    """Seconds of the collection of one test that is none of ours."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "test_nothing.py").write_text("def test_nothing(): pass\n", encoding="utf-8")
        own = ("-p", "no:pytest_euicc", "-p", "no:allure_pytest", "-p", "no:xdist", "-p", "no:anyio")
        return _process(folder, "--collect-only", *own)


_STEPS = """
import allure, pytest

@pytest.mark.parametrize("number", range({tests}))
def test_nothing(number):
    if number >= {applicable}:
        pytest.skip("not applicable")
    for _ in range({steps}):
        with allure.step("a step"):
            for _ in range({attachments}):
                allure.attach("x" * {octets}, "an attachment", allure.attachment_type.TEXT)
"""


def _allure_alone(results: Path) -> float:
    """Seconds of a run of tests that do nothing but report about as much as one of ours did, whose results these are.

    It is what remains of a run with Allure if all that is ours takes no time.
    """
    reported = [json.loads(path.read_bytes()) for path in results.glob("*-result.json")]
    applicable = sum(each["status"] != "skipped" for each in reported)
    steps = sum(len(each.get("steps", [])) for each in reported)
    sizes = [path.stat().st_size for path in results.glob("*-attachment.txt")]
    source = _STEPS.format(
        tests=len(reported),
        applicable=applicable,
        steps=round(steps / applicable),
        attachments=round(len(sizes) / steps),
        octets=round(sum(sizes) / len(sizes)),
    )
    with tempfile.TemporaryDirectory(dir=_memory()) as folder:
        (Path(folder) / "test_nothing.py").write_text(source, encoding="utf-8")
        return _process(folder, "-p", "no:pytest_euicc", "--alluredir", str(Path(folder) / "results"))


def _memory() -> str | None:
    """A folder in memory: what the file system of a disk takes for thousands of small files depends on its past."""
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def _process(*arguments: str) -> float:
    # hypothesis is for the tests of the harness; its plugin takes half a second where it is installed.
    plugins = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    command = [sys.executable, "-m", "pytest", "-q", *plugins, *arguments]
    # Without compiled modules every start would compile them anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    before = _children()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"pytest {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return _children() - before


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
