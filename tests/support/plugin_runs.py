"""Runs of pytest inside a test: in this process where it can be, on one suite instead of all of them."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

import pytest_euicc
from tests.support.forked import PytestRun

GROUPS = "pytest_euicc.suites"
_PATIENCE = 300.0


# pytester forgets the modules that were first imported during its test; to import them once more would register every
# action twice.
for _module in pkgutil.walk_packages(pytest_euicc.__path__, f"{pytest_euicc.__name__}."):
    with suppress(ImportError):
        importlib.import_module(_module.name)


def arguments(suite: str, given: tuple[str | Path, ...]) -> list[str]:
    """For the suites of interfaces, such as ``es10c`` or ``es10b es10c``."""
    return [
        "--pyargs",
        *(f"{GROUPS}.test_{name}" for name in suite.split()),
        "-p",
        "no:cacheprovider",
        *map(str, given),
    ]


def _here(pytester: pytest.Pytester, given: list[str]) -> pytest.RunResult:
    with warnings.catch_warnings():
        # The plugin is loaded already.
        warnings.simplefilter("ignore", pytest.PytestAssertRewriteWarning)
        return pytester.runpytest_inprocess(*given)


def run(pytester: pytest.Pytester, suite: str, *given: str | Path) -> pytest.RunResult:
    """Run a suite in this process."""
    return _here(pytester, arguments(suite, given))


def run_alone(pytester: pytest.Pytester, suite: str, *given: str | Path) -> pytest.RunResult:
    """Run a suite in a process of its own, as workers and signals need."""
    return run_process(pytester, *arguments(suite, given))


def run_process(pytester: pytest.Pytester, *given: str | Path) -> pytest.RunResult:
    """Run pytest in a process of its own; both streams are in ``stdout`` of the result."""
    temporary = Path(tempfile.mkdtemp(dir=pytester.path, prefix="run-")) / "tmp"
    begun = time.monotonic()
    process = PytestRun([f"--basetemp={temporary}", *map(str, given)], pytester.path)
    with suppress(subprocess.TimeoutExpired):
        process.wait(_PATIENCE)
    process.kill()
    lines = process.communicate()[0].splitlines()
    for line in lines:
        print(line)
    assert process.returncode is not None
    try:
        status: pytest.ExitCode | int = pytest.ExitCode(process.returncode)
    except ValueError:
        status = process.returncode
    return pytest.RunResult(status, lines, [], time.monotonic() - begun)


def run_tests(pytester: pytest.Pytester, *given: str) -> pytest.RunResult:
    """Run the tests that are in the folder, in this process."""
    return _here(pytester, ["-p", "no:cacheprovider", *given])
