"""Named checks of loads: is there what was reported, which element failed, how notifications are numbered."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.installed import LoadResults
from pytest_euicc.conformance.engine.message import Outcome
from pytest_euicc.conformance.engine.registry import check
from pytest_euicc.conformance.files.observations import LEFT_OUT, Observation
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.peers.smdp.session import SmdpPeer


@check("as_reported")
def as_reported(context: Context, outcome: Outcome) -> Iterator[Mismatch]:
    """The profile of this session is listed if and only if its load was reported as a success (SGP.22 5.7.6)."""
    kind, listed = outcome.value if isinstance(outcome.value, tuple) else (None, [])
    if kind != "profileInfoListOk":
        raise Refused("the profiles are not listed, so nothing can be compared with the result")
    last = context.part(LoadResults).data[-1:]
    success = any(result["finalResult"][0] == "successResult" for result in last)
    iccid = context.part(SmdpPeer).iccid
    there = any(profile.get("iccid") == iccid for profile in listed)
    if there is not success:
        reported = "nothing" if not last else "a success" if success else "an error"
        yield Mismatch(
            "profileInfoListOk",
            f"{'the' if success else 'no'} profile {iccid.hex()}, as {reported} was reported",
            "it is listed" if there else "it is not listed",
        )


@check("euicc_response")
def euicc_response(
    _context: Context,
    outcome: Outcome,
    *,
    status: str | None = None,
    identification: int | None = None,
    aborted: bool | None = None,
) -> Iterator[Mismatch | Observation]:
    """simaResponse is an EUICCResponse that identifies the profile element and the error (SGP.22 2.5.6, TCA IFS 9.4).

    It is optional in an errorResult: its absence is an observation.

    Args:
        status: PEStatus of an element.
        identification: identification of that element.
        aborted: whether profileInstallationAborted is present.
    """
    place = "finalResult.simaResponse"
    try:
        kind, result = outcome.value["profileInstallationResultData"]["finalResult"]
    except (TypeError, KeyError):
        yield Mismatch(place, "an EUICCResponse", "no such field")
        return
    if kind == "errorResult" and "simaResponse" not in result:
        yield Observation(LEFT_OUT, "the errorResult has no simaResponse", "SGP.22 2.5.6")
        return
    try:
        value = codec.decode("EUICCResponse", result["simaResponse"])
    except codec.Asn1Error as error:
        yield Mismatch(place, "an EUICCResponse", str(error))
        return
    names = asn1_shape("EUICCResponse").field("peStatus").element.field("status").names or {}
    entries = value["peStatus"]
    wanted = {"status": None if status is None else names.get(status, status), "identification": identification}
    wanted = {name: entry for name, entry in wanted.items() if entry is not None}
    if not any(all(entry.get(name) == wish for name, wish in wanted.items()) for entry in entries):
        shown = {"status": status, "identification": identification}
        asked = ", ".join(f"{name} {entry}" for name, entry in shown.items() if entry is not None)
        yield Mismatch(f"{place}.peStatus", f"an element with {asked}", str(entries))
    if aborted is not None and ("profileInstallationAborted" in value) is not aborted:
        yield Mismatch(f"{place}.profileInstallationAborted", "present" if aborted else "absent", str(value))


@check("number_follows")
def number_follows(_context: Context, outcome: Outcome, *, after: int) -> Iterator[Mismatch]:
    """The sequence number of the result is above another; numbers may be skipped (SGP.22 3.5, 5.7.9).

    Args:
        after: the earlier sequence number, saved before.
    """
    try:
        number = outcome.value["profileInstallationResultData"]["notificationMetadata"]["seqNumber"]
    except (TypeError, KeyError):
        yield Mismatch("seqNumber", f"more than {after}", "no result")
        return
    if number <= after:
        yield Mismatch("seqNumber", f"more than {after}", str(number))
