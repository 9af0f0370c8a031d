"""The summary of a run: the table for the terminal, and one HTML page to read."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pytest_euicc.conformance.files.observations import CHOICE
from pytest_euicc.conformance.files.sides import NAMES
from pytest_euicc.reporting.grouping import groups
from pytest_euicc.reporting.page import page
from pytest_euicc.reporting.run_file import NOTICE, VERDICTS, Entry, RunRecord

_BARS = 15
_SHOWN, _WIDEST = 5, 200
"""Causes on the terminal, and characters of each; the page has all."""
_NOT_SHOWN = {"seed", "declaration", "SM-DP+ declaration"}
_LABELS = {
    "eid": "EID",
    "--euicc-defect": "defects of the simulated eUICC",
    "--smdp-defect": "defects of the simulated SM-DP+",
    "--euicc-variant": "permitted variants of the simulated eUICC",
    "--smdp-variant": "permitted variants of the simulated SM-DP+",
    "--lpa-defect": "defects of the built-in LPA",
    "--lpa-variant": "permitted variants of the built-in LPA",
}


@dataclass(frozen=True)
class Bar:
    """A bar of the plot of times; its parts by their colour's class, in per cent of the longest bar."""

    id: str
    parts: dict[str, float]
    text: str


def lines(run: RunRecord) -> Iterator[str]:
    """The table for a terminal."""
    for card in run.cards or [run.card]:
        about = " · ".join(f"{name} {text}" for name, text in card.items() if name != "seed")
        if about:
            yield about
    for product in run.products:
        if product:
            yield f"{product}:"
        for interface in run.interfaces:
            counts = run.counts(interface, product)
            reported = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
            if reported:
                yield f"{interface:<11} {reported}"
    theirs = sum(entry.origin == "sgp23" for entry in run.sequences)
    yield f"origin      {theirs} sequences of SGP.23, {len(run.sequences) - theirs} own"
    yield from _causes(run.sequences)
    for entry in run.sequences:
        for line in entry.left_behind:
            yield f"not restored after {entry.key}: {line}"
    made = sum(each.get("kind") == CHOICE for entry in run.sequences for each in entry.observations)
    for text, names in _observations(run.sequences, choices=False).items():
        more = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"observed in {names[0]}{more}: {text}"
    if made:
        yield f"where a clause leaves a choice: {made} permitted alternatives observed, listed in the report"
    yield NOTICE


def _causes(entries: Sequence[Entry]) -> Iterator[str]:
    """Where several sequences ended alike: how many causes there are, and the most frequent ones."""
    made = groups(entries)
    common = sorted((group for group in made if len(group.entries) > 1), key=lambda group: -len(group.entries))
    if not common:
        return
    count = sum(len(group.entries) for group in made)
    causes = f"{len(made)} cause{'s' if len(made) > 1 else ''}"
    yield f"causes      {count} sequences did not pass, for {causes}; several at once:"
    for group in common[:_SHOWN]:
        yield f"            {len(group.entries)} {group.verdict}: {textwrap.shorten(group.cause, _WIDEST)}"


def html(run: RunRecord) -> str:
    """The page to read; it loads nothing."""
    return page(
        "summary.html",
        run=run,
        verdicts=VERDICTS,
        heading=list(_heading(run)),
        groups=groups(run.sequences),
        matrix=_matrix(run.sequences),
        observations=_observations(run.sequences),
        reasons=_reasons(run.sequences),
        clauses=_clauses(run.sequences),
        bars=_bars(run.sequences),
    )


def _heading(run: RunRecord) -> Iterator[tuple[str, str]]:
    """Everything that a certificate would say, as pairs of name and text."""
    if run.cards:
        yield from (("card", _card(card)) for card in run.cards)
    else:
        yield from ((_LABELS.get(name, name), text) for name, text in run.card.items() if name not in _NOT_SHOWN)
    for declaration in run.declarations:
        side = NAMES.get(str(declaration.get("iut")), "SM-DP+")
        reported = (
            f"{declaration.get('name')}: SGP.22 {declaration.get('version')}, SHA-256 {declaration.get('sha256')}"
        )
        yield f"declaration of the {side}", reported
    yield "started", run.started
    if run.ended:
        yield "duration", _duration(run)
    harness = run.harness
    yield (
        "harness",
        f"pytest-euicc {harness.get('version', '')}, Python {harness.get('python', '')}, {harness.get('platform', '')}",
    )
    vectors = harness.get("vectors", {})
    if vectors:
        yield "vectors", f"{vectors.get('sequences')} sequences, SHA-256 {vectors.get('sha256')}"
    if run.seed:
        yield "seed", run.seed
    yield from (("merged from", _merged(each)) for each in run.runs)
    if run.tester:
        yield "tested by", run.tester
    if run.pki:
        yield "trusted CI keys", ", ".join(run.pki)
    for option, names in run.deviations.items():
        if names:
            yield _LABELS.get(option, option), ", ".join(names)
    chosen = ", ".join(f"{name} {text}" for name, text in run.options.items() if text not in (None, "", [], False))
    if chosen:
        yield "options", chosen


def _card(card: dict[str, str]) -> str:
    """One of several cards in a line."""
    return " · ".join(f"{_LABELS.get(name, name)} {text}" for name, text in card.items() if name not in _NOT_SHOWN)


def _merged(run: dict[str, Any]) -> str:
    """One of the runs that a merged one was made of."""
    shard = run.get("options", {}).get("shard")
    parts = [f"shard {shard}"] if shard else []
    parts += [f"{name} {run[name]}" for name in ("started", "ended", "seed", "tester") if run.get(name)]
    parts += [f"on {run['harness']['platform']}"] if run.get("harness", {}).get("platform") else []
    parts += [f"manifest SHA-256 {run['manifest']}"] if run.get("manifest") else ["did not finish"]
    return ", ".join(parts)


def _duration(run: RunRecord) -> str:
    try:
        took = datetime.fromisoformat(run.ended) - datetime.fromisoformat(run.started)
    except ValueError:
        return ""
    seconds = took.total_seconds()
    return f"{seconds:.1f} s" if seconds < 120 else f"{int(seconds // 60)} min {int(seconds % 60)} s"


def _matrix(entries: Iterable[Entry]) -> dict[str, dict[str, list[Entry]]]:
    """Entries by interface and function, in the order of names."""
    found: dict[str, dict[str, list[Entry]]] = {}
    for entry in sorted(entries, key=lambda each: (each.interface, each.function, each.key)):
        found.setdefault(entry.interface, {}).setdefault(entry.function, []).append(entry)
    return found


def _observations(entries: Iterable[Entry], *, choices: bool = True) -> dict[str, list[str]]:
    """Sequences by what was observed in them; on a terminal without the choices, which nearly every sequence has."""
    found: dict[str, list[str]] = {}
    for entry in entries:
        for each in entry.observations:
            if not choices and each.get("kind") == CHOICE:
                continue
            found.setdefault(str(each.get("text", each)), []).append(entry.key)
    return found


def _reasons(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.verdict == "not applicable":
            found.setdefault(entry.reason, []).append(entry)
    return dict(sorted(found.items(), key=lambda pair: -len(pair[1])))


def _clauses(entries: Iterable[Entry]) -> dict[str, Counter[str]]:
    found: dict[str, Counter[str]] = {}
    for entry in entries:
        for clause in entry.clauses:
            found.setdefault(clause, Counter())[entry.verdict] += 1
    return dict(sorted(found.items(), key=lambda pair: _parts(pair[0])))


def _parts(clause: str) -> tuple[Any, ...]:
    """A clause by its numbers, so that 5.7.10 comes after 5.7.9."""
    number = clause.rpartition(" ")[2]
    return clause.rpartition(" ")[0], [int(part) if part.isdecimal() else 0 for part in number.split(".")], number


def _bars(entries: Iterable[Entry]) -> list[Bar]:
    slowest = sorted(entries, key=lambda entry: -entry.seconds)[:_BARS]
    if not slowest or not slowest[0].seconds:
        return []
    unit = 100 / slowest[0].seconds
    return [_bar(entry, unit) for entry in slowest]


def _bar(entry: Entry, unit: float) -> Bar:
    waiting = min(entry.transport_seconds, entry.seconds)
    times = {"pass": waiting, "not-applicable": entry.seconds - waiting}
    parts = {name: round(seconds * unit, 1) for name, seconds in times.items()}
    rest = {"rest": round(100 - entry.seconds * unit, 1)}
    return Bar(entry.key, parts | rest, f"{entry.seconds * 1000:.0f}")
