"""What a run tells its listeners, as a stream: reports and terminals are made from these and from nothing else."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_euicc.conformance.engine.errors import Cause
from pytest_euicc.conformance.engine.operator import OperatorAnswer, OperatorRequest
from pytest_euicc.conformance.files.observations import Observation
from pytest_euicc.conformance.files.vector import Case, Sequence, Step
from pytest_euicc.conformance.values.matchers import Mismatch

if TYPE_CHECKING:
    # The HTTP stack is loaded when a sequence needs it, so that collecting tests stays quick.
    from pytest_euicc.es9.binding import HttpExchange


class Verdict(enum.Enum):
    """The outcomes of SGP.23 2.2.5 and what pytest and Allure make of them."""

    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NOT_APPLICABLE = "not applicable"

    def __str__(self) -> str:
        return self.value


class Phase(enum.Enum):
    """The part of a sequence in which something happened."""

    STATE = "state"
    STEP = "step"
    FINALLY = "finally"


@dataclass(frozen=True)
class SequenceStarted:
    """A sequence begins."""

    case: Case
    sequence: Sequence
    id: str


@dataclass(frozen=True)
class StateStarted:
    """A state is being reached."""

    name: str
    arguments: dict[str, Any]


@dataclass(frozen=True)
class StateReached:
    """A state was reached; ``saved`` are the variables it set."""

    name: str
    saved: dict[str, Any]


@dataclass(frozen=True)
class StepStarted:
    """A step begins; ``number`` counts from 1 within its phase."""

    number: int
    action: str
    title: str
    because: str | None
    phase: Phase
    step: Step


class ApduExchanged(NamedTuple):
    """One command and its response as they went over the transport."""

    command: bytes
    response: bytes
    seconds: float


@dataclass(frozen=True)
class HttpExchanged:
    """One request to the SM-DP+ and its answer as they went over HTTPS."""

    exchange: HttpExchange


@dataclass(frozen=True)
class Decoded:
    """What a step sent and received, as values; ``unknown`` are elements that the type does not have.

    ``sw`` is the status word, ``status`` that of an ES9+ function; None where there is none.
    """

    sent_type: str | None
    sent: Any
    received_type: str | None
    received: Any
    unknown: tuple[Any, ...]
    sw: int | None = None
    status: str | None = None


@dataclass(frozen=True)
class CheckFailed:
    """An expectation did not hold."""

    what: str
    mismatch: Mismatch


@dataclass(frozen=True)
class Observed:
    """Something noteworthy that is no fault by itself."""

    observation: Observation


@dataclass(frozen=True)
class SegmentSent:
    """A segment of a Bound Profile Package is about to be sent; ``number`` counts from 1."""

    number: int
    total: int


@dataclass(frozen=True)
class OperatorAsked:
    """The person at the bench was asked to do or to answer something."""

    request: OperatorRequest
    answer: OperatorAnswer


@dataclass(frozen=True)
class StepFinished:
    """A step ended."""

    number: int
    phase: Phase
    passed: bool


@dataclass(frozen=True)
class StepFailure:
    """Why a sequence failed: everything that a reader needs without looking elsewhere.

    Attributes:
        sent, received: octets as they went to and came from the implementation under test.
        status: of an ES9+ function; None where there is none.
        sent_value, received_value: the same decoded; None when they were not decoded.
        mismatches: the expectations that did not hold.
        clauses: the clauses that say so.
    """

    number: int
    action: str
    title: str
    because: str | None
    phase: Phase
    sent: bytes
    sent_value: Any
    received: bytes
    sw: int | None
    status: str | None
    received_value: Any
    mismatches: tuple[Mismatch, ...]
    clauses: tuple[str, ...]


@dataclass
class Result:
    """The result of one sequence.

    Attributes:
        reason: one message for people; empty for pass.
        cause: of an inconclusive sequence: who has to act.
        failure: the failing step of a fail.
        left_behind: what could not be restored, one line each.
        observations: what is noteworthy and no fault.
        seconds: wall time, of which ``transport_seconds`` were spent waiting for the card or the server.
        apdus, requests: how many commands went to the card, and how many requests to the server.
    """

    id: str
    case: Case
    sequence: Sequence
    verdict: Verdict
    reason: str = ""
    cause: Cause | None = None
    failure: StepFailure | None = None
    left_behind: list[str] = field(default_factory=list)
    observations: list[Observation] = field(default_factory=list)
    seconds: float = 0.0
    transport_seconds: float = 0.0
    apdus: int = 0
    requests: int = 0


@dataclass(frozen=True)
class SequenceFinished:
    """A sequence ended with its verdict."""

    result: Result


Event = (
    SequenceStarted
    | StateStarted
    | StateReached
    | StepStarted
    | ApduExchanged
    | HttpExchanged
    | Decoded
    | CheckFailed
    | Observed
    | OperatorAsked
    | SegmentSent
    | StepFinished
    | SequenceFinished
)
Listener = Callable[[Event], None]
