"""What holds over a session: one transactionId, the same octets when a request is repeated, an IMEI in its form."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import TEXT, mapping
from pytest_euicc.es9.binding import decode
from pytest_euicc.interfaces.lpad.access import bench_of
from pytest_euicc.peers.lpa.record import Call

_BEGIN = ("ES9+.InitiateAuthentication", "ES11.InitiateAuthentication")
_CHALLENGE = "ES10b.GetEUICCChallenge"
_AUTHENTICATE, _CANCEL = "ES10b.AuthenticateServer", "ES10b.CancelSession"
_IMEI = 8
_SESSION = mapping("session", server=TEXT, card=TEXT)


@action("lpad.one_transaction", response=_SESSION)
def one_transaction(context: Context, _message: Message, *, either: bool = False) -> Outcome:
    """Every message of a session has the transactionId that InitiateAuthentication gave (SGP.22 3.1.2).

    Digits may differ in case. Looked at is what the user did last.

    Args:
        either: ``true``, where serverSigned1 has another one than the member transactionId: all messages to the server
            have the same of the two, and all to the card.

    Returns:
        ``server`` and ``card``: which of the two was sent there, ``member``, ``signed`` or ``none``.
    """
    calls = bench_of(context).record.since_mark()
    if not either:
        return Outcome(shape=_SESSION, mismatches=tuple(_transactions(calls)))
    used: dict[str, str] = {"server": "none", "card": "none"}
    found = tuple(_of_either(calls, used))
    return Outcome(value=used, shape=_SESSION, mismatches=found)


def _transactions(calls: list[Call]) -> Iterator[Mismatch]:
    given = ""
    for call in calls:
        if call.name in _BEGIN:
            given = _member(call.answer)
            continue
        carried = _carried(call)
        if carried and given and carried.lower() != given.lower():
            yield Mismatch(f"{call.name} transactionId", f"{given}, of the session (SGP.22 3.1.2)", carried)


def _of_either(calls: list[Call], used: dict[str, str]) -> Iterator[Mismatch]:
    """As `_transactions`; the first message to a side chooses for it."""
    given: dict[str, str] = {}
    for call in calls:
        if call.name in _BEGIN:
            given = {"member": _member(call.answer).lower(), "signed": _signed(call.answer)}
            continue
        carried = _carried(call).lower()
        if not carried or not given:
            continue
        chosen = used[call.peer]
        wanted = [name for name in given if chosen in (name, "none")]
        which = next((name for name in wanted if given[name] == carried), "")
        if which:
            used[call.peer] = which
        else:
            allowed = " or ".join(given[name].upper() for name in wanted)
            yield Mismatch(f"{call.name} transactionId", f"{allowed}, of the session (SGP.22 3.1.2)", carried.upper())


def _carried(call: Call) -> str:
    if call.name == _CANCEL:
        return _on_card(call.request)
    return _member(call.request) if call.http is not None else ""


def _signed(answer: bytes) -> str:
    """transactionId of serverSigned1; empty where it cannot be read."""
    try:
        octets = decode(json.loads(answer)["serverSigned1"])
        return bytes(codec.decode("ServerSigned1", octets)["transactionId"]).hex()
    except (codec.Asn1Error, ValueError, TypeError, LookupError, RecursionError):
        return ""


def _member(octets: bytes) -> str:
    try:
        found = json.loads(octets)["transactionId"]
    except (ValueError, TypeError, LookupError, RecursionError):
        return ""
    return found if isinstance(found, str) else ""


def _on_card(octets: bytes) -> str:
    try:
        return bytes(codec.decode("CancelSessionRequest", octets)["transactionId"]).hex()
    except codec.Asn1Error:
        return "unreadable"


@action("lpad.repeated")
def repeated(context: Context, _message: Message, *, function: str) -> Outcome:
    """A function that was called again in one session was called with the same octets.

    An LPA may begin a new session by itself, with a new challenge.

    Args:
        function: of a server; it need not have been called again.
    """
    found = []
    for calls in _by_session(context, function):
        if len({call.request for call in calls}) > 1:
            found.append(Mismatch(function, "the same octets when it is repeated", "other octets"))
    return Outcome(mismatches=tuple(found))


def _by_session(context: Context, function: str) -> list[list[Call]]:
    """Calls of a function by what the user did last, those of each session together."""
    begins = (_CHALLENGE,) if function in _BEGIN else _BEGIN
    sessions: list[list[Call]] = [[]]
    for call in bench_of(context).record.since_mark():
        if call.name in begins:
            sessions.append([])
        if call.is_called(function):
            sessions[-1].append(call)
    return sessions


@action("lpad.calls")
def calls(
    context: Context,
    _message: Message,
    *,
    function: str,
    host: str | None = None,
    at_least: int = 0,
    at_most: int,
    session: bool = False,
) -> Outcome:
    """How often a function was called since the user's last action.

    Args:
        function: its name, or a pattern such as ``ES9+.*``.
        host: of servers: only calls of this one.
        at_least: the number of calls.
        at_most: likewise.
        session: ``true``: at_most is for each session.
    """
    found = [
        sum(host is None or call.host == host.lower() for call in calls) for calls in _by_session(context, function)
    ]
    most = max(found) if session else sum(found)
    if at_least <= sum(found) and most <= at_most:
        return Outcome()
    each = " in a session" if session else ""
    return Outcome(mismatches=(Mismatch(function, f"{at_least} to {at_most} calls{each}", f"{most}"),))


@action("lpad.reasons")
def reasons(context: Context, _message: Message, *, allowed: list[str]) -> Outcome:
    """A CancelSession that was sent by what the user did last has one of these reasons; none need have been sent.

    Args:
        allowed: names of CancelSessionReason (SGP.22 5.7.14).
    """
    found = []
    for call in bench_of(context).record.since_mark():
        if call.name == _CANCEL:
            try:
                value = codec.decode("CancelSessionRequest", call.request)["reason"]
            except codec.Asn1Error as error:
                value = error
            reason = getattr(value, "name", None) or str(value)
            if reason not in allowed:
                found.append(Mismatch("reason", " or ".join(allowed), reason))
    return Outcome(mismatches=tuple(found))


@action("lpad.imei")
def imei(context: Context, _message: Message) -> Outcome:
    """An IMEI that the LPA sent has eight octets (SGP.22 4.2); it need not have sent one."""
    found = []
    for call in bench_of(context).record.since_mark():
        if call.name == _AUTHENTICATE:
            try:
                parameters = codec.decode("AuthenticateServerRequest", call.request)["ctxParams1"][1]
            except codec.Asn1Error as error:
                found.append(Mismatch(_AUTHENTICATE, "an AuthenticateServerRequest (SGP.22 4.2, 5.7.13)", str(error)))
                continue
            octets = bytes(parameters["deviceInfo"].get("imei", bytes(_IMEI)))
            if len(octets) != _IMEI:
                found.append(Mismatch("imei", f"{_IMEI} octets (SGP.22 4.2)", octets.hex().upper()))
    return Outcome(mismatches=tuple(found))
