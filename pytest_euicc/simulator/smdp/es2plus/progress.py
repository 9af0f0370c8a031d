"""What an SM-DP+ reports to the operator about a download: HandleDownloadProgressInfo (SGP.22 5.3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import Any

from pytest_euicc.rsp import iccid as iccids
from pytest_euicc.simulator.smdp.http.json_binding import encode
from pytest_euicc.simulator.smdp.http.status import Refusal

PATH = "/gsma/rsp2/es2plus/handleDownloadProgressInfo"


class Point(IntEnum):
    """notificationPointId."""

    ELIGIBILITY = 1
    CONFIRMATION_FAILURE = 2
    PACKAGE_DOWNLOAD = 3
    PACKAGE_INSTALLATION = 4


@dataclass(frozen=True)
class Progress:
    """One step of a download.

    Attributes:
        refusal: why the step failed; None if it did not.
        result: ProfileInstallationResult (BF37) that reports it, if one does.
    """

    iccid: bytes
    profile_type: str
    eid: bytes
    point: Point
    at: datetime
    refusal: Refusal | None = None
    result: bytes | None = None

    def body(self, requester: str, call: str) -> dict[str, Any]:
        """The request of the JSON binding, from a functionRequesterIdentifier and a functionCallIdentifier."""
        status: dict[str, Any] = {"status": "Executed-Success"}
        if self.refusal is not None:
            status = self.refusal.header()["functionExecutionStatus"]
        found = {
            "header": {"functionRequesterIdentifier": requester, "functionCallIdentifier": call},
            "eid": self.eid.hex(),
            "iccid": iccids.to_digits(self.iccid),
            "profileType": self.profile_type,
            "timestamp": self.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "notificationPointId": int(self.point),
            "notificationPointStatus": status,
        }
        return found if self.result is None else {**found, "resultData": encode(self.result)}
