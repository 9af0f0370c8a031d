"""A comparison of runs as a page, as JSON, as JUnit XML and as Markdown for a pull request."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from xml.etree import ElementTree as Xml  # written, never read

from pytest_euicc.reporting.comparison import KINDS, Change, Comparison
from pytest_euicc.reporting.page import page
from pytest_euicc.reporting.run_file import NOTICE, VERDICTS

_LISTED = 30
"""Sequences of one kind in a Markdown text; a pull request takes no more than 65536 characters."""


def html(comparison: Comparison) -> str:
    """A page that loads nothing."""
    return page("compare.html", comparison=comparison, kinds=KINDS, verdicts=VERDICTS)


def as_json(comparison: Comparison) -> str:
    """Every change with what differs."""
    data = {
        "notice": NOTICE,
        "before": {"product": comparison.before.product, "started": comparison.before.started},
        "after": {"product": comparison.after.product, "started": comparison.after.started},
        "warnings": list(comparison.warnings),
        "changes": [_plain(change) for change in comparison.changes],
    }
    return json.dumps(data, indent=1) + "\n"


def _plain(change: Change) -> dict[str, Any]:
    return {
        "kind": change.kind,
        "id": change.id,
        "title": change.entry.title,
        "clauses": change.entry.clauses,
        "before": change.before.verdict if change.before else None,
        "after": change.after.verdict if change.after else None,
        "history": list(change.history),
        "details": list(change.details),
    }


def junit(comparison: Comparison, fail_on: Iterable[str]) -> str:
    """JUnit XML: a test case a changed sequence, failed if its kind of change is one of ``fail_on``."""
    failing = frozenset(fail_on)
    suite = Xml.Element("testsuite", name="pytest-euicc compare", tests=str(len(comparison.changes)))
    failed = 0
    for change in comparison.changes:
        case = Xml.SubElement(suite, "testcase", classname=f"compare.{change.kind}", name=change.id)
        if change.kind in failing:
            failed += 1
            reported = Xml.SubElement(case, "failure", message=f"{KINDS[change.kind]}: {change.verdicts}")
            reported.text = _xml_text("\n".join([change.entry.title, *change.details]))
    suite.set("failures", str(failed))
    return Xml.tostring(suite, encoding="unicode", xml_declaration=True) + "\n"


def _xml_text(text: str) -> str:
    """Text that XML 1.0 can hold."""
    return "".join(
        letter if letter in "\t\n" or " " <= letter < "\ud800" or letter > "\udfff" else "�" for letter in text
    )


def markdown(comparison: Comparison) -> str:
    """A text for a pull request."""
    lines = [f"### {_cell(comparison.after.product)}", ""]
    lines += [f"- {name}: {_cell(text)}" for name, text in comparison.heading] + [""]
    for warning in comparison.warnings:
        lines += [f"> **Warning:** {_cell(warning)}", ""]
    lines += ["| verdict | before | after |", "| --- | ---: | ---: |"]
    before, after = comparison.before.counts(), comparison.after.counts()
    lines += [f"| {each} | {before[each]} | {after[each]} |" for each in VERDICTS if before[each] or after[each]]
    for kind, changes in comparison.by_kind.items():
        lines += [
            "",
            f"<details{' open' if kind == 'worse' else ''}><summary>{KINDS[kind]} ({len(changes)})</summary>",
            "",
        ]
        if kind == "answers":
            lines += [f"- `{_cell(field)}` ({len(ids)} sequences)" for field, ids in comparison.fields.items()]
        else:
            lines += [f"- `{change.id}` {_cell(change.entry.title)}: {change.verdicts}" for change in changes[:_LISTED]]
            lines += [f"- … and {len(changes) - _LISTED} more"] if len(changes) > _LISTED else []
        lines += ["", "</details>"]
    if not comparison.changes:
        lines += ["", "No difference."]
    return "\n".join([*lines, "", f"_{NOTICE}_", ""])


def _cell(text: str) -> str:
    """One line of text that Markdown shows as it is."""
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]<>|" else letter for letter in text)
    return " ".join(escaped.split())
