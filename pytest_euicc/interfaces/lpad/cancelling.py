"""What an LPA does once a session is over: nothing more of it, and CancelSession with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.interfaces.lpad import passing
from pytest_euicc.interfaces.lpad.record import calls_of, names_of, never_called
from pytest_euicc.peers.lpa.record import Call


@action("lpad.stopped")
def stopped(
    context: Context,
    _message: Message,
    *,
    after: str,
    cancel: bool = True,
    reasons: list[str] | None = None,
    allowed: list[str] | None = None,
) -> Outcome:
    """After the last call of a function no further step of the session was made.

    CancelSession on the card and, after it, at the server is tolerated, each once, with any reason but
    endUserRejection; reading the card and delivering notifications is no step of the session.

    Args:
        after: name of the function.
        cancel: ``false``: not even that.
        reasons: that a CancelSession may have, in place of all but endUserRejection.
        allowed: further functions that may follow.
    """
    calls = calls_of(context, "last")
    places = [number for number, call in enumerate(calls) if call.name == after]
    if not places:
        return never_called(context, after, "last")
    following = calls[places[-1] + 1 :]
    free = [*_FREE, *(allowed or []), *(("ES10b.CancelSession", "ES9+.CancelSession") if cancel else ())]
    found = [
        Mismatch("record", f"no further step of the session after {after}", f"{call.name} {call.status}")
        for call in following
        if not any(fnmatchcase(call.name, pattern) for pattern in free)
    ][:1]
    for name in ("ES10b.CancelSession", "ES9+.CancelSession"):
        number = sum(call.name == name for call in following)
        if number > 1:
            found.append(Mismatch("record", f"{name} at most once", f"{number} times"))
    found += _reasons(following, reasons)
    return Outcome(mismatches=tuple(found))


_FREE = (
    "ES10a.*", "ES10c.Get*", "ES10b.GetEUICCInfo*", "ES10b.GetRAT", "ES10b.ListNotification",
    "ES10b.RetrieveNotificationsList", "ES10b.RemoveNotificationFromList", "ES9+.HandleNotification", "SELECT",
    "MANAGE CHANNEL", "RESET", "TERMINAL CAPABILITY", "TERMINAL PROFILE", "STATUS", "READ *", "FETCH",
    "TERMINAL RESPONSE", "consent", "confirmation code", "TLS", "MEANWHILE", "CARD *", "CHANNEL TAKEN",
)  # fmt: skip
"""What is no step of a download."""


def _reasons(calls: list[Call], allowed: list[str] | None) -> Iterator[Mismatch]:
    for call in calls:
        if call.name == "ES10b.CancelSession":
            reason = _reason(call.request)
            if reason not in allowed if allowed is not None else reason == "endUserRejection":
                wanted = " or ".join(allowed) if allowed is not None else "a reason that the user did not give"
                yield Mismatch("reason", wanted, reason)


def _reason(request: bytes) -> str:
    try:
        return str(getattr(codec.decode("CancelSessionRequest", request)["reason"], "name", "") or "unknown")
    except codec.Asn1Error as error:
        return f"unreadable: {error}"


@action("lpad.cancelled")
def cancelled(context: Context, _message: Message, *, reason: list[str], server: bool = True) -> Outcome:
    """The session was cancelled: on the card with a reason, then at the SM-DP+ with the octets of the card.

    Args:
        reason: the reason, or several of which one must be given.
        server: ``false``: the SM-DP+ need not have been told.
    """
    calls = calls_of(context, "last")
    on_card = [number for number, call in enumerate(calls) if call.name == "ES10b.CancelSession"]
    at_server = [number for number, call in enumerate(calls) if call.name == "ES9+.CancelSession"]
    if len(on_card) != 1:
        reported = f"{len(on_card)} times; recorded: {names_of(calls)}"
        return Outcome(mismatches=(Mismatch("ES10b.CancelSession", "once", reported),))
    found = list(_reasons([calls[on_card[0]]], reason))
    if server and len(at_server) != 1:
        found.append(Mismatch("ES9+.CancelSession", "once", f"{len(at_server)} times; recorded: {names_of(calls)}"))
    elif at_server and at_server[0] < on_card[0]:
        found.append(Mismatch("order", "ES10b.CancelSession before ES9+.CancelSession", "the other way round"))
    elif at_server:
        found += passing.faults("ES9+.CancelSession", calls)
    session = [call for call in calls if call.name == "ES9+.InitiateAuthentication"]
    if session:
        found += passing.transaction(session[-1], calls[on_card[0]])
    return Outcome(sent=calls[on_card[0]].request, mismatches=tuple(found))
