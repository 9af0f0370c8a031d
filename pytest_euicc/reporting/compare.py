"""Two runs side by side: what got worse, what got better, what came and went."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_euicc.reporting.summary import Summary

_RANK = {"pass": 2, "not applicable": 1, "inconclusive": 0, "fail": 0}


@dataclass(frozen=True)
class Change:
    """One sequence whose verdict differs; None where the sequence was not in that run."""

    id: str
    title: str
    before: str | None
    after: str | None

    def __str__(self) -> str:
        return f"{self.id}: {self.before or 'not run'} -> {self.after or 'not run'}  {self.title}"


@dataclass(frozen=True)
class Comparison:
    """Changes by kind. Worse is what passed before and does not any more, and what newly fails."""

    worse: list[Change]
    better: list[Change]
    other: list[Change]

    def lines(self) -> Iterator[str]:
        """A report for a terminal."""
        for heading, changes in (("worse", self.worse), ("better", self.better), ("different", self.other)):
            if changes:
                yield f"{heading} ({len(changes)}):"
                yield from (f"  {change}" for change in changes)
        if not (self.worse or self.better or self.other):
            yield "no difference"


def compare(before: Summary, after: Summary) -> Comparison:
    """Compare two summaries sequence by sequence; one that was renamed is compared under its new name."""
    old = {entry["id"]: entry for entry in before.entries}
    new = {entry["id"]: entry for entry in after.entries}
    for entry in after.entries:
        for former in entry.get("formerly", ()):
            if former in old and former not in new and entry["id"] not in old:
                old[entry["id"]] = old.pop(former)
    worse, better, other = [], [], []
    for identifier in sorted(old | new):
        one, two = old.get(identifier), new.get(identifier)
        first: str | None = one["verdict"] if one else None
        second: str | None = two["verdict"] if two else None
        if first == second:
            continue
        change = Change(identifier, (two or one or {})["title"], first, second)
        if second in ("fail", "inconclusive") or (first == "pass" and second is None):
            worse.append(change)
        elif first is not None and second is not None and _RANK[second] > _RANK[first]:
            better.append(change)
        else:
            other.append(change)
    return Comparison(worse, better, other)
