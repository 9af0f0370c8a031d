"""An end to what a card brings along with one command."""

from __future__ import annotations

import time
from typing import Protocol

from pytest_euicc.card.errors import MalformedAnswer

_MAX_RESTARTS = 3


class Described(Protocol):
    """A card that messages name."""

    @property
    def description(self) -> str:
        """The transport, for people."""


class Limits:
    """What one command may bring along before the card is said not to come to an end; within it, a context manager."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._depth = 0
        self._until = 0.0
        self._restarts = 0

    def __enter__(self) -> None:
        """A command begins, by itself or as a consequence of another."""
        if self._depth == 0:
            self._until, self._restarts = time.monotonic() + self._patience, 0
        self._depth += 1

    def __exit__(self, *_: object) -> None:
        self._depth -= 1

    def check(self, card: Described) -> None:
        """Before anything is sent; raises `MalformedAnswer`."""
        if self._depth and time.monotonic() > self._until:
            raise MalformedAnswer(
                f"{card.description}: a command with what the card announced for it (61xx, 91xx) does not come to an "
                f"end within {self._patience:g} s"
            )

    def restart(self, card: Described) -> None:
        """Before a reset that the card asked for; raises `MalformedAnswer`."""
        self._restarts += 1
        if self._restarts > _MAX_RESTARTS:
            raise MalformedAnswer(
                f"{card.description}: after a REFRESH with reset the card asks for another while it is started, "
                f"{self._restarts} times in a row (ETSI TS 102 223 6.4.7)"
            )
