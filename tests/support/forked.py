"""Processes that start at once: forked from one that has imported the package already, and runs no threads."""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import sys
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

import pytest_euicc

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    [
        *("allure_pytest.plugin", "allure_pytest.listener", "pytest", "xdist.dsession", "xdist.workermanage"),
        *(module.name for module in pkgutil.walk_packages(pytest_euicc.__path__, f"{pytest_euicc.__name__}.")),
    ]
)


def pytest_process(arguments: list[str], folder: Path, output: Path) -> BaseProcess:
    """Pytest in a process of its own, running; what it writes to both streams goes into the file.

    Its environment is that of the caller; modules of the folder can be imported, as in a subprocess of pytester.
    """
    process = _PROCESSES.Process(target=_run, args=(arguments, str(folder), str(output), dict(os.environ)))
    process.start()
    return process


def _run(arguments: list[str], folder: str, output: str, environment: dict[str, str]) -> None:
    os.environ.clear()
    paths = [folder, environment.get("PYTHONPATH", "")]
    os.environ.update(environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths))})
    os.chdir(folder)
    file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for stream in (1, 2):
        os.dup2(file, stream)
    sys.path.insert(0, folder)
    sys.argv = ["pytest", *arguments]
    # What is loaded already cannot be rewritten, and need not be: it is the package, not its tests.
    sys.exit(pytest.main(["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning", *arguments]))
