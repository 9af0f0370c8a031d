"""Processes that start at once: forked from one that has imported the package already, and runs no threads."""

from __future__ import annotations

import multiprocessing
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from contextlib import chdir, suppress
from multiprocessing import forkserver
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest

import pytest_euicc

_CHECKOUT = Path(__file__).parents[2]
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(
    [
        *("allure_pytest.plugin", "allure_pytest.listener", "pytest", "xdist.dsession", "xdist.workermanage"),
        *(module.name for module in pkgutil.walk_packages(pytest_euicc.__path__, f"{pytest_euicc.__name__}.")),
        "tests.support.warm",
    ]
)


def pytest_process(arguments: list[str], folder: Path, output: Path) -> BaseProcess:
    """Pytest in a process and session of its own, running; both streams go into the file, or to the terminal.

    Its environment is that of the caller; modules of the folder can be imported, as in a subprocess of pytester.
    """
    # What it loads is found from its folder; a module that is not found would be left out without a word.
    with chdir(_CHECKOUT):
        forkserver.ensure_running()
    process = _PROCESSES.Process(target=_run, args=(arguments, str(folder), str(output), dict(os.environ)))
    process.start()
    return process


class PytestRun:
    """The same with the methods of ``subprocess.Popen``."""

    def __init__(self, arguments: list[str], folder: Path, output: Path | None = None) -> None:
        self._streams = tempfile.NamedTemporaryFile(prefix="pytest-run-")  # noqa: SIM115  (it lives as long as this)
        self._process = pytest_process(arguments, folder, output or Path(self._streams.name))
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs, and the negative number of the signal that ended it."""
        return self._process.exitcode

    def poll(self) -> int | None:
        """The same."""
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its end; raises ``subprocess.TimeoutExpired``."""
        self._process.join(timeout)
        if self.returncode is None:
            raise subprocess.TimeoutExpired("pytest", timeout or 0)
        return self.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """What it has written to both streams, once it has ended."""
        self.wait(timeout)
        return Path(self._streams.name).read_text(), None

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)


def _begin_session(output: int) -> None:
    if os.isatty(output):
        os.login_tty(output)
        os.environ["TERM"] = "xterm"
        sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode, closefd=False) for n, mode in enumerate("rww"))
    else:
        os.setsid()
        for stream in (1, 2):
            os.dup2(output, stream)


def _run(arguments: list[str], folder: str, output: str, environment: dict[str, str]) -> None:
    # The caller may be a job of a shell that ignores them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    os.environ.clear()
    paths = [folder, environment.get("PYTHONPATH", "")]
    os.environ.update(environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths))})
    os.chdir(folder)
    _begin_session(os.open(output, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600))
    sys.path.insert(0, folder)
    sys.argv = ["pytest", *arguments]
    if not {"-n", "--tx"}.isdisjoint(arguments):
        from tests.support.forked_workers import fork_workers

        fork_workers()
    # What is loaded already cannot be rewritten, and need not be: it is the package, not its tests.
    sys.exit(pytest.main(["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning", *arguments]))
