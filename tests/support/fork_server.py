"""A process that forks itself when asked: what it has loaded, no process that it starts has to load.

A request is a datagram with handles: of the connection to who asks, and those that the new process is given. On the
connection come a function and its arguments, and go the number of the process and, at its end, its exit status.
"""

from __future__ import annotations

import os
import pickle
import selectors
import signal
import socket
import struct
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NoReturn

NUMBER = struct.Struct("!i")
_HANDLES = 8
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def serve(requests: socket.socket, alive: int) -> None:
    """Fork at each request, until the other end of *alive* is closed. There must be no threads."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    ended, theirs = socket.socketpair()
    for end in (ended, theirs):
        end.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    with selectors.DefaultSelector() as selector:
        for source in (requests, ended, alive):
            selector.register(source, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if alive in ready:
                return
            if ended in ready:
                ended.recv(4096)
                _bury(running)
            if requests in ready:
                _, (connection, *handles), *_ = socket.recv_fds(requests, 1, _HANDLES)
                pid = os.fork()
                if pid == 0:
                    signal.set_wakeup_fd(-1)
                    selector.close()
                    for other in (requests, ended, theirs, *running.values()):
                        other.close()
                    os.close(alive)
                    _begin(socket.socket(fileno=connection), handles)
                running[pid] = socket.socket(fileno=connection)
                _report(running[pid], pid)
                for handle in handles:
                    os.close(handle)


def _report(connection: socket.socket, number: int) -> None:
    with suppress(OSError):
        connection.sendall(NUMBER.pack(number))


def _bury(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as connection:
            _report(connection, os.waitstatus_to_exitcode(status))


def _begin(connection: socket.socket, handles: list[int]) -> NoReturn:
    """Be the new process: call the function that is asked for, and end."""
    # Who asks may be a job of a shell that ignores them.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (*_SIGNALS[1:], signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    status = 1
    try:
        with connection, connection.makefile("rb") as stream:
            function, arguments = pickle.load(stream)
        status = _called(function, *arguments, handles)
    finally:
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.current_thread():
                thread.join()
        for written in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                written.flush()
        os._exit(status)


def _called(function: Callable[..., Any], *arguments: Any) -> int:
    """The exit status of a program that does only that."""
    try:
        function(*arguments)
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
