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
        """
        # The socket itself may be handed over to another object meanwhile, and that of the ssl module must not be
        # touched by two threads.
        twin = socket.socket(connection.family, connection.type, fileno=os.dup(connection.fileno()))
        cut = threading.Timer(self.left(), _shut, [twin])
        cut.daemon = True
        cut.start()
        try:
            yield
        except OSError:
            self.left()
            raise
        finally:
            cut.cancel()
            cut.join()
            twin.close()

    def resolve(self, host: str, port: int) -> list[tuple[Any, ...]]:
        """What getaddrinfo gives; raises gaierror and TimeoutError.

        A resolver cannot be interrupted, so that one that does not answer in time is left to itself.
        """
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


def _shut(connection: socket.socket) -> None:
    with suppress(OSError):  # not connected any more
        connection.shutdown(socket.SHUT_RDWR)
