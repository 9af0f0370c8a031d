"""The wire protocol of vpcd, the virtual reader of the vsmartcard project: what both ends of the socket share.

Every message is two octets of length, high octet first, and that many octets. A message of one octet from the
reader is a control (off, on, reset, ask for the ATR); all longer ones are APDUs. Only APDUs and the question for
the ATR are answered.
"""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from enum import IntEnum

from pytest_euicc.errors import PytestEuiccError

PORT = 35963
"""Where vpcd listens, one port more for each further slot."""

MAX_MESSAGE = 0xFFFF


class Control(IntEnum):
    """Messages of one octet."""

    OFF = 0
    ON = 1
    RESET = 2
    ATR = 4


class ConnectionLost(PytestEuiccError):
    """The other end closed the connection or broke off in the middle of a message."""


class VpcdSocket:
    """Messages over a connected TCP socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        # Length and data may go out, or come in, in two segments. Nagle's algorithm on one side and delayed
        # acknowledgements on the other then cost 40 ms an APDU: send at once here, and acknowledge at once below.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, message: bytes) -> None:
        """Send one message; raises `ConnectionLost`, and ValueError when it is too long."""
        if len(message) > MAX_MESSAGE:
            raise ValueError(f"{len(message)} octets: a message of vpcd has at most {MAX_MESSAGE}")
        try:
            self._socket.sendall(len(message).to_bytes(2) + message)
        except TimeoutError:
            raise
        except OSError as fault:
            raise ConnectionLost(str(fault)) from fault

    def receive(self, seconds: float | None = None) -> bytes:
        """Wait for one message; raises `ConnectionLost`, and TimeoutError when it is not whole after *seconds*."""
        until = None if seconds is None else time.monotonic() + seconds
        return self._exactly(int.from_bytes(self._exactly(2, until)), until)

    def close(self) -> None:
        """Close the connection, also under a `receive` that waits in another thread."""
        with suppress(OSError):  # not connected any more
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _exactly(self, count: int, until: float | None) -> bytes:
        received = bytearray()
        while len(received) < count:
            try:
                if until is not None:
                    self._socket.settimeout(_left(until))
                _acknowledge_at_once(self._socket)
                part = self._socket.recv(count - len(received))
            except TimeoutError:
                raise
            except OSError as fault:
                raise ConnectionLost(str(fault)) from fault
            if not part:
                raise ConnectionLost("the connection was closed")
            received += part
        return bytes(received)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _acknowledge_at_once(connection: socket.socket) -> None:
    """The kernel forgets TCP_QUICKACK after a while, so it is asked for before every recv; only Linux has it."""
    if hasattr(socket, "TCP_QUICKACK"):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
