"""The record of what an LPA exchanges: one list for card, servers and user, under one clock."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal, NamedTuple

Peer = Literal["card", "server", "user"]


class Clock:
    """Seconds since a sequence began; waiting may be pretended where both ends are in this process."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._skipped = 0.0

    def now(self) -> float:
        """Seconds since the sequence began."""
        return time.monotonic() - self._began + self._skipped

    def skip(self, seconds: float) -> None:
        """Let time pass without waiting for it."""
        self._skipped += seconds


class Apdu(NamedTuple):
    """A command of the LPA and the answer it got, both with all their octets."""

    command: bytes
    answer: bytes
    at: float


@dataclass(frozen=True)
class Http:
    """An HTTP request of the LPA and the answer it got.

    Attributes:
        host: that was contacted, with the port where it is not 443; in lower case.
        target: path of the request.
        headers: names in lower case.
        status: of the answer; 0 where the LPA got no whole answer.
    """

    host: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    status: int
    answer_headers: Mapping[str, str]
    answer: bytes
    secure: bool = True


@dataclass(frozen=True)
class Call:
    """One function that the LPA called, or one event on its way.

    Attributes:
        name: ``ES10b.AuthenticateServer``, ``ES9+.InitiateAuthentication``; of the card also ``SELECT``,
            ``MANAGE CHANNEL``, ``TERMINAL CAPABILITY``, ``RESET``; of servers ``TLS`` and ``HTTP`` for a request that
            calls no function; of the user ``consent``, ``confirmation code``; ``MEANWHILE``, ``CARD INSERTED`` and
            ``CARD RESET`` for what the bench did to LPA and card while the LPA was at work, ``CHANNEL TAKEN`` for a
            channel that another application has opened.
        began, ended: when the request was whole, and when the answer was given, in seconds.
        request: of a card function the request TLV (of a Bound Profile Package: one segment), of a server's the body.
        answer: likewise; empty where there was none.
        status: status word in hex; of a server's function ``success``, a status code, ``HTTP 500``, ``cut``.
        apdus, http: what crossed for it.
        value: what else is known, of events.
    """

    name: str
    peer: Peer
    began: float
    ended: float
    request: bytes = b""
    answer: bytes = b""
    status: str = ""
    apdus: tuple[Apdu, ...] = ()
    http: Http | None = None
    value: Mapping[str, Any] = field(default_factory=dict)

    @property
    def host(self) -> str:
        """The server; empty for the card."""
        return self.http.host if self.http is not None else str(self.value.get("host", ""))

    def is_called(self, pattern: str) -> bool:
        """Whether the name is that of a pattern such as ``ES9+.*``."""
        return fnmatchcase(self.name, pattern)

    def line(self) -> str:
        """For people."""
        place = f" ({self.host})" if self.host else ""
        return f"{self.began:8.3f} {self.name}{place}{f' -> {self.status}' if self.status else ''}"


class Record:
    """All that crossed in a sequence, in the order of its beginnings.

    Attributes:
        listeners: told of every call when it has ended.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self.clock = clock or Clock()
        self.calls: list[Call] = []
        self.apdus: list[Apdu] = []
        self.listeners: list[Callable[[Call], None]] = []
        self._mark = 0
        self._apdu_mark = 0

    def add(self, call: Call) -> None:
        """Note a call that has ended."""
        self.calls.append(call)
        for listener in self.listeners:
            listener(call)

    def add_late(self, call: Call) -> None:
        """Note a call that ended while others had begun and ended already: it takes its place by its beginning."""
        place = len(self.calls)
        while place and self.calls[place - 1].began > call.began:
            place -= 1
        self.calls.insert(place, call)
        if place < self._mark:
            self._mark += 1
        for listener in self.listeners:
            listener(call)

    def mark(self) -> None:
        """An action of the user begins: `since_mark` counts from here."""
        self._mark, self._apdu_mark = len(self.calls), len(self.apdus)

    def since_mark(self) -> list[Call]:
        """Calls of the last action of the user."""
        return self.calls[self._mark :]

    def apdus_since_mark(self) -> list[Apdu]:
        """APDUs of the last action of the user."""
        return self.apdus[self._apdu_mark :]

    def named(self, pattern: str, calls: list[Call] | None = None) -> Iterator[Call]:
        """Calls by the pattern of their names."""
        return (call for call in (self.calls if calls is None else calls) if call.is_called(pattern))
