"""What a load is answered with: nothing while it goes on, and the Profile Installation Result (SGP.22 2.5.6, 5.7.6)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_euicc.conformance.actions import Outcome
from pytest_euicc.conformance.actions_es10 import outcome_of
from pytest_euicc.conformance.asn1_shapes import asn1_shape
from pytest_euicc.conformance.bringing import loaded
from pytest_euicc.conformance.context import Context
from pytest_euicc.conformance.shapes import Shape
from pytest_euicc.es10.isdr import Reply

_RESULTS = "profile installation results"


def result_shape() -> Shape:
    """A ProfileInstallationResult that need not come."""
    return replace(asn1_shape("ProfileInstallationResult"), optional=True)


def result_of(context: Context, reply: Reply, sent: bytes) -> Outcome:
    """The outcome of a step that sent octets of a package; results are kept for the steps that follow."""
    outcome = outcome_of(reply)
    outcome.sent, outcome.shape = sent, result_shape()
    if reply.ok and not reply.octets:
        outcome.fault = None
    if outcome.value is not None:
        data = outcome.value["profileInstallationResultData"]
        results(context).append(data)
        metadata = data["notificationMetadata"]
        installed = data["finalResult"][0] == "successResult"
        loaded(context, int(metadata["seqNumber"]), bytes(metadata.get("iccid", b"")) if installed else None)
    return outcome


def results(context: Context) -> list[dict[str, Any]]:
    """Every ProfileInstallationResultData of this sequence, in order."""
    found: list[dict[str, Any]] = context.notes.setdefault(_RESULTS, [])
    return found
