"""What every procedure of the LPA works with: the eUICC on one side, SM-DP+ servers on the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from pytest_euicc.es10.isdr import Isdr, Reply
from pytest_euicc.lpa.device import DEFAULT_DEVICE_INFO
from pytest_euicc.lpa.errors import EuiccRefused, ServerRefused
from pytest_euicc.lpa.outcomes import Es9, Session
from pytest_euicc.lpa.reading import error_name, read_reply

Progress = Callable[[str, int, int], None]
"""Called with the step's name, how much of it is done and how much it is in all."""


class Sides:
    """An eUICC and the servers that its LPA talks to.

    Args:
        isdr: the ISD-R on an open channel.
        server: makes the ES9+ client for an SM-DP+ address, of an activation code or of a notification; raises Es9Error
            (NoServer) where it has none.
        device_info: DeviceInfo of SGP.22 4.2.
        progress: called before every step and every segment.
    """

    def __init__(
        self,
        isdr: Isdr,
        server: Callable[[str], Es9],
        *,
        device_info: dict[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> None:
        self._isdr = isdr
        self._server = server
        self._device_info = device_info or DEFAULT_DEVICE_INFO
        self._progress = progress or (lambda _step, _done, _total: None)
        self._clients: dict[str, Es9] = {}
        self.session: Session | None = None
        """The RSP session begun last; what a retry takes up."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections to all servers."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def _client(self, address: str) -> Es9:
        """The client for an address; its connection is kept for the functions that follow."""
        if address not in self._clients:
            self._clients[address] = self._server(address)
        return self._clients[address]

    def _ask_card(self, function: str, clause: str) -> Reply:
        self._progress(function, 0, 1)
        return read_reply(self._isdr.call(function), clause)

    def _ask_card_with(self, function: str, request: bytes, error: str, clause: str, about: str = "") -> bytes:
        self._progress(function, 0, 1)
        reply = read_reply(self._isdr.send(function, request), clause)
        choice, value = reply.value
        if choice == error:
            raise EuiccRefused(reply.function.full_name, error_name(value), clause, about, reply.octets)
        return reply.octets

    def _ask_server(self, server: Es9, function: str, body: dict[str, Any], clause: str) -> dict[str, Any]:
        self._progress(f"ES9+.{function}", 0, 1)
        reply = server.call(function, body)
        if reply.failed:
            raise ServerRefused(f"ES9+.{function}", reply.subject_code, reply.reason_code, reply.message, clause)
        answer: dict[str, Any] = reply.body or {}
        return answer
