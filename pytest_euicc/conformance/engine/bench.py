"""The bench of an LPA under test as far as every sequence needs it; `peers.lpa.bench` has the rest."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from pytest_euicc.card.exchange import Exchange

if TYPE_CHECKING:
    # The HTTP stack is loaded when a sequence needs it, so that collecting tests stays quick.
    from pytest_euicc.es9.binding import HttpExchange


class Bench(ABC):
    """Card and servers that an LPA under test works between; new for every sequence.

    Attributes:
        on_apdu, on_http: called with what crosses, for reports.
    """

    on_apdu: Callable[[Exchange], None] | None = None
    on_http: Callable[[HttpExchange], None] | None = None

    @abstractmethod
    def begin(self, seed: int) -> None:
        """A sequence begins: a fresh card, servers without orders, an empty record."""

    @abstractmethod
    def end(self) -> None:
        """The sequence is over: whatever the LPA still does for it is ended."""

    @abstractmethod
    def close(self) -> None:
        """The run is over."""
