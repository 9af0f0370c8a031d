"""Runs one step: resolve, send, receive, compare."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from pytest_euicc.asn1.codec import Asn1Error
from pytest_euicc.card.status_words import describe as describe_status
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.events import (
    CheckFailed,
    Decoded,
    Event,
    Phase,
    StepFailure,
    StepFinished,
    StepStarted,
)
from pytest_euicc.conformance.engine.failure import failure_text, without_repetition
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.noteworthy import chosen, noteworthy
from pytest_euicc.conformance.engine.registry import ACTIONS, CHECKS
from pytest_euicc.conformance.files.observations import Observation
from pytest_euicc.conformance.files.vector import Expectation, Step
from pytest_euicc.conformance.values.matchers import Match, Mismatch, match
from pytest_euicc.conformance.values.resolve import ValueMistake, look_up
from pytest_euicc.conformance.values.shapes import NOTHING
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.errors import PytestEuiccError

Emit = Callable[[Event], None]


class Failed(PytestEuiccError):
    """The implementation under test did not do what a step expects."""

    def __init__(self, failure: StepFailure) -> None:
        super().__init__(failure_text(failure))
        self.failure = failure


def run_step(context: Context, step: Step, number: int, phase: Phase, clauses: tuple[str, ...], emit: Emit) -> None:
    """Run a step as often as it says.

    Raises:
        Failed: an expectation did not hold.
        CardError, InconclusiveError, ValueMistake: the step could not be run.
    """
    action = ACTIONS.get(step.action)
    title = step.title or action.title
    emit(StepStarted(number, step.action, title, step.because, phase, step))
    passed = False
    try:
        answers: list[Outcome] = []
        for _ in range(step.repeat):
            outcome = _perform(context, step)
            received = without_repetition(outcome.status, outcome.value) if outcome.fault is None else None
            emit(
                Decoded(
                    action.request_type,
                    outcome.sent_value,
                    outcome.type_name,
                    received,
                    outcome.unknown,
                    outcome.sw,
                    outcome.status,
                )
            )
            problems, because = _judge(context, step, outcome)
            if not problems:
                answers.append(outcome)
                problems = _repeated(step, answers)
            for problem in problems:
                emit(CheckFailed(problem.path or "value", problem))
            if problems:
                why = because or step.because
                raise Failed(_failure(step, number, title, why, phase, outcome, problems, clauses))
        passed = True
    finally:
        emit(StepFinished(number, phase, passed))


def _perform(context: Context, step: Step) -> Outcome:
    message = Message(context.resolve(step.with_), context.resolve(step.tamper), step.channel)
    try:
        return ACTIONS.get(step.action)(context, message, context.resolve(step.arguments))
    except Asn1Error as error:
        raise ValueMistake((), f"the request of {step.action} cannot be encoded: {error}") from error


def _judge(context: Context, step: Step, outcome: Outcome) -> tuple[list[Mismatch], str | None]:
    """Mismatches of the choice that comes closest; values are saved only when a choice holds."""
    closest: tuple[list[Mismatch], str | None] | None = None
    alternatives = step.expectations
    for choice in alternatives:
        result = _expectation(context, choice, outcome)
        if result:
            context.variables.update(result.saved)
            found: list[Mismatch | Observation] = [
                *noteworthy(context.declaration, step, outcome),
                *chosen(step, choice, outcome, result),
            ]
            for call in [*step.verify, *choice.verify]:
                found += CHECKS.get(call.name)(context, outcome, context.resolve(call.arguments))
            return _problems(context, found), choice.because
        if closest is None:
            closest = (result.mismatches, choice.because)
        else:
            closest[0].extend(
                Mismatch(f"or {problem.path or 'value'}", problem.expected, problem.actual)
                for problem in result.mismatches
            )
    assert closest is not None  # noqa: S101
    return closest[0], closest[1] if len(alternatives) == 1 else None


def _problems(context: Context, found: Iterable[Mismatch | Observation]) -> list[Mismatch]:
    """Mismatches, with the observations that the declaration makes failures; the others are noted."""
    problems = []
    for each in found:
        if isinstance(each, Mismatch):
            problems.append(each)
        elif context.declaration.observations.get(each.kind) == "fail":
            problems.append(Mismatch("", f"no {each.kind} (observations: of the declaration)", str(each)))
        else:
            context.observe(each.kind, each.text, each.clause)
    return problems


def _expectation(context: Context, choice: Expectation, outcome: Outcome) -> Match:
    result = Match(list(outcome.mismatches))
    if outcome.moot:
        return result
    for name, said, received in (("status word", choice.sw, outcome.sw), ("status", choice.status, outcome.status)):
        if said and received is None:
            result.mismatches.append(Mismatch(name, " or ".join(said), f"none: this action has no {name}"))
            return result
    wanted = choice.sw or ["9000"]
    if outcome.sw is not None and not any(status_matches(outcome.sw, pattern) for pattern in wanted):
        received = f"{outcome.sw:04X} ({describe_status(outcome.sw)})"
        result.mismatches.append(Mismatch("status word", " or ".join(wanted), received))
        return result
    accepted = choice.status or ["success"]
    if outcome.status is not None and not any(execution_matches(outcome.status, pattern) for pattern in accepted):
        result.mismatches.append(Mismatch("status", " or ".join(accepted), outcome.status))
        return result
    if outcome.fault is not None and (choice.expect is not None or _success(outcome.sw)):
        kind = outcome.type_name or "an answer that can be decoded"
        result.mismatches.append(Mismatch("", kind, f"{outcome.received.hex().upper() or 'nothing'}: {outcome.fault}"))
        return result
    if choice.expect is None or result.mismatches:
        return result
    if outcome.shape.optional and (choice.expect == NOTHING or not outcome.received):
        if (choice.expect == NOTHING) is bool(outcome.received):
            received = describe(outcome.value) if outcome.received else NOTHING
            result.mismatches.append(Mismatch("", describe(choice.expect), received))
        return result
    return match(context.resolve(choice.expect), outcome.value, outcome.shape)


def status_matches(sw: int, pattern: str) -> bool:
    """Whether a status word is the one of a pattern: ``6Axx``, ``error``; 91xx counts as 9000."""
    if pattern == "error":
        # ISO 7816-4 5.6: 61xx is success with data waiting, 62xx and 63xx are warnings.
        return 0x64 <= sw >> 8 <= 0x6F
    if pattern == "9000" and sw >> 8 == 0x91:
        return True
    text = f"{sw:04X}"
    return all(wanted in ("x", digit) for wanted, digit in zip(pattern, text, strict=True))


def execution_matches(status: str, pattern: str) -> bool:
    """Whether the status of an ES9+ function is the one of a pattern: ``failed`` is any code, ``HTTP 4xx`` any 4."""
    if pattern == "failed":
        return status == "failed" or "/" in status
    return len(status) == len(pattern) and all(p in ("x", s) for p, s in zip(pattern, status, strict=True))


def _success(sw: int | None) -> bool:
    return sw is None or sw == 0x9000 or sw >> 8 == 0x91


def _repeated(step: Step, answers: list[Outcome]) -> list[Mismatch]:
    """Fields of ``distinct`` that were received before."""
    problems = []
    for path in step.distinct:
        new = _at(answers[-1], path)
        if any(_at(answer, path) == new for answer in answers[:-1]):
            received = f"{describe(new)} again, in answer {len(answers)}"
            problems.append(Mismatch(path, f"another value in each of {step.repeat} answers", received))
    return problems


def _at(outcome: Outcome, path: str) -> Any:
    try:
        return look_up({"value": outcome.value}, f"value.{path}")
    except ValueMistake:
        return None


def _failure(
    step: Step,
    number: int,
    title: str,
    because: str | None,
    phase: Phase,
    outcome: Outcome,
    problems: list[Mismatch],
    clauses: tuple[str, ...],
) -> StepFailure:
    return StepFailure(
        number=number,
        action=step.action,
        title=title,
        because=because,
        phase=phase,
        sent=outcome.sent,
        sent_value=outcome.sent_value,
        received=outcome.received,
        sw=outcome.sw,
        status=outcome.status,
        received_value=outcome.value,
        mismatches=tuple(problems),
        clauses=clauses,
    )
