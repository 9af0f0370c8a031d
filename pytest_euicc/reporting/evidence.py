"""What a result becomes in files: plain values that JSON can hold."""

from __future__ import annotations

from typing import Any

from pytest_euicc.conformance.engine.events import Result
from pytest_euicc.conformance.engine.failure import failure_text


def entry(result: Result) -> dict[str, Any]:
    """One line of a summary: identity, verdict, reason, figures."""
    case, sequence = result.case, result.sequence
    clauses = [*case.clauses.sgp22, *sequence.clauses]
    return {
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
        "seconds": round(result.seconds, 6),
        "transport_seconds": round(result.transport_seconds, 6),
        "apdus": result.apdus,
        "requests": result.requests,
    }


def reason(result: Result) -> str:
    """Why a sequence did not pass, for people; empty when it did."""
    if result.failure is None:
        return result.reason
    return failure_text(result.failure, requirement=result.case.requirement_of(result.sequence))


def properties(result: Result) -> list[tuple[str, object]]:
    """What JUnit XML says of a sequence: where it comes from, and what it demands."""
    case, sequence = result.case, result.sequence
    told: list[tuple[str, object]] = [("origin", case.origin_of(sequence))]
    number = case.sgp23_number(sequence)
    told += [("sgp23", number)] if number else []
    told += [("clauses", ", ".join(case.clause_list(sequence)))]
    demanded = case.requirement_of(sequence)
    return told + ([("requirement", demanded)] if demanded else [])
