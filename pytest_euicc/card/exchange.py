"""One command and its answer: as they went over the transport, and where the answer is not the one needed."""

from __future__ import annotations

from typing import NamedTuple

from pytest_euicc.card.apdu import ResponseApdu
from pytest_euicc.card.errors import CardError


class UnexpectedStatus(CardError):
    """The card refused a command that the harness needs; `response` is its answer."""

    def __init__(self, doing: str, response: ResponseApdu) -> None:
        super().__init__(f"{doing}: the card answered {response}")
        self.response = response


class Exchange(NamedTuple):
    """One command and its response as they went over the transport.

    `started` is in seconds since the epoch, `seconds` how long the transport took. `response` is empty when it failed.
    """

    command: bytes
    response: bytes
    started: float
    seconds: float
