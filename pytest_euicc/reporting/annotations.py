"""Failures beside the line of the vector that says what is right: annotations of GitHub and GitLab."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from pytest_euicc.reporting.run_file import Entry

_LEVELS = {"fail": "error", "inconclusive": "warning", "not finished": "warning"}
_GITLAB = {"fail": "critical", "inconclusive": "minor", "not finished": "minor"}
CODE_QUALITY = "gl-code-quality.json"
"""Name of the report for GitLab, in the folder of the run (``artifacts: reports: codequality``)."""


def github(entries: Iterable[Entry]) -> Iterator[str]:
    """Workflow commands, one line each: GitHub shows them at the vector's file and line."""
    for entry in entries:
        if entry.verdict in _LEVELS:
            place = f"file={_property(entry.file)},line={entry.line or 1},title={_property(entry.key)}"
            yield f"::{_LEVELS[entry.verdict]} {place}::{_data(_text(entry))}"


def _text(entry: Entry) -> str:
    return f"{entry.title}: {entry.verdict}\n{entry.reason}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def gitlab(entries: Iterable[Entry]) -> str:
    """A code quality report, as JSON."""
    issues: list[dict[str, Any]] = [
        {
            "description": _text(entry),
            "check_name": entry.key,
            "fingerprint": hashlib.sha256(f"{entry.key} {entry.verdict}".encode()).hexdigest(),
            "severity": _GITLAB[entry.verdict],
            "location": {"path": entry.file, "lines": {"begin": entry.line or 1}},
        }
        for entry in entries
        if entry.verdict in _GITLAB
    ]
    return json.dumps(issues, indent=1) + "\n"
