"""Two or more runs side by side: what got worse, what got better, and what answers otherwise under the same verdict."""

from __future__ import annotations

import itertools
import json
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pytest_euicc.reporting.answers import changed_answers, words
from pytest_euicc.reporting.run_file import Entry, RunRecord

_KNOWN_BY = {"eid": "EID", "SM-DP+": "SM-DP+"}
BAD = ("fail", "inconclusive", "not finished")
KINDS = {
    "worse": "Worse",
    "better": "Better",
    "otherwise": "Fails differently now",
    "still": "Still failing",
    "flaky": "Flaky",
    "answers": "Answers that changed, verdict unchanged",
    "timing": "Changed times",
    "new": "New sequences",
    "gone": "Removed sequences",
    "not-run": "Not run",
    "other": "Other changes",
}
"""Kinds of change, in the order of reports."""
_STEP = re.compile(r"^step \d+, ")


@dataclass(frozen=True)
class _Threshold:
    """When a time has moved: as a factor of the other, in seconds, and in deviations of the runs before."""

    times: float
    seconds: float
    deviations: float = 4.0


_KNOWN_NOISE, _UNKNOWN_NOISE = _Threshold(1.3, 0.02), _Threshold(2.0, 0.25)
"""With three runs or more before, and with fewer, which say nothing of how much a time varies."""


@dataclass(frozen=True)
class Change:
    """One sequence that differs.

    Attributes:
        kind: a key of KINDS.
        before, after: its entries; None where the run does not have it.
        details: what differs, one line each.
        history: verdicts of all runs, the first first.
    """

    kind: str
    id: str
    before: Entry | None
    after: Entry | None
    details: tuple[str, ...] = ()
    history: tuple[str, ...] = ()

    @property
    def entry(self) -> Entry:
        """The sequence as the newest run that has it describes it."""
        found = self.after or self.before
        assert found is not None  # noqa: S101
        return found

    @property
    def verdicts(self) -> str:
        """The verdicts in words: ``pass -> fail``; of a flaky sequence those of all runs."""
        if self.kind == "flaky":
            return " -> ".join(self.history)
        before, after = (each.verdict if each else "not run" for each in (self.before, self.after))
        return before if before == after else f"{before} -> {after}"

    def __str__(self) -> str:
        return f"{self.id}: {self.verdicts}  {self.entry.title}"


@dataclass(frozen=True)
class Comparison:
    """What differs between the first run and the last; runs between them show what is flaky, and how times vary."""

    runs: tuple[RunRecord, ...]
    changes: tuple[Change, ...]
    warnings: tuple[str, ...] = field(default=())

    @property
    def before(self) -> RunRecord:
        """The first run."""
        return self.runs[0]

    @property
    def after(self) -> RunRecord:
        """The last run."""
        return self.runs[-1]

    @property
    def heading(self) -> list[tuple[str, str]]:
        """The first run and the last: product, firmware, card or server, version of SGP.22, date."""
        return [("before", _heading(self.before)), ("after", _heading(self.after))]

    @cached_property
    def by_kind(self) -> Mapping[str, list[Change]]:
        """Changes by kind, without the kinds that have none."""
        found = {kind: [change for change in self.changes if change.kind == kind] for kind in KINDS}
        return {kind: changes for kind, changes in found.items() if changes}

    @cached_property
    def fields(self) -> dict[str, list[str]]:
        """Changed answers by field and values: the sequences that show each."""
        found: dict[str, list[str]] = {}
        for change in self.by_kind.get("answers", []):
            for line in change.details:
                names = found.setdefault(_STEP.sub("", line), [])
                if change.id not in names:
                    names.append(change.id)
        return found

    def lines(self) -> Iterator[str]:
        """The report for a terminal."""
        yield from (f"{name:<7} {text}" for name, text in self.heading)
        yield from (f"WARNING {warning}" for warning in self.warnings)
        for kind, changes in self.by_kind.items():
            yield f"{KINDS[kind].lower()} ({len(changes)}):"
            if kind == "answers":
                for line, ids in self.fields.items():
                    more = f" and {len(ids) - 3} more" if len(ids) > 3 else ""
                    yield f"  {line}  ({', '.join(ids[:3])}{more})"
                continue
            for change in changes:
                yield f"  {change}"
                yield from (f"      {line}" for line in change.details)
        if not self.changes:
            yield "no difference"


def _heading(run: RunRecord) -> str:
    parts = [run.product, *(f"{label} {run.card[name]}" for name, label in _KNOWN_BY.items() if name in run.card)]
    parts += [f"SGP.22 {each['version']}" for each in run.declarations[:1] if each.get("version")]
    return "; ".join([*parts, run.started or "date unknown"])


def compare(runs: Sequence[RunRecord]) -> Comparison:
    """Compare the last run with the first.

    Args:
        runs: two or more, the oldest first.
    """
    tables = [_by_id(run, runs[-1]) for run in runs]
    ids = sorted({name for table in (tables[0], tables[-1]) for name in table})
    changes = [change for name in ids for change in _changes(name, tables, runs)]
    return Comparison(tuple(runs), tuple(changes), tuple(_warnings(runs[0], runs[-1])))


def _by_id(run: RunRecord, newest: RunRecord) -> dict[str, Entry]:
    """Entries by the key that the newest run has for them, whatever they were called before."""
    renamed = {(old, entry.product): entry.key for entry in newest.sequences for old in entry.formerly}
    return {renamed.get((entry.id, entry.product), entry.key): entry for entry in run.sequences}


def _changes(name: str, tables: Sequence[Mapping[str, Entry]], runs: Sequence[RunRecord]) -> Iterator[Change]:
    before, after = tables[0].get(name), tables[-1].get(name)
    history = tuple(table[name].verdict for table in tables if name in table)
    if before is None or after is None:
        there, lacking = (before, runs[-1]) if after is None else (after, runs[0])
        assert there is not None  # noqa: S101
        # A sequence that the vectors of the other run had was left out of it: by -k, by a run that ended early.
        known_as = name.removesuffix(f"@{there.product}")
        left_out = known_as in lacking.known or any(old in lacking.known for old in there.formerly)
        yield Change("not-run" if left_out else "gone" if after is None else "new", name, before, after)
        return
    if _is_flaky(history):
        yield Change("flaky", name, before, after, history=history)
        return
    kind, details = _verdict_change(before, after)
    if kind:
        yield Change(kind, name, before, after, tuple(details), history)
    if before.verdict == after.verdict and not kind.startswith("otherwise"):
        earlier = [table[name] for table in tables[:-1] if name in table]
        answers = tuple(changed_answers(earlier, after))
        if answers:
            yield Change("answers", name, before, after, answers)
        time = _moved(earlier, after)
        if time:
            yield Change("timing", name, before, after, (time,))


def _is_flaky(history: Sequence[str]) -> bool:
    """Whether a verdict went and came back; two runs cannot show that."""
    changes = sum(one != two for one, two in itertools.pairwise(history))
    return changes > 1


def _verdict_change(before: Entry, after: Entry) -> tuple[str, list[str]]:
    reported = after.reason.splitlines() if after.verdict in BAD else []
    if before.verdict == after.verdict:
        if after.verdict not in BAD:
            return "", []
        if _cause(before) == _cause(after):
            return "still", reported
        was = before.reason.splitlines()
        return "otherwise", ["before:", *(f"  {line}" for line in was), "now:", *(f"  {line}" for line in reported)]
    if after.verdict in BAD and (before.verdict not in BAD or after.verdict == "fail"):
        return "worse", [*reported, *_other_side("before", before, after)]
    if before.verdict in BAD:
        was = before.reason.splitlines()
        return "better", ["before:", *(f"  {line}" for line in was), *_other_side("now", after, before)] if was else []
    return "other", [after.reason] if after.reason else []


def _other_side(name: str, entry: Entry, failed: Entry) -> Iterator[str]:
    """What was received in the step that failed, in the run in which it did not."""
    step = failed.failed_step
    for same in entry.steps if step else ():
        if step and (same.phase, same.number, same.action) == (step.phase, step.number, step.action):
            status = same.sw or same.status or ""
            yield f"{name}: received {words(json.dumps(same.received))} {status}".rstrip()


def _cause(entry: Entry) -> tuple[Any, ...]:
    """What a failure is about, without values of the moment."""
    step = entry.failed_step
    if step is None:
        return (entry.verdict, entry.reason.splitlines()[0] if entry.reason else "")
    problems = tuple((problem.path, problem.expected) for problem in step.problems)
    return (entry.verdict, step.action, step.number, step.sw, step.status, problems)


def _moved(earlier: Sequence[Entry], after: Entry) -> str:
    """How the time of a sequence has moved beyond its noise; empty where it has not."""
    times = [entry.transport_seconds for entry in earlier]
    usual, now = statistics.median(times), after.transport_seconds
    threshold, noise = (_KNOWN_NOISE, statistics.stdev(times)) if len(times) > 2 else (_UNKNOWN_NOISE, 0.0)
    longer, shorter = max(usual, now), min(usual, now)
    least = max(threshold.seconds, noise * threshold.deviations)
    if longer - shorter < least or longer < threshold.times * shorter:
        return ""
    return f"{usual * 1000:.0f} ms -> {now * 1000:.0f} ms at the implementation under test"


def _warnings(before: RunRecord, after: RunRecord) -> Iterator[str]:
    for name, kind in (("eid", "cards: EID"), ("SM-DP+", "servers:")):
        one, two = before.card.get(name), after.card.get(name)
        if one != two and one and two:
            yield f"these are different {kind} {one} and {two}"
    for declared, now in zip(before.declarations, after.declarations, strict=False):
        if declared.get("sha256") != now.get("sha256"):
            yield f"the declarations differ: {declared.get('name')} and {now.get('name')}"
    versions = [str(run.harness.get("version", "0.1")) for run in (before, after)]
    if versions[0] != versions[1]:
        yield f"made with different versions of pytest-euicc: {versions[0]} and {versions[1]}"
    vectors = [run.harness.get("vectors", {}).get("sha256") for run in (before, after)]
    if None not in vectors and vectors[0] != vectors[1]:
        yield "the vectors differ"
    for name, run in (("first", before), ("last", after)):
        if not run.finished:
            yield f"the {name} run did not finish"
        if any(run.deviations.values()):
            on = ", ".join(each for names in run.deviations.values() for each in names)
            yield f"the {name} run had deviations of the simulator on: {on}"


def worst(comparison: Comparison, kinds: Iterable[str]) -> bool:
    """Whether there is a change of one of the kinds."""
    return any(kind in comparison.by_kind for kind in kinds)
