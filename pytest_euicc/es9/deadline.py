"""One time limit for a whole exchange, however many waits it is made of."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any


class Deadline:
    """A point in time after which nothing is waited for.

    Args:
        seconds: from now.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds that are left; raises TimeoutError where there are none."""
        left = self._end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def limit(self, connection: socket.socket) -> None:
        """The next wait on a connection ends with the time; raises TimeoutError."""
        connection.settimeout(self.left())

    @contextmanager
    def guard(self, connection: socket.socket) -> Iterator[None]:
        """Within, the connection is cut when the time is over; raises TimeoutError then.

        A limit on each wait is not enough for TLS: OpenSSL passes over what means nothing (RFC 5246 7.4.1.1) for as
        long as it keeps coming, within one call.

        Args:
            connection: another object for it (`another`), as that of the ssl module must not be touched by two threads.
        """
        self.left()
        _cuts.add(connection, self._end)
        try:
            yield
        except OSError:
            self.left()
            raise
        finally:
            _cuts.remove(connection)

    def resolve(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """What getaddrinfo gives; raises gaierror and TimeoutError.

        A resolver cannot be interrupted, so that one that does not answer in time is left to itself.
        """
        with suppress(socket.gaierror):
            # An address as it is needs none.
            return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        found: list[list[tuple[Any, ...]]] = []
        faults: list[OSError] = []

        def ask() -> None:
            try:
                found.append(list(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)))
            except OSError as error:
                faults.append(error)

        asking = threading.Thread(target=ask, name=f"resolve {host}", daemon=True)
        asking.start()
        asking.join(self.left())
        if faults:
            raise faults[0]
        if not found:
            raise TimeoutError
        return found[0]

    def connect(self, host: str, port: int) -> socket.socket:
        """A TCP connection to the first address of a host that takes one; raises OSError."""
        fault: OSError = OSError(f"{host} has no address")
        for family, kind, protocol, _, where in self.resolve(host, port):
            connection = socket.socket(family, kind, protocol)
            try:
                self.limit(connection)
                connection.connect(where)
            except TimeoutError:
                connection.close()
                raise
            except OSError as error:
                connection.close()
                fault = error
            else:
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return connection
        raise fault


def another(connection: socket.socket) -> socket.socket:
    """Another object for the same connection, to be closed as well."""
    return socket.socket(connection.family, connection.type, fileno=os.dup(connection.fileno()))


class _Cuts:
    """Cuts connections when their time is over, in one thread for all: a thread for each costs as much as a request."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._ends: dict[socket.socket, float] = {}
        self._runs = False
        self._next = 0.0

    def add(self, connection: socket.socket, end: float) -> None:
        """Cut the connection at a time of `time.monotonic`, unless it is removed before."""
        with self._changed:
            self._ends[connection] = end
            if not self._runs:
                self._runs, self._next = True, end
                threading.Thread(target=self._run, name="deadlines", daemon=True).start()
            elif end < self._next:
                self._changed.notify()

    def remove(self, connection: socket.socket) -> None:
        """Leave the connection alone from here on."""
        with self._changed:
            self._ends.pop(connection, None)

    def _run(self) -> None:
        with self._changed:
            # With nothing to cut it stays until the time that it last waited for: the next request is near as a rule.
            while self._ends or time.monotonic() < self._next:
                now = time.monotonic()
                for connection in [each for each, end in self._ends.items() if end <= now]:
                    del self._ends[connection]
                    _shut(connection)
                self._next = min(self._ends.values(), default=self._next)
                self._changed.wait(max(self._next - now, 0))
            self._runs = False


_cuts = _Cuts()


def _fresh() -> None:
    """A forked process has no thread but its own."""
    global _cuts
    _cuts = _Cuts()


# Windows does not fork.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_fresh)


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # not connected any more
        connection.shutdown(socket.SHUT_RDWR)
