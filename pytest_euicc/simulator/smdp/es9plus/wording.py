"""functionExecutionStatus of ES9+ answers in the ways that SGP.22 6.5.1.4 allows."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from pytest_euicc.simulator.smdp.http.status import Refusal, success

_LONG = 2000


def succeeded(variants: Container[str]) -> dict[str, Any]:
    """The header of an answer that carries out what was asked."""
    header = success()
    if "warns" in variants:
        data = {"subjectCode": "8.8", "reasonCode": "5.1", "message": "the quota of this month is nearly used up"}
        header["functionExecutionStatus"] = {
            "status": "Executed-WithWarning",
            "statusCodeData": _worded(data, variants),
        }
    return header


def refused(refusal: Refusal, variants: Container[str]) -> dict[str, Any]:
    """The header of an answer that refuses."""
    header = refusal.header()
    status = header["functionExecutionStatus"]
    status["statusCodeData"] = _worded(status["statusCodeData"], variants)
    return header


def _worded(data: dict[str, Any], variants: Container[str]) -> dict[str, Any]:
    message = str(data.pop("message"))
    if "empty-messages" in variants:
        message = ""
    if "long-messages" in variants:
        message = f"{message} " + "." * (_LONG - len(message) - 1)
    if "messages-beyond-ascii" in variants:
        message = "処理できません \N{CROSS MARK}"
    if "no-messages" not in variants:
        data["message"] = message
    if "names-subjects" in variants:
        data["subjectIdentifier"] = "testsmdpplus1.example.com"
    return data
