"""Workers of pytest-xdist in a run that was forked: forked as well, instead of an interpreter that imports it all.

A helper process beside the run, of the same session, forks each worker before pytest has loaded anything.
"""

from __future__ import annotations

import os
import pickle
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

from execnet import gateway_io
from execnet.gateway_base import Popen2IO

_LARGEST = 1 << 20
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def fork_workers() -> None:
    """From here on, this process has its workers forked; it must not have threads yet."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    if os.fork() == 0:
        ours.close()
        _serve(theirs)
    theirs.close()

    class Forked(gateway_io.Popen2IOMaster):
        """As of a process that was started, for workers with the interpreter of this process."""

        def __init__(self, args: list[str], execmodel: Any) -> None:
            if args[0] != sys.executable or args[-1] != gateway_io.popen_bootstrapline:
                super().__init__(args, execmodel)
                return
            self.popen = _Worker(ours)
            Popen2IO.__init__(self, self.popen.stdin, self.popen.stdout, execmodel=execmodel)

    vars(gateway_io)["Popen2IOMaster"] = Forked


class _Worker:
    """What execnet uses of ``subprocess.Popen``."""

    def __init__(self, helper: socket.socket) -> None:
        its_input, stdin = os.pipe()
        stdout, its_output = os.pipe()
        self._alive, its_life = os.pipe()
        request = pickle.dumps((str(Path.cwd()), dict(os.environ)))
        handed = (its_input, its_output, 2, its_life)
        socket.send_fds(helper, [request], handed)
        for handle in (its_input, its_output, its_life):
            os.close(handle)
        self.stdin, self.stdout = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb")
        self.pid = int(helper.recv(32))

    def wait(self) -> int:
        """Its end: nothing is ever written to what it alone holds open. How it ended is not known."""
        os.read(self._alive, 1)
        return 0

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


def _serve(requests: socket.socket) -> NoReturn:
    """Fork a worker at each request, until the run has ended."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    # Nobody waits for them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        request, handles, *_ = socket.recv_fds(requests, _LARGEST, 4)
        if not request:
            os._exit(0)
        pid = os.fork()
        if pid == 0:
            requests.close()
            _work(handles, *pickle.loads(request))
        for handle in handles:
            os.close(handle)
        requests.send(str(pid).encode())


def _work(handles: list[int], folder: str, environment: dict[str, str]) -> NoReturn:
    """What the interpreter that execnet starts does. The last handle stays open as long as the process lives."""
    status = 1
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number in (*_SIGNALS[1:], signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        for handle, stream in zip(handles[:3], range(3), strict=True):
            os.dup2(handle, stream)
            os.close(handle)
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(folder)
        sys.argv = ["-c"]
        sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
        exec(eval(sys.stdin.readline()), {"__name__": "__main__"})
        status = 0
    finally:
        for written in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                written.flush()
        os._exit(status)
