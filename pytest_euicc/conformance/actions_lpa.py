"""Procedures of an LPA as actions: a download over HTTPS, notifications sent (SGP.22 3.1.3, 3.5)."""

from __future__ import annotations

from typing import Any, Literal, Protocol

from pytest_euicc.conformance.actions import Message, Outcome, action
from pytest_euicc.conformance.context import Context
from pytest_euicc.conformance.shapes import NUMBER, OCTETS, TEXT, mapping
from pytest_euicc.conformance.states import Unreachable
from pytest_euicc.conformance.tester import new_iccid, profile_for
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.lpa import (
    DownloadCancelled,
    EuiccRefused,
    InstallationFailed,
    Lpa,
    LpaError,
    ServerRefused,
)
from pytest_euicc.lpa.outcomes import Es9

SERVICE = "smdp"
_RESULT = mapping("download", result=TEXT, by=TEXT, code=TEXT, iccid=OCTETS, aid=OCTETS, seqNumber=NUMBER)
_NOTIFIED = mapping("notifications", delivered=NUMBER, kept=NUMBER)


class SmdpAccess(Protocol):
    """The SM-DP+ of a session: the simulated one, or any at a URL."""

    @property
    def address(self) -> str:
        """What activation codes name."""

    def seed(self, seed: int) -> None:
        """Make a simulated server reproducible."""

    def offer(self, order: dict[str, Any]) -> str:
        """Let it hold a profile; returns the matchingId."""

    def client(self, curve: str) -> Es9:
        """An ES9+ client."""


def _access(context: Context) -> SmdpAccess:
    access: SmdpAccess | None = context.session.services.get(SERVICE)
    if access is None:
        raise Unreachable("there is no SM-DP+ to download from; give --smdp sim or --smdp URL")
    return access


@action("lpa.download", response=_RESULT, changes=True)
def download(
    context: Context,
    message: Message,
    *,
    keys: Literal["session", "random"] = "session",
    curve: Literal["nist", "brainpool"] = "nist",
    confirmation_code: str | None = None,
    entered_code: str | None = None,
    matching_id: str = "PROCEDURE-1",
    offered_id: str = "PROCEDURE-1",
    metadata: dict[str, Any] | None = None,
    filler: int = 0,
) -> Outcome:
    """Download a profile over HTTPS (SGP.22 3.1.3)."""
    access = _access(context)
    access.seed(context.random.getrandbits(64))
    order: dict[str, Any] = {
        "octets": profile_for(new_iccid(context), filler),
        "matching_id": offered_id,
        "keys": keys,
        "metadata": {"notify": [{"events": ["install", "enable", "disable", "delete"], "address": access.address}]}
        | (metadata or {}),
    }
    if confirmation_code is not None:
        order["confirmation_code"] = confirmation_code
    try:
        access.offer(order)
    except Exception as error:
        raise Unreachable(f"the SM-DP+ cannot be given the profile: {error}") from error
    with Lpa(context.isdr(message.channel), lambda _address: access.client(curve)) as lpa:
        return Outcome(value=_downloaded(lpa, f"1${access.address}${matching_id}", entered_code), shape=_RESULT)


def _downloaded(lpa: Lpa, code: str, entered_code: str | None) -> dict[str, Any]:
    try:
        done = lpa.download(code, confirmation_code=entered_code)
    except Es9Error as error:
        raise Unreachable(str(error)) from error
    except ServerRefused as error:
        return {"result": "refused", "by": "SM-DP+", "code": f"{error.subject}/{error.reason}"}
    except EuiccRefused as error:
        return {"result": "refused", "by": "eUICC", "code": str(error.code)}
    except InstallationFailed as error:
        return {"result": "failed", "by": error.command, "code": error.error_reason, "seqNumber": error.sequence_number}
    except DownloadCancelled as error:
        return {"result": "cancelled", "by": "LPA", "code": error.reason}
    except LpaError as error:
        return {"result": "refused", "by": "LPA", "code": str(error)}
    return {"result": "installed", "iccid": done.iccid, "aid": done.aid, "seqNumber": done.sequence_number}


@action("lpa.process_notifications", response=_NOTIFIED, changes=True)
def process_notifications(
    context: Context, message: Message, *, curve: Literal["nist", "brainpool"] = "nist"
) -> Outcome:
    """Send every pending notification and remove it (SGP.22 3.5)."""
    access = _access(context)
    with Lpa(context.isdr(message.channel), lambda _address: access.client(curve)) as lpa:
        report = lpa.process_notifications()
    value = {"delivered": len(report.delivered), "kept": len(report.kept)}
    return Outcome(value=value, shape=_NOTIFIED)
