"""The person at the bench: what a sequence asks of one, and what came of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

Task = Literal["remove", "insert", "swap", "power off", "power on", "confirm"]
"""What is to be done; ``swap`` is to put another card in."""

DONE, YES, NO, CANNOT, TIME_OUT = "done", "yes", "no", "cannot", "time-out"
"""Answers: a task was done, a question was answered, it cannot be done, or nobody answered in time."""


@dataclass(frozen=True)
class OperatorRequest:
    """One thing to do or to answer.

    Attributes:
        text: for the person, one sentence.
        sequence: which sequence asks.
        done: whether it has been done, if the harness can detect that; polled while waiting.
    """

    task: Task
    text: str
    sequence: str
    done: Callable[[], bool] | None = None


@dataclass(frozen=True)
class OperatorAnswer:
    """The operator's answer to a request, one of the answers above, and the seconds that it took."""

    answer: str
    seconds: float = 0.0


class Operator(Protocol):
    """Somebody, or something, that does what a person would do."""

    def ask(self, request: OperatorRequest) -> OperatorAnswer:
        """Have it done, or answered; it comes back when that is so, or when the time is over."""
