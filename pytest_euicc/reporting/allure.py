"""Allure: labels, one step per vector step, APDUs and decoded values as attachments, environment and categories."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import allure
from allure_commons.model2 import Label, Status, StatusDetails, TestStepResult
from allure_commons.types import Severity
from allure_commons.utils import format_exception, now

from pytest_euicc.conformance.engine.events import (
    ApduExchanged,
    CheckFailed,
    Decoded,
    Event,
    HttpExchanged,
    Observed,
    OperatorAsked,
    SequenceFinished,
    SequenceStarted,
    StateReached,
    StateStarted,
    StepFinished,
    StepStarted,
)
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.es9.binding import HttpExchange
from pytest_euicc.masking import command_text, mask, response_text
from pytest_euicc.reporting.attachments import Attachments
from pytest_euicc.reporting.run_file import NOTICE
from pytest_euicc.text import printable

CATEGORIES = [
    {"name": "Not conformant", "matchedStatuses": ["failed"]},
    {"name": "Card not left as found", "matchedStatuses": ["broken"], "messageRegex": "(?s).*not restored:.*"},
    {"name": "Harness", "matchedStatuses": ["broken"], "messageRegex": "(?s).*fault of the harness.*"},
    {"name": "Inconclusive", "matchedStatuses": ["broken"]},
    {"name": "Not applicable", "matchedStatuses": ["skipped"]},
]
"""For Allure 2; reports/allurerc.mjs has the same for Allure 3."""


class AllureListener:
    """Turns the events of one sequence into Allure's labels, steps and attachments.

    They are given to the reporter of allure-pytest itself, as there are many, and each call of ``allure.dynamic`` and
    ``allure.step`` looks for plugins first.

    Args:
        card: what it reports about itself.
        attachments: of the run.
        shared: it is one of several cards of one product.
    """

    def __init__(self, card: dict[str, str], attachments: Attachments, *, shared: bool = False) -> None:
        self._card = card
        self._attachments = attachments
        self._reporter = attachments.reporter
        self._shared = shared
        self._step = ""
        """What the reporter knows the open step by."""
        self._steps = 0
        self._exchanges: list[str] = []
        self._requests: list[str] = []
        self._values: list[str] = []
        self._problems: list[str] = []

    def __call__(self, event: Event) -> None:
        """Take one event."""
        match event:
            case SequenceStarted():
                self._label(event)
            case StateStarted():
                self._open(f"given {event.name}")
            case StateReached():
                self._close(passed=True)
            case StepStarted():
                self._open(f"{event.number}. {event.title} ({event.action})")
                if event.because:
                    self._values.append(f"because: {event.because}")
            case ApduExchanged():
                self._exchanges += [f"> {command_text(event.command)}", f"< {response_text(event.response)}"]
            case HttpExchanged():
                self._requests.append(mask(_http_text(event.exchange)))
            case Decoded():
                self._decoded(event)
            case CheckFailed():
                self._problems.append(mask(str(event.mismatch)))
            case Observed():
                self._values.append(f"observation: {mask(str(event.observation))}")
            case OperatorAsked():
                answer = event.answer
                self._values.append(f"operator: {event.request.text} {answer.answer} after {answer.seconds:.1f} s")
            case StepFinished():
                self._close(passed=event.passed)
            case SequenceFinished():
                self._close(passed=False)

    def _label(self, event: SequenceStarted) -> None:
        case, sequence = event.case, event.sequence
        test = self._reporter.get_test(None)
        if test is None:
            return
        clauses, number = case.clause_list(sequence), case.sgp23_number(sequence)
        labels = [
            ("epic", case.interface),
            ("feature", case.case.rpartition(".")[2]),
            ("story", case.title),
            ("severity", Severity(sequence.severity or case.severity)),
            *(("tag", clause) for clause in clauses),
            *([("tag", f"SGP.23 {number}")] if number else []),
            ("origin", case.origin_of(sequence)),
            *([("sgp23", number)] if number else []),
        ]
        test.labels += [Label(name, text) for name, text in labels]
        test.name = f"{event.id}: {sequence.title}"
        reported = [text for text in (case.requirement_of(sequence), case.description, sequence.description) if text]
        test.description = "\n\n".join([*reported, "Clauses: " + ", ".join(clauses), NOTICE])
        # Two cards in one folder are two products: the EID is part of what a result is known by, the firmware is not.
        # Cards that share the work are one product, and the next run may give the sequence to another of them.
        for name, excluded in (("eid", self._shared), ("firmware", True)):
            if name in self._card:
                allure.dynamic.parameter(name, self._card[name], excluded=excluded)

    def _open(self, title: str) -> None:
        self._close(passed=False)
        self._steps += 1
        self._step = f"euicc-{self._steps}"
        self._reporter.start_step(None, self._step, TestStepResult(name=title, start=now()))

    def _decoded(self, event: Decoded) -> None:
        if event.sent is not None:
            self._values.append(f"sent {event.sent_type or ''}\n{describe(event.sent, 4000)}")
        if event.received is not None:
            self._values.append(f"received {event.received_type or ''}\n{describe(event.received, 4000)}")
        self._values += [f"unknown element {mask(str(element))}" for element in event.unknown]

    def _close(self, *, passed: bool) -> None:
        """End the open step with what was gathered for it; without a step the card was being restored."""
        if self._exchanges:
            self._attachments.add("\n".join(self._exchanges), "APDUs")
        if self._requests:
            self._attachments.add(printable("\n\n".join(self._requests)), "HTTP")
        if self._values:
            self._attachments.add(printable("\n\n".join(self._values)), "Decoded")
        if self._problems:
            self._attachments.add(printable("\n".join(self._problems)), "Expected")
        if self._step:
            problem = AssertionError(printable("\n".join(self._problems)) or "not reached")
            details = None if passed else StatusDetails(message=format_exception(AssertionError, problem))
            status = Status.PASSED if passed else Status.FAILED
            self._reporter.stop_step(self._step, stop=now(), status=status, statusDetails=details)
        self._step, self._exchanges, self._requests, self._values, self._problems = "", [], [], [], []


def identify(plugin: Any, interface: str, sequence: str) -> None:
    """Give the result of the test that runs a name that does not depend on the folder pytest was started in.

    Args:
        plugin: the listener of allure-pytest, which makes the history's id of the name when the test is torn down.
    """
    result = plugin.allure_logger.get_test(None)
    if result is not None:
        result.fullName = f"pytest_euicc.{interface}#{sequence}"
        result.testCaseId = hashlib.md5(result.fullName.encode(), usedforsecurity=False).hexdigest()


def _http_text(exchange: HttpExchange) -> str:
    """A request and its answer as HTTP writes them."""
    lines = [f"> {exchange.method} {exchange.url}"]
    lines += [f"> {name}: {text}" for name, text in exchange.headers.items()]
    lines += [f"> {line}" for line in exchange.octets.decode("utf-8", "backslashreplace").splitlines()]
    if exchange.reply is None:
        return "\n".join([*lines, f"no answer: {exchange.fault}"])
    lines += [f"< HTTP {exchange.reply.status}"]
    lines += [f"< {name}: {text}" for name, text in exchange.reply.headers.items()]
    lines += [f"< {line}" for line in exchange.reply.octets.decode("utf-8", "backslashreplace").splitlines()]
    return "\n".join(lines)


_TAKEN_OVER = "taken over"


def taken_over() -> None:
    """Mark the result of the test that runs: the run that is gone on with has one with steps, if in this folder."""
    allure.dynamic.label(_TAKEN_OVER, "yes")


def without_repeated(folder: Path) -> None:
    """Delete results that were taken over and are there from the run before."""
    results = list(_results(folder))
    before = {name for name, repeats, _ in results if not repeats}
    for name, repeats, path in results:
        if repeats and name in before:
            path.unlink(missing_ok=True)


def _results(folder: Path) -> Iterator[tuple[str, bool, Path]]:
    """Each result in a folder: its name, whether it was taken over, and where it is."""
    for path in folder.glob("*-result.json"):
        try:
            reported = json.loads(path.read_bytes())
            yield str(reported["fullName"]), any(label["name"] == _TAKEN_OVER for label in reported["labels"]), path
        except (OSError, ValueError, LookupError, TypeError):
            continue


def write_environment(folder: Path, card: dict[str, str]) -> None:
    """environment.properties and categories.json beside the results."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [f"{name.replace(' ', '_')}={text}" for name, text in card.items()]
    (folder / "environment.properties").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (folder / "categories.json").write_text(json.dumps(CATEGORIES, indent=1), encoding="utf-8")
