"""Failures with one root cause as one group: the same step, the same answer, the same clause."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_euicc.reporting.run_file import Entry

_OF_THE_MOMENT = re.compile(r"\b[0-9A-Fa-f]{8,}\b|\b\d+\b")
"""Octets and numbers in a message: they differ between sequences with the same cause."""


@dataclass(frozen=True)
class Group:
    """Sequences that ended alike.

    Attributes:
        cause: one line for people.
    """

    verdict: str
    cause: str
    entries: tuple[Entry, ...]


def groups(entries: Iterable[Entry]) -> list[Group]:
    """Failures first, then what was inconclusive; the largest group first."""
    found: dict[tuple[str, ...], list[Entry]] = {}
    for entry in entries:
        if entry.verdict in ("fail", "inconclusive", "not finished"):
            found.setdefault(_key(entry), []).append(entry)
    made = [Group(members[0].verdict, _cause(members), tuple(members)) for members in found.values()]
    order = {"fail": 0, "inconclusive": 1, "not finished": 2}
    return sorted(made, key=lambda group: (order[group.verdict], -len(group.entries), group.entries[0].id))


def _key(entry: Entry) -> tuple[str, ...]:
    step = entry.failed_step
    if step is None:
        return entry.verdict, _OF_THE_MOMENT.sub("#", entry.reason.splitlines()[0] if entry.reason else "")
    answer = step.sw or step.status or ""
    problem = step.problems[0]
    clause = entry.clauses[0] if entry.clauses else ""
    return entry.verdict, step.action, answer, problem.path, _OF_THE_MOMENT.sub("#", problem.actual), clause


def _cause(members: list[Entry]) -> str:
    first = members[0]
    step = first.failed_step
    if step is None:
        return first.reason.splitlines()[0] if first.reason else first.verdict
    answer = f" answered {step.sw or step.status}" if step.sw or step.status else ""
    clauses = f" ({first.clauses[0]})" if first.clauses else ""
    return f"{step.action}{answer}: {_problem(members)}{clauses}"


def _problem(members: list[Entry]) -> str:
    """The first problem of the failed steps, which received the same, with all that was expected in its place."""
    problems = [entry.failed_step.problems[0] for entry in members if entry.failed_step is not None]
    expected = list(dict.fromkeys(problem.expected for problem in problems))
    first = problems[0]
    return str(first.model_copy(update={"expected": " or ".join(expected)})) if len(expected) > 1 else str(first)
