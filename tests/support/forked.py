"""Processes that start at once: forked from one that has imported the package already, and runs no threads."""

from __future__ import annotations

import atexit
import os
import pickle
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc import cli
from tests.support.fork_server import NUMBER

_CHECKOUT = Path(__file__).parents[2]
_ADDRESS = "PYTEST_EUICC_TESTS_FORKS"


@cache
def warm() -> socket.socket:
    """Where to ask for a process; whoever asks first starts the one that is forked, and it ends with that."""
    asking = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    if _ADDRESS not in os.environ:
        folder = tempfile.TemporaryDirectory(prefix="pytest-euicc-forks-")
        os.environ[_ADDRESS] = f"{folder.name}/requests"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as requests:
            requests.bind(os.environ[_ADDRESS])
            # With -c, modules are found in the folder that each process then works in.
            process = subprocess.Popen(
                [sys.executable, "-c", "from tests.support.warm import main; main()", str(requests.fileno())],
                cwd=_CHECKOUT,
                stdin=subprocess.PIPE,
                pass_fds=[requests.fileno()],
            )
        atexit.register(folder.cleanup)
        atexit.register(process.communicate)
    asking.connect(os.environ[_ADDRESS])
    return asking


class Forked:
    """A process that calls a function, with methods of ``subprocess.Popen``.

    The function can be imported; its last argument are the handles that the process is given.
    """

    def __init__(
        self,
        function: Callable[..., None],
        *arguments: Any,
        handles: Sequence[int] = (),
        server: socket.socket | None = None,
    ) -> None:
        self._connection, theirs = socket.socketpair()
        with theirs:
            socket.send_fds(server or warm(), [b"."], [theirs.fileno(), *handles])
        with self._connection.makefile("wb") as stream:
            pickle.dump((function, arguments), stream)
        self.pid = self._number()
        self.returncode: int | None = None
        """None while it is not known to have ended, and the negative number of the signal that ended it."""

    def __del__(self) -> None:
        self._connection.close()

    def _number(self) -> int:
        (number,) = NUMBER.unpack(self._connection.recv(NUMBER.size, socket.MSG_WAITALL))
        return int(number)

    def poll(self) -> int | None:
        """Its exit status, if it has ended."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, once it has ended; raises ``subprocess.TimeoutExpired``."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("forked", timeout or 0)
            self.returncode = self._number()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """End it, if it still runs."""
        self.send_signal(signal.SIGKILL)


class Command(Forked):
    """``pytest-euicc`` with arguments, in a session of its own; both its streams are read from ``output``."""

    def __init__(self, *arguments: str | Path) -> None:
        reading, writing = os.pipe()
        super().__init__(_command, list(map(str, arguments)), dict(os.environ), handles=[writing])
        os.close(writing)
        self.output = os.fdopen(reading)

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it by a signal, within ten seconds."""
        self.send_signal(number)
        self.wait(10)
        self.output.close()


def _command(arguments: list[str], environment: dict[str, str], handles: list[int]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    os.setsid()
    _redirect(handles[0])
    sys.exit(cli.main(arguments))


class PytestRun(Forked):
    """Pytest in a process and session of its own; both streams go into a file, or to the terminal that is given.

    Its environment is that of the caller; modules of the folder can be imported, as in a subprocess of pytester.
    """

    def __init__(self, arguments: list[str], folder: Path, terminal: str = "") -> None:
        self._streams = tempfile.NamedTemporaryFile(prefix="pytest-run-")  # noqa: SIM115  (it lives as long as this)
        super().__init__(_run, arguments, str(folder), terminal or self._streams.name, dict(os.environ))

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """What it has written to both streams, once it has ended."""
        self.wait(timeout)
        return Path(self._streams.name).read_text(), None


def _run(arguments: list[str], folder: str, output: str, environment: dict[str, str], _: list[int]) -> None:
    os.environ.clear()
    paths = [folder, environment.get("PYTHONPATH", "")]
    os.environ.update(environment | {"PYTHONPATH": os.pathsep.join(filter(None, paths))})
    os.chdir(folder)
    _begin_session(os.open(output, os.O_RDWR))
    sys.path.insert(0, folder)
    sys.argv = ["pytest", *arguments]
    if not {"-n", "--tx"}.isdisjoint(arguments):
        from tests.support.forked_workers import fork_workers_here

        fork_workers_here()
    # What is loaded already cannot be rewritten, and need not be: it is the package, not its tests.
    sys.exit(pytest.main(["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning", *arguments]))


def _begin_session(output: int) -> None:
    os.setsid()
    if os.isatty(output):
        os.login_tty(output)
        os.environ["TERM"] = "xterm"
        sys.stdin = os.fdopen(0, closefd=False)
        output = 1
    _redirect(output)


def _redirect(output: int) -> None:
    for stream in (1, 2):
        os.dup2(output, stream)
    # The streams of the process that was forked know what it had there.
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
