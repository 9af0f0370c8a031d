"""Runs of pytest inside a test: in this process where it can be, on one suite instead of all of them."""

from __future__ import annotations

import importlib
import pkgutil
import warnings
from contextlib import suppress
from pathlib import Path

import pytest

import pytest_euicc

GROUPS = "pytest_euicc.suites"


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
    return pytester.runpytest_subprocess(*arguments(suite, given))


def run_tests(pytester: pytest.Pytester, *given: str) -> pytest.RunResult:
    """Run the tests that are in the folder, in this process."""
    return _here(pytester, ["-p", "no:cacheprovider", *given])
