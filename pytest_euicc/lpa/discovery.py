"""Events that wait at an SM-DS for the eUICC (SGP.22 3.6.2, 5.8.2)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pytest_euicc.lpa.errors import LpaError, UnreadableAnswer

_STEP = "ES11.AuthenticateClient"


@dataclass(frozen=True)
class Event:
    """What waits: the matchingId to ask for, and the server that has it."""

    event_id: str
    address: str


class AnotherSmds(LpaError):
    """The server of an event is an SM-DS itself, which answered with events (SGP.22 3.6.1); ``events`` are they."""

    def __init__(self, events: list[Event]) -> None:
        super().__init__(_STEP, "the server is an SM-DS and answered with events", "3.6.1")
        self.events = events


def events_in(answer: dict[str, Any]) -> Iterator[Event]:
    """The events of an answer; an entry that names no event or no server is left out.

    Raises:
        UnreadableAnswer: there is no list.
    """
    entries = answer.get("eventEntries")
    if not isinstance(entries, list):
        raise UnreadableAnswer(_STEP, "eventEntries is not a list", "5.8.2")
    for entry in entries:
        event = entry.get("eventId") if isinstance(entry, dict) else None
        address = entry.get("rspServerAddress") if isinstance(entry, dict) else None
        if isinstance(event, str) and isinstance(address, str) and event and address:
            yield Event(event, address)
