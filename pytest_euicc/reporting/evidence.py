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
        "clauses": list(dict.fromkeys(clauses)),
        "sgp23": case.clauses.sgp23,
        "severity": sequence.severity or case.severity,
        "verdict": str(result.verdict),
        "reason": failure_text(result.failure) if result.failure is not None else result.reason,
        "left_behind": list(result.left_behind),
        "seconds": round(result.seconds, 6),
        "transport_seconds": round(result.transport_seconds, 6),
        "apdus": result.apdus,
        "requests": result.requests,
    }
