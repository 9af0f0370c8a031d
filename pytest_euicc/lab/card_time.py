"""What a card costs in time: its commands, RSP sessions and loads, counted, and a model that makes seconds of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pytest_euicc.conformance.engine.events import (
    ApduExchanged,
    Event,
    SequenceFinished,
    SequenceStarted,
    StateReached,
    StateStarted,
    StepFinished,
    StepStarted,
)

_STORE_DATA, _GET_RESPONSE = 0xE2, 0xC0
_AUTHENTICATE_SERVER = bytes.fromhex("BF38")
_LOAD_RESULT = bytes.fromhex("BF37")
BEFORE, AFTER = "before the first state", "after the last step"


@dataclass(frozen=True)
class CardWork:
    """What was asked of a card.

    Attributes:
        apdus: command APDUs, each GET RESPONSE among them.
        authentications: calls of AuthenticateServer, in which the eUICC verifies three signatures and makes one.
        loads: results of the load of a Bound Profile Package, of success or of failure.
    """

    apdus: int = 0
    authentications: int = 0
    loads: int = 0

    def __add__(self, other: CardWork) -> CardWork:
        return CardWork(
            self.apdus + other.apdus, self.authentications + other.authentications, self.loads + other.loads
        )


@dataclass(frozen=True)
class CardTime:
    """Seconds that a card takes; the defaults are those of a common eUICC in a common reader.

    Attributes:
        apdu: for one command and its answer.
        authentication: for AuthenticateServer, besides its commands.
        load: for the installation of a profile, besides its commands.
    """

    apdu: float = 0.020
    authentication: float = 1.2
    load: float = 6.0

    def seconds(self, work: CardWork) -> float:
        """How long the card takes for it."""
        return work.apdus * self.apdu + work.authentications * self.authentication + work.loads * self.load


class Counting:
    """A listener of a run: the work of the card by sequence, and by what asked for it.

    Attributes:
        by_sequence: by the name of the sequence.
        by_cause: by ``state …`` or ``step …`` with the name of the state or the action, `BEFORE` and `AFTER`.
    """

    def __init__(self) -> None:
        self.by_sequence: dict[str, CardWork] = defaultdict(CardWork)
        self.by_cause: dict[str, CardWork] = defaultdict(CardWork)
        self._sequence = ""
        self._cause = BEFORE

    @property
    def total(self) -> CardWork:
        """Of all sequences."""
        return sum(self.by_sequence.values(), CardWork())

    def __call__(self, event: Event) -> None:
        """One event of the run."""
        match event:
            case SequenceStarted():
                self._sequence, self._cause = event.id, BEFORE
                self.by_sequence[event.id] = CardWork()
            case StateStarted():
                self._cause = f"state {event.name}"
            case StepStarted():
                self._cause = f"step {event.action}"
            case StateReached() | StepFinished():
                # What comes until the next one begins is clean-up, if none does.
                self._cause = AFTER
            case SequenceFinished():
                self._cause = BEFORE
            case ApduExchanged():
                work = work_of(event.command, event.response)
                self.by_sequence[self._sequence] += work
                self.by_cause[self._cause] += work
            case _:
                pass


def work_of(command: bytes, response: bytes) -> CardWork:
    """The work of one command, with the response that it got."""
    instruction = command[1] if len(command) > 1 else 0
    # Case 3 and 4 with Lc in one octet: what ES10 has (SGP.22 5.7.2).
    begins = instruction == _STORE_DATA and command[3:4] == b"\0" and command[5:7] == _AUTHENTICATE_SERVER
    loaded = instruction in (_STORE_DATA, _GET_RESPONSE) and response[:2] == _LOAD_RESULT
    return CardWork(1, int(begins), int(loaded))
