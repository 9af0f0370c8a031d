"""The whole suite: by the engine alone, through pytest, with Allure; and what the engine's time is made of."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

from benchmarks.shares import measured
from pytest_euicc import resources
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.harness import open_harness, open_smdp_harness
from pytest_euicc.iut.inputs import load_cases
from pytest_euicc.options import Options

_SEED = "bench"


def lines() -> Iterator[str]:
    """Figures of one run each; the first run of the engine warms up, and its time is not counted."""
    cases = load_cases(Options())
    _engine(cases)
    alone, count, apdus = _engine(cases)
    with measured() as shares:
        wrapped, _, _ = _engine(cases)
    yield f"the engine alone: {count} sequences, {apdus} APDUs in {alone:.2f} s, {count / alone:.0f} sequences/s"
    parts = {**shares.seconds, "engine (states, steps, matchers, channels)": wrapped - sum(shares.seconds.values())}
    for name, seconds in sorted(parts.items(), key=lambda part: -part[1]):
        calls = f"  {shares.calls[name]} calls" if shares.calls[name] else ""
        yield f"    {name:<43} {seconds / wrapped:5.1%}{calls}"
    nothing = _pytest("--collect-only")
    plain = _pytest()
    with tempfile.TemporaryDirectory() as folder:
        allure = _pytest("--alluredir", folder)
    two = _pytest("-n", "2")
    yield f"pytest, start and collection: {nothing:6.2f} s  {nothing / alone:5.2f} × the engine"
    yield f"pytest, whole suite:          {plain:6.2f} s  {plain / alone:5.2f} × the engine"
    yield f"pytest with --alluredir:      {allure:6.2f} s  {allure / plain:5.2f} × without"
    yield f"pytest with -n 2:             {two:6.2f} s  {two / plain:5.2f} × one process"


def _engine(cases: list[Case]) -> tuple[float, int, int]:
    """Seconds, sequences and APDUs of all cases, both sides. A server stops at its next tick: that is not counted."""
    harnesses = {"euicc": open_harness(Options(seed=_SEED)), "smdp": open_smdp_harness(Options(seed=_SEED))}
    runners = {iut: Runner(harness.session) for iut, harness in harnesses.items()}
    started = time.perf_counter()
    results = [runners[case.iut].run(case, sequence) for case in cases for sequence in case.sequences]
    taken = time.perf_counter() - started
    for harness in harnesses.values():
        harness.close()
    return taken, len(results), sum(result.apdus for result in results)


def _pytest(*arguments: str) -> float:
    """Seconds of pytest over the suites in a separate process."""
    # hypothesis is for the tests of the harness; its plugin takes half a second where it is installed.
    plugins = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    command = [sys.executable, "-m", "pytest", str(resources.suites()), "-q", *plugins, *arguments]
    # Without compiled modules every start would compile them anew.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode:
        raise SystemExit(f"pytest {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}")
    return time.perf_counter() - started
