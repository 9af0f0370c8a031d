"""The text of a failed step: what was sent, received and expected, and which clause says so."""

from __future__ import annotations

import json
from typing import Any

from pytest_euicc.card.status_words import describe as describe_status
from pytest_euicc.conformance.engine.events import (
    StepFailure,
)
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.masking import mask, octets_text


def without_repetition(status: str | None, value: Any) -> Any:
    """The value without what the text of an ES9+ answer shows already."""
    if status is None or not isinstance(value, dict):
        return value
    return {name: entry for name, entry in value.items() if name not in ("json", "headers")}


def _is_object(octets: bytes) -> bool:
    """Whether octets are an object of JSON, as the body of a request of ES9+."""
    try:
        return octets.startswith(b"{") and isinstance(json.loads(octets), dict)
    except (ValueError, RecursionError):
        return False


def failure_text(failure: StepFailure, limit: int = 600, *, requirement: str | None = None) -> str:
    """A failed step for people: what was sent, received and expected, what is demanded and by which clause."""

    def cut(text: str) -> str:
        return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"

    def readable(octets: bytes) -> str:
        # ES9+ is text over HTTP; cards get and give octets. An LPA talks to both.
        as_text = failure.status is not None or _is_object(octets)
        return cut(mask(octets.decode("utf-8", "backslashreplace")) if as_text else octets_text(octets))

    lines = [f"step {failure.number}, {failure.action}: {failure.title}"]
    if failure.sent:
        lines.append(f"  sent      {readable(failure.sent)}")
    if failure.sent_value is not None:
        lines.append(f"            {describe(failure.sent_value, limit)}")
    status = "" if failure.sw is None else f" {failure.sw:04X} ({describe_status(failure.sw)})"
    status += "" if failure.status is None else f" [{failure.status}]"
    lines.append(
        f"  received  {readable(failure.received)}{status}"
        if failure.received
        else f"  received {status or ' nothing'}"
    )
    if failure.received_value is not None:
        lines.append(f"            {describe(without_repetition(failure.status, failure.received_value), limit)}")
    for index, problem in enumerate(failure.mismatches):
        lines.append(f"  {'expected' if index == 0 else '        '}  {cut(str(problem))}")
    if failure.because:
        lines.append(f"  because   {failure.because}")
    if requirement and requirement != failure.because:
        lines.append(f"  required  {requirement}")
    if failure.clauses:
        lines.append(f"  clause    {', '.join(failure.clauses)}")
    return "\n".join(lines)
