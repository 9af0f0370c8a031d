"""Workers of pytest-xdist that are forked, instead of an interpreter that imports it all."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

from execnet import gateway_io
from execnet.gateway_base import Popen2IO

from tests.support.fork_server import serve
from tests.support.forked import Forked


def fork_workers(server: socket.socket) -> None:
    """From here on, workers with the interpreter of this process are forked by a server."""

    class Forking(gateway_io.Popen2IOMaster):
        """As of a process that was started."""

        def __init__(self, args: list[str], execmodel: Any) -> None:
            if args[0] != sys.executable or args[-1] != gateway_io.popen_bootstrapline:
                super().__init__(args, execmodel)
                return
            its_input, stdin = os.pipe()
            stdout, its_output = os.pipe()
            handles = (its_input, its_output, 2)
            self.popen = Forked(_work, str(Path.cwd()), dict(os.environ), handles=handles, server=server)
            for handle in handles[:2]:
                os.close(handle)
            Popen2IO.__init__(self, os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb"), execmodel=execmodel)

    vars(gateway_io)["Popen2IOMaster"] = Forking


def fork_workers_here() -> None:
    """The same, by a helper process of the same session, which has loaded what this one has; it has no threads yet."""
    asking, requests = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    alive, ours = os.pipe()
    if os.fork() == 0:
        asking.close()
        os.close(ours)
        serve(requests, alive)
        os._exit(0)
    requests.close()
    os.close(alive)
    fork_workers(asking)


def _work(folder: str, environment: dict[str, str], handles: list[int]) -> None:
    """What the interpreter that execnet starts does."""
    for stream, handle in enumerate(handles):
        os.dup2(handle, stream)
        os.close(handle)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["-c"]
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    exec(eval(sys.stdin.readline()), {"__name__": "__main__"})
