"""The suite of an LPA on our own one, by the engine alone."""

from __future__ import annotations

import time
from collections.abc import Iterator

from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.harness import open_lpa_harness
from pytest_euicc.iut.inputs import load_cases
from pytest_euicc.options import Options


def lines() -> Iterator[str]:
    """The fastest of three runs; one before warms up, and its time is not counted."""
    cases = [case for case in load_cases(Options()) if case.iut == "lpa"]
    harness = open_lpa_harness(Options(seed="bench"))
    try:
        runner = Runner(harness.session)
        _run(runner, cases)
        count, taken, busy = min((_run(runner, cases) for _ in range(3)), key=lambda run: run[-1])
    finally:
        harness.close()
    yield (
        f"our LPA, the engine alone: {count} sequences run in {taken:.2f} s, {count / taken:.0f} a second, "
        f"{count / busy:.0f} a second of processor time (goal: 100)"
    )


def _run(runner: Runner, cases: list[Case]) -> tuple[int, float, float]:
    """Sequences that ran, as one that does not apply takes next to no time; seconds, and those of the processor."""
    started, busy = time.perf_counter(), time.process_time()
    results = [runner.run(case, sequence) for case in cases for sequence in case.sequences]
    taken, busy = time.perf_counter() - started, time.process_time() - busy
    return sum(result.verdict is not Verdict.NOT_APPLICABLE for result in results), taken, busy
