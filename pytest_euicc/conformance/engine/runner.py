"""Runs one sequence: states, steps, restoring, verdict. pytest, prove and the command line are faces of this."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pytest_euicc.card.exchange import Exchange
from pytest_euicc.card.transport import RemovableTransport, snapshots_of
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.errors import Cause, NotPermitted, cause_of, reason_of
from pytest_euicc.conformance.engine.events import (
    ApduExchanged,
    Event,
    HttpExchanged,
    Listener,
    Observed,
    OperatorAsked,
    Phase,
    Result,
    SegmentSent,
    SequenceFinished,
    SequenceStarted,
    StateReached,
    StateStarted,
    Verdict,
)
from pytest_euicc.conformance.engine.kinds import KINDS, Preparation, Undo
from pytest_euicc.conformance.engine.registry import ACTIONS, STATES, closure
from pytest_euicc.conformance.engine.step import Failed, run_step
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.vector import Call, Case, Sequence, Step
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es10.changes import changing_command, refused

if TYPE_CHECKING:
    # The HTTP stack is loaded when a sequence needs it, so that collecting tests stays quick.
    from pytest_euicc.es9.binding import HttpExchange


_ISDR_SELECTED = "isdr_selected"
_AT_ISDR = ["card_started", _ISDR_SELECTED]


class _Stop(Exception):
    """Ends a sequence with a verdict."""

    def __init__(self, verdict: Verdict, reason: str, cause: Cause | None = None) -> None:
        super().__init__(reason)
        self.verdict = verdict
        self.reason = reason
        self.cause = cause


class Runner:
    """Runs sequences on one session and notifies listeners.

    Attributes:
        left_by_interrupted: what a sequence that was interrupted could not restore; it has no result that would say so.
    """

    def __init__(self, session: Session, listeners: list[Listener] | None = None) -> None:
        library.load()
        self.session = session
        self.listeners = listeners if listeners is not None else []
        self.left_by_interrupted: list[str] = []

    def run(self, case: Case, sequence: Sequence) -> Result:
        """Run one sequence; whatever goes wrong is in the result, only KeyboardInterrupt comes through."""
        return _Run(self, case, sequence).run()

    def emit(self, event: Event) -> None:
        """Notify every listener."""
        for listener in self.listeners:
            listener(event)


def not_applicable(case: Case, sequence: Sequence, session: Session) -> str | None:
    """Why a sequence does not apply to what is declared, without touching the card; None when it does."""
    declaration = session.declaration
    if case.iut != declaration.iut:
        return f"the case is for iut: {case.iut}, the declaration for iut: {declaration.iut}"
    if reason := _needs_lpad(case, declaration):
        return reason
    for expression in (case.applicability, sequence.applicability):
        if expression:
            outcome = declaration.applies(expression)
            if not outcome.applies:
                return str(outcome)
    declared = session.declared
    for wanted in sequence.declared:
        key, _, inner = wanted.partition(".")
        if key not in declared or (key == "settings" and inner not in declared["settings"]):
            return f"the declaration {declaration.name!r} does not give {wanted}"
    return None


NO_OPERATOR = "{} needs a person at the bench; give --euicc-operator terminal or hook"


def needs_operator(sequence: Sequence) -> str:
    """The first action for which a person is needed; empty where none is."""
    steps = (*sequence.steps, *sequence.finally_)
    return next((step.action for step in steps if ACTIONS.get(step.action).by_operator), "")


def _needs_lpad(case: Case, declaration: Declaration) -> str | None:
    """Why a case of SGP.22 does not apply to an IoT eUICC that has no functions for an LPAd (SGP.32 5.9)."""
    iot = declaration.options.get("O_E_IOT") and not declaration.options.get("O_E_IOT_LPAD")
    if iot and not any(clause.startswith("SGP.32") for clause in case.clauses.other):
        return "the case is of SGP.22 and needs an LPAd, which an IoT eUICC without O_E_IOT_LPAD does not serve"
    return None


class _Run:
    """One run of one sequence."""

    def __init__(self, runner: Runner, case: Case, sequence: Sequence) -> None:
        self.runner = runner
        self.session = runner.session
        self.case = case
        self.sequence = sequence
        self.id = case.sequence_id(sequence)
        self.result = Result(self.id, case, sequence, Verdict.PASS)
        self.context = Context(self.session, self.id)
        self.undo = Undo(self.context)
        self.reached: set[str] = set()
        self.steps_begun = False
        self.written_out = False
        self.asked = ""
        self.unannounced = ""

    def run(self) -> Result:
        started = time.perf_counter()
        self.runner.emit(SequenceStarted(self.case, self.sequence, self.id))
        self.context.on_http = self.requested
        self.context.on_operator = lambda request, answer: self.runner.emit(OperatorAsked(request, answer))
        self.context.on_segment = lambda number, total: self.runner.emit(SegmentSent(number, total))
        self.context.on_observation = lambda each: self.runner.emit(Observed(each))
        card, bench = self.session.card, self.session.bench
        if card is not None:
            card.listeners.append(self.exchanged)
            if self.session.real_card:
                card.guard = self.changing
        if bench is not None:
            bench.on_apdu, bench.on_http = self.exchanged, self.requested
        finished = False
        try:
            reason = not_applicable(self.case, self.sequence, self.session) or self.without_operator()
            if reason:
                self.stopped(Verdict.NOT_APPLICABLE, reason)
            else:
                self.judge()
            finished = True
        finally:
            if card is not None:
                card.listeners.remove(self.exchanged)
                card.guard = None
            self.result.left_behind = self.context.left_behind
            self.result.observations = self.context.observations
            self.fail_by_observation()
            self.result.seconds = time.perf_counter() - started
            # Interrupted, it has no verdict.
            if finished:
                self.runner.emit(SequenceFinished(self.result))
            else:
                self.runner.left_by_interrupted = self.result.left_behind
        return self.result

    def without_operator(self) -> str | None:
        """Why nobody is there to do what the sequence asks a person for; None where somebody is, or need not be."""
        task = needs_operator(self.sequence)
        return NO_OPERATOR.format(task) if task and self.session.operator is None else None

    def fail_by_observation(self) -> None:
        """Observations outside of steps that the declaration makes failures."""
        chosen = self.session.declaration.observations
        for each in self.result.observations if self.result.verdict is Verdict.PASS else ():
            if chosen.get(each.kind) == "fail":
                self.stopped(Verdict.FAIL, f"{each.kind}, a failure by observations: of the declaration: {each}")

    def changing(self, octets: bytes) -> None:
        """Before each command to a real card: one that a vector writes out needs permission and a journal as well."""
        command = changing_command(octets)
        if command and not self.context.changed:
            self.context.change(f"to send {command}")
            self.written_out = True
        if self.written_out:
            self.asked = command

    def exchanged(self, exchange: Exchange) -> None:
        # One that the card refuses has changed nothing; one without an answer may have.
        if self.asked and not refused(exchange.response):
            self.unannounced = self.asked
        self.asked = ""
        self.result.apdus += 1
        self.result.transport_seconds += exchange.seconds
        if self.runner.listeners:
            self.runner.emit(ApduExchanged(exchange.command, exchange.response, exchange.seconds))

    def requested(self, exchange: HttpExchange) -> None:
        self.result.requests += 1
        self.result.transport_seconds += exchange.seconds
        self.runner.emit(HttpExchanged(exchange))

    def stopped(self, verdict: Verdict, reason: str, cause: Cause | None = None) -> None:
        self.result.verdict, self.result.reason, self.result.cause = verdict, reason, cause

    def judge(self) -> None:
        """Preparation, states and steps; then the steps of ``finally``, and everything restored."""
        kind = KINDS.get(self.case.iut)
        preparation: Preparation | None = None
        self.context.begins_at_isdr = self.begins_at_isdr()
        changes = self.sequence.changes_card or any(ACTIONS.get(step.action).changes for step in self.sequence.steps)
        try:
            with self.verdicts():
                self.card_back()
                self.be_terminal()
                preparation = kind.prepare(self.context, changes=changes)
                self.states()
                self.steps()
        finally:
            with self.session.restoring():
                self.run_finally()
                if preparation is not None:
                    self.restore(preparation)

    def card_back(self) -> None:
        """Have a card back that was pulled out, or that made room for another; raises PytestEuiccError."""
        session = self.session
        transport = session.card.transport if session.card is not None else None
        if session.returns is None or (transport is not None and snapshots_of(transport) is not None):
            return  # A simulator restores its card as a whole.
        if session.other_card or (isinstance(transport, RemovableTransport) and not transport.held()):
            self.context.channels.clear()
            session.returns()

    def be_terminal(self) -> None:
        """Before anything is changed: a step that only the card's terminal can do, and that is a device."""
        card = self.session.card
        if card is None:
            return
        for number, step in enumerate(self.sequence.steps, 1):
            if doing := ACTIONS.get(step.action).as_terminal:
                with self.stopping(number, step):
                    card.be_terminal(doing)

    def restore(self, preparation: Preparation) -> None:
        """Restore the implementation under test; on a card that did not come back, or another one, nothing is done."""
        try:
            self.card_back()
        except PytestEuiccError as error:
            self.undo.forget()
            if self.context.changed:
                self.context.left_behind.append(f"what the sequence changed: {error}")
            return
        preparation.restore(self.undo)
        if self.unannounced and not self.session.puts_back_whole:
            # What the card held was not read before; the journal of the run has it, and stays for the next one.
            reported = f"what {self.unannounced} changed, as the sequence does not say changes_card: true"
            self.context.left_behind.append(reported)
            return
        if self.session.journal is not None:
            self.session.journal.restored(self.id)

    def begins_at_isdr(self) -> bool:
        """Whether the first states are a started card and the ISD-R on the default channel."""
        given = self.sequence.given
        selected = [call for call in given if call.name == _ISDR_SELECTED]
        names = closure([call.name for call in given])[: len(_AT_ISDR)]
        return names == _AT_ISDR and not any(call.arguments for call in selected)

    @contextmanager
    def verdicts(self) -> Iterator[None]:
        """What ends a sequence early, as a verdict."""
        try:
            yield
        except Failed as failed:
            self.result.failure = failed.failure
            self.stopped(Verdict.FAIL, str(failed))
        except NotPermitted as error:
            self.stopped(Verdict.NOT_APPLICABLE, str(error))
        except _Stop as stop:
            self.stopped(stop.verdict, stop.reason, stop.cause)
        except Exception as error:
            self.stopped(Verdict.INCONCLUSIVE, reason_of(error), cause_of(error))

    def states(self) -> None:
        self.context.upcoming = self.sequence.steps
        for call in self.sequence.given:
            for name in closure([call.name])[:-1]:
                if name not in self.reached:
                    self.state(Call.model_validate(name))
            self.state(call)

    def state(self, call: Call) -> None:
        state = STATES.get(call.name)
        self.runner.emit(StateStarted(call.name, call.arguments))
        before, changed = dict(self.context.variables), self.context.changed
        self.context.changed = False
        try:
            arguments = self.context.resolve(call.arguments)
            generator = state(self.context, arguments)
            # Kept before it runs: what it did up to a failure is undone as well, as far as it says how.
            self.undo.states.append((call.name, generator))
            next(generator)
        except NotPermitted:
            raise
        except Exception as error:
            if self.context.changed:
                self.context.left_behind.append(f"what the state {call.name} changed before it failed")
            reason = f"state {call.name} was not reached: {reason_of(error)}"
            raise _Stop(Verdict.INCONCLUSIVE, reason, cause_of(error)) from error
        finally:
            self.context.changed |= changed
        self.reached.add(call.name)
        saved = {name: value for name, value in self.context.variables.items() if before.get(name) is not value}
        self.runner.emit(StateReached(call.name, saved))
        if self.session.card is not None:
            self.session.card.take_fetched()

    def steps(self) -> None:
        self.steps_begun = True
        clauses = tuple(self.case.clause_list(self.sequence))
        for number, step in enumerate(self.sequence.steps, 1):
            self.context.upcoming = self.sequence.steps[number:]
            self.session_step(number, step, Phase.STEP, clauses)

    def session_step(self, number: int, step: Step, phase: Phase, clauses: tuple[str, ...]) -> None:
        with self.stopping(number, step):
            run_step(self.context, step, number, phase, clauses, self.runner.emit)

    @contextmanager
    def stopping(self, number: int, step: Step) -> Iterator[None]:
        """What keeps a step from being judged ends the sequence, with the step's number in the reason."""
        try:
            yield
        except (Failed, NotPermitted):
            raise
        except Exception as error:
            reason = f"step {number} ({step.action}): {reason_of(error)}"
            raise _Stop(Verdict.INCONCLUSIVE, reason, cause_of(error)) from error

    def run_finally(self) -> None:
        """The steps of ``finally``, if any step ran before."""
        for number, step in enumerate(self.sequence.finally_ if self.steps_begun else [], 1):
            with self.context.undoing(f"finally, step {number} ({step.action})"):
                run_step(self.context, step, number, Phase.FINALLY, (), self.runner.emit)
