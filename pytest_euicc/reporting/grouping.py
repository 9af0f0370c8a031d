"""Failures with one root cause as one group: the same step, the same answer, the same clause."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_euicc.reporting.run_file import Entry, Problem

_OF_THE_MOMENT = re.compile(r"\b[0-9A-Fa-f]{8,}\b|\b\d+\b")
"""Octets and numbers in a message: they differ between sequences with the same cause."""


_CODE = re.compile(r"(\d)[./](?=\d)")
"""Status codes and versions are no values of the moment."""
_STEP = re.compile(r"step \d+, ([\w.]+): ")
_ANSWER = re.compile(r"^  received  .*(?:\[([^\]\n]+)\]|\b([0-9A-F]{4}) \([^)\n]*\))$", re.MULTILINE)
_PROBLEM = re.compile(r"^  expected  (.*?): expected (.*), received (.*)$", re.MULTILINE)
"""Lines of the text of a failed step."""


@dataclass(frozen=True)
class _Seen:
    """A step that failed: its action, status word or status, and the first problem."""

    action: str
    answer: str
    problem: Problem


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
    seen = _seen(entry)
    if seen is None:
        return entry.verdict, _OF_THE_MOMENT.sub("#", entry.reason.splitlines()[0] if entry.reason else "")
    clause = entry.clauses[0] if entry.clauses else ""
    received = _OF_THE_MOMENT.sub("#", seen.problem.actual)
    return entry.verdict, seen.action, seen.answer, seen.problem.path, received, clause


def _seen(entry: Entry) -> _Seen | None:
    """The step that failed; of an entry without its steps, as a run has them that writes no evidence, from its text."""
    step = entry.failed_step
    if step is not None:
        return _Seen(step.action, step.sw or step.status or "", step.problems[0])
    step_line, problem = _STEP.match(entry.reason), _PROBLEM.search(entry.reason)
    if step_line is None or problem is None:
        return None
    answer = _ANSWER.search(entry.reason)
    reported = Problem(path=problem[1], expected=problem[2], actual=problem[3])
    return _Seen(step_line[1], "" if answer is None else answer[1] or answer[2], reported)


def _cause(members: list[Entry]) -> str:
    first = members[0]
    found = [seen for seen in map(_seen, members) if seen is not None]
    if not found:
        return first.reason.splitlines()[0] if first.reason else first.verdict
    answer = f" answered {found[0].answer}" if found[0].answer else ""
    clauses = f" ({first.clauses[0]})" if first.clauses else ""
    # They received the same, and may have expected different things; one of them stands for values of the moment.
    differing: dict[str, str] = {}
    for seen in found:
        differing.setdefault(_OF_THE_MOMENT.sub("#", _CODE.sub(r"\1_", seen.problem.expected)), seen.problem.expected)
    expected = " or ".join(differing.values())
    problem = found[0].problem.model_copy(update={"expected": expected})
    return f"{found[0].action}{answer}: {problem}{clauses}"
