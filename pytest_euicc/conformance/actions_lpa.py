"""Procedures of an LPA as actions: a download over HTTPS, notifications sent (SGP.22 3.1.3, 3.5)."""

from __future__ import annotations

from typing import Any

from pytest_euicc.conformance.actions import Message, Outcome, action
from pytest_euicc.conformance.context import Context
from pytest_euicc.conformance.shapes import NUMBER, OCTETS, TEXT, mapping
from pytest_euicc.conformance.smdp_access import Curve, Keys, OrderWish, smdp_access, smdp_client
from pytest_euicc.conformance.states import Unreachable
from pytest_euicc.conformance.tester import new_iccid, profile_for
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.lpa import (
    DownloadCancelled,
    EuiccRefused,
    InstallationFailed,
    Lpa,
    LpaError,
    ServerRefused,
)

_RESULT = mapping("download", result=TEXT, by=TEXT, code=TEXT, iccid=OCTETS, aid=OCTETS, seqNumber=NUMBER)
_NOTIFIED = mapping("notifications", delivered=NUMBER, kept=NUMBER)


@action("lpa.download", response=_RESULT, changes=True)
def download(
    context: Context,
    message: Message,
    *,
    keys: Keys = "session",
    curve: Curve = "nist",
    confirmation_code: str | None = None,
    entered_code: str | None = None,
    matching_id: str | None = None,
    metadata: dict[str, Any] | None = None,
    filler: int = 0,
) -> Outcome:
    """Download a profile over HTTPS (SGP.22 3.1.3).

    ``matching_id``: what the activation code names, in place of that of the profile which the SM-DP+ holds.
    """
    access = smdp_access(context)
    wish = OrderWish(
        package=profile_for(new_iccid(context), filler),
        keys=keys,
        metadata=metadata or {},
        confirmation_code=confirmation_code,
        consumed=True,
    )
    held = access.offer(wish)
    code = f"1${access.address}${held.matching_id if matching_id is None else matching_id}"
    with _lpa(context, message, curve) as lpa:
        return Outcome(value=_downloaded(lpa, code, entered_code), shape=_RESULT)


class _Kept:
    """An ES9+ client that outlives the LPA which uses it."""

    def __init__(self, client: Es9Client) -> None:
        self.call = client.call

    def close(self) -> None:
        """Its connections stay for the next sequence."""


def _lpa(context: Context, message: Message, curve: Curve) -> Lpa:
    return Lpa(context.isdr(message.channel), lambda _address: _Kept(smdp_client(context, curve)))


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
def process_notifications(context: Context, message: Message, *, curve: Curve = "nist") -> Outcome:
    """Send every pending notification and remove it (SGP.22 3.5)."""
    with _lpa(context, message, curve) as lpa:
        report = lpa.process_notifications()
    value = {"delivered": len(report.delivered), "kept": len(report.kept)}
    return Outcome(value=value, shape=_NOTIFIED)
