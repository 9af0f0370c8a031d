"""How a download ends that the user refuses or aborts."""

from __future__ import annotations

from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.interfaces.lpad.access import bench_of
from pytest_euicc.peers.lpa.functions import LOAD

_CANCEL = "ES10b.CancelSession"


@action("lpad.consented")
def consented(context: Context, _message: Message) -> Outcome:
    """No segment of a package went to the card after the user was asked and answered anything but yes.

    Only calls since the user's last action count; the LPA need not have asked the user.
    """
    answered = ""
    for call in bench_of(context).record.since_mark():
        if call.name == "consent":
            answered = call.status
        elif call.name == LOAD and answered not in ("", "yes"):
            found = Mismatch(
                LOAD, "not called once the user has answered no (SGP.22 3.1.3)", f"called after {answered}"
            )
            return Outcome(sent=call.request, mismatches=(found,))
    return Outcome()


@action("lpad.load_ended")
def load_ended(context: Context, _message: Message) -> Outcome:
    """The load of a package ended: a result of the card, a refused segment, or CancelSession (SGP.22 3.1.3.3).

    Only calls since the user's last action count; there need not have been a load.
    """
    calls = bench_of(context).record.since_mark()
    segments = [number for number, call in enumerate(calls) if call.name == LOAD]
    if not segments:
        return Outcome()
    last = calls[segments[-1]]
    cancelled = any(call.name == _CANCEL for call in calls[segments[-1] :])
    if cancelled or last.answer or last.status[:2] not in ("90", "91"):
        return Outcome()
    expected = "a result of the card, a refused segment, or ES10b.CancelSession after the last segment"
    return Outcome(mismatches=(Mismatch(LOAD, expected, f"{len(segments)} segments and none of these"),))
