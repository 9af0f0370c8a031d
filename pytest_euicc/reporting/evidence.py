"""What a result becomes in files: plain values that JSON can hold."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from pytest_euicc import resources
from pytest_euicc.conformance.engine.events import Result
from pytest_euicc.conformance.engine.failure import failure_text
from pytest_euicc.masking import mask, mask_value
from pytest_euicc.text import printable_values


def entry(result: Result) -> dict[str, Any]:
    """One line of a summary: identity, verdict, reason, figures."""
    case, sequence = result.case, result.sequence
    clauses = [*case.clauses.sgp22, *sequence.clauses, *case.clauses.other]
    reported = {
        "id": result.id,
        "case": case.case,
        "interface": case.interface,
        "title": sequence.title,
        "requirement": case.requirement_of(sequence),
        "clauses": list(dict.fromkeys(clauses)),
        "origin": case.origin_of(sequence),
        "sgp23": case.sgp23_number(sequence),
        "formerly": case.former_ids(sequence),
        "severity": sequence.severity or case.severity,
        "verdict": str(result.verdict),
        "reason": reason(result),
        "left_behind": list(result.left_behind),
        "observations": [asdict(each) for each in result.observations],
        "seconds": round(result.seconds, 6),
        "transport_seconds": round(result.transport_seconds, 6),
        "apdus": result.apdus,
        "requests": result.requests,
        "file": _place(case.file),
        "line": sequence.line,
    }
    return {name: printable_values(mask_value(value)) for name, value in reported.items()}


def reason(result: Result) -> str:
    """Why a sequence did not pass, for people; empty when it did."""
    if result.failure is None:
        return mask(result.reason)
    return failure_text(result.failure, requirement=result.case.requirement_of(result.sequence))


def properties(reported: dict[str, Any]) -> list[tuple[str, object]]:
    """The properties of a sequence in JUnit XML; ``told`` is an `entry`."""
    names = ("title", "requirement", "origin", "sgp23", "severity", "verdict", "file", "line")
    found = [(name, reported[name]) for name in names if reported.get(name)]
    observed = [("observation", each["text"]) for each in reported["observations"]]
    return [*found, ("clauses", ", ".join(reported["clauses"])), *observed]


@cache
def _place(file: str) -> str:
    """The vector's file below the folder of the vectors: the same wherever the package is installed."""
    own = resources.vectors()
    path = Path(file)
    return f"vectors/{path.relative_to(own).as_posix()}" if file and path.is_relative_to(own) else file
