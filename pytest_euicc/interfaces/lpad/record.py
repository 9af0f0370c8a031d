"""What must have crossed between LPA, card, servers and user, and what must not: order, content, absence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, Literal

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import ANY, TEXT, Shape, mapping
from pytest_euicc.interfaces.lpad import passing
from pytest_euicc.interfaces.lpad.access import bench_of
from pytest_euicc.peers.lpa.functions import CARD, LOAD, SERVER, answer_shape, request_shape, server_value
from pytest_euicc.peers.lpa.record import Call, Record

Scope = Literal["last", "all"]
Nth = int | Literal["first", "last"]


def calls_of(context: Context, scope: Scope) -> list[Call]:
    """What crossed since the user's last action, or in the whole sequence."""
    record: Record = bench_of(context).record
    return record.since_mark() if scope == "last" else record.calls


def names_of(calls: Iterable[Call]) -> str:
    """What crossed, for people; segments of one load are one word."""
    names: list[str] = []
    for call in calls:
        if not names or names[-1] != call.name or call.name != LOAD:
            names.append(call.name)
    return ", ".join(names) or "nothing"


@action("lpad.exchanged")
def exchanged(context: Context, _message: Message, *, functions: list[str], scope: Scope = "last") -> Outcome:
    """These functions were called in this order, each once, each after the answer to the one before.

    Other functions may have been called in between. Segments of one Bound Profile Package count as one call.

    Args:
        functions: names, or patterns such as ``ES9+.*``; one that ends in ``?`` may be missing, one that ends in ``+``
            may have been called several times in a row, one that ends in ``?+`` either.
        scope: ``last``: since the user's last action; ``all``: the whole sequence.
    """
    wanted = [_Place.read(name) for name in functions]
    calls = calls_of(context, scope)
    fault = _order_fault(wanted, list(_merged(call for call in calls if any(place.takes(call) for place in wanted))))
    if not fault:
        return Outcome()
    return Outcome(mismatches=(Mismatch("order", ", ".join(functions), f"{fault}; recorded: {names_of(calls)}"),))


@dataclass(frozen=True)
class _Place:
    """A call in an order: it may be missing, or come several times."""

    name: str
    optional: bool
    plural: bool

    @classmethod
    def read(cls, text: str) -> _Place:
        name = text.rstrip("?+")
        return cls(name, "?" in text[len(name) :], "+" in text[len(name) :])

    def takes(self, call: Call) -> bool:
        return fnmatchcase(call.name, self.name)


def _order_fault(wanted: list[_Place], merged: list[tuple[Call, float]]) -> str:
    """Where calls leave the order; empty where they keep to it."""
    position = 0
    for number, (call, _) in enumerate(merged):
        while position < len(wanted) and wanted[position].optional and not wanted[position].takes(call):
            position += 1
        if position == len(wanted) or not wanted[position].takes(call):
            expected = wanted[position].name if position < len(wanted) else "nothing more of these"
            return f"{call.name} came where {expected} was to come"
        earlier, ended = merged[number - 1] if number else (None, 0.0)
        # Handshakes may overlap: of connections at the same time, or as the server ends one later than the LPA does.
        if earlier is not None and call.began < ended and not earlier.name == call.name == "TLS":
            return f"{call.name} began before {earlier.name} was answered"
        again = number + 1 < len(merged) and wanted[position].takes(merged[number + 1][0])
        if not (wanted[position].plural and again):
            position += 1
    missing = [place.name for place in wanted[position:] if not place.optional]
    return f"{missing[0]} was not called" if missing else ""


def _merged(calls: Iterable[Call]) -> Iterator[tuple[Call, float]]:
    """Calls with their ends; the segments of one load are one."""
    held: tuple[Call, float] | None = None
    for call in calls:
        if held is not None and held[0].name == call.name == LOAD and not held[0].answer:
            held = (held[0], call.ended)
            continue
        if held is not None:
            yield held
        held = (call, call.ended)
    if held is not None:
        yield held


@action("lpad.not_exchanged")
def not_exchanged(context: Context, _message: Message, *, functions: list[str], scope: Scope = "last") -> Outcome:
    """None of these functions was called.

    Args:
        functions: names, or patterns such as ``ES10b.*``; ``CONNECT`` and ``HTTP`` for connections and other requests.
        scope: ``last``: since the user's last action; ``all``: the whole sequence.
    """
    calls = calls_of(context, scope)
    found = [call for call in calls if any(call.is_called(name) for name in functions)]
    if not found:
        return Outcome()
    wanted = f"no {' and no '.join(functions)}"
    return Outcome(
        sent=found[0].request,
        mismatches=(Mismatch("record", wanted, f"{found[0].name} {found[0].status}; recorded: {names_of(calls)}"),),
    )


@action("lpad.uninterrupted")
def uninterrupted(context: Context, _message: Message, *, function: str) -> Outcome:
    """From the first to the last call of a function of the card, no other function of the ISD-R was called.

    Args:
        function: its name.
    """
    calls = calls_of(context, "last")
    places = [number for number, call in enumerate(calls) if call.name == function]
    if not places:
        return never_called(context, function, "last")
    between = [call for call in calls[places[0] : places[-1]] if call.is_called("ES10*") and call.name != function]
    if not between:
        return Outcome()
    reported = f"{between[0].name} {between[0].status}"
    return Outcome(mismatches=(Mismatch("record", f"nothing between the calls of {function}", reported),))


def _chosen(context: Context, function: str, nth: Nth, scope: Scope) -> Call | None:
    calls = [call for call in calls_of(context, scope) if call.is_called(function)]
    index = {"first": 0, "last": -1}.get(nth) if isinstance(nth, str) else nth - 1
    try:
        return calls[index]  # type: ignore[index]
    except IndexError:
        return None


def _sent_shape(arguments: Mapping[str, Any]) -> Shape:
    return request_shape(str(arguments.get("function", "")))


def _answered_shape(arguments: Mapping[str, Any]) -> Shape:
    return answer_shape(str(arguments.get("function", "")))


@action("lpad.sent", response_by=_sent_shape)
def sent(
    context: Context,
    _message: Message,
    *,
    function: str,
    nth: Nth = "last",
    scope: Scope = "last",
    optional: bool = False,
) -> Outcome:
    """The LPA called a function; ``expect`` is compared with what it sent.

    Args:
        function: its name, ``ES10b.CancelSession`` or ``ES9+.CancelSession``; ``consent`` for what the user was shown.
        nth: which of several calls: ``first``, ``last`` or a number from 1.
        scope: ``last``: since the user's last action; ``all``: the whole sequence.
        optional: ``true``: it need not have been called.

    Returns:
        Of a card's function the request, of a server's the members of its body, decoded; ``members`` are their names,
        ``host`` is the server and ``headers`` those of the request, their names in lower case.
    """
    call = _chosen(context, function, nth, scope)
    if call is None:
        return Outcome(moot=True) if optional else never_called(context, function, scope)
    shape = request_shape(function)
    faults: list[Mismatch] = []
    value: Any = call.value
    if function in CARD and function != LOAD:
        try:
            value = codec.decode(CARD[function].request, call.request)
        except codec.Asn1Error as error:
            faults.append(Mismatch("", CARD[function].request, str(error)))
    elif function == LOAD:
        value = call.request
    elif function in SERVER:
        value = server_value(
            call.request,
            SERVER[function].members,
            lambda name, why: faults.append(Mismatch(name, "a member of the binding (SGP.22 6.5.2)", why)),
        )
        if call.http is not None:
            value |= {"host": call.host, "headers": dict(call.http.headers)}
    return Outcome(sent=call.request, received=call.answer, value=value, shape=shape, mismatches=tuple(faults))


@action("lpad.answered", response_by=_answered_shape)
def answered(
    context: Context, _message: Message, *, function: str, nth: Nth = "last", scope: Scope = "last"
) -> Outcome:
    """Card or server answered a function; ``expect`` is compared with the answer, so that values can be saved.

    Args:
        function: its name.
        nth: which of several calls: ``first``, ``last`` or a number from 1.
        scope: ``last``: since the user's last action; ``all``: the whole sequence.
    """
    call = _chosen(context, function, nth, scope)
    if call is None:
        return never_called(context, function, scope)
    if function in CARD:
        try:
            value = codec.decode(CARD[function].response, call.answer)
        except codec.Asn1Error:
            reported = f"{call.status} {call.answer.hex().upper()}".rstrip()
            return Outcome(sent=call.request, mismatches=(Mismatch(function, CARD[function].response, reported),))
    elif function in SERVER:
        value = server_value(call.answer, SERVER[function].answer, lambda _name, _why: None)
    else:
        raise VectorMistake(f"{function} has no answer that could be looked into")
    return Outcome(received=call.answer, value=value, shape=answer_shape(function))


def never_called(context: Context, function: str, scope: Scope) -> Outcome:
    """The outcome of a check of a call that was not made."""
    reported = f"it was not called; recorded: {names_of(calls_of(context, scope))}"
    return Outcome(shape=ANY, mismatches=(Mismatch("record", f"a call of {function}", reported),))


_PASSED = mapping("segments", further=TEXT)


@action("lpad.passed_on", response=_PASSED)
def passed_on(
    context: Context,
    _message: Message,
    *,
    to: list[str],
    scope: Scope = "last",
    optional: bool = False,
    either: bool = False,
) -> Outcome:
    """What these functions carry of the other side is what the other side gave, octet for octet.

    Args:
        to: functions, such as ``ES10b.AuthenticateServer`` for what InitiateAuthentication answered, or
            ``ES10b.LoadBoundProfilePackage`` for the segments of the package (SGP.22 2.5.5).
        scope: ``last``: since the user's last action; ``all``: the whole sequence.
        optional: ``true``: those that were not called are passed over.
        either: ``true``: the second 87 of a part and those behind it are segments of their own, or go with the first;
            which of the two is ``further``, ``alone`` or ``joined``.
    """
    calls = calls_of(context, scope)
    found: list[Mismatch] = []
    further = "alone"
    for name in to:
        if optional and not any(call.name == name for call in calls):
            continue
        try:
            faults = passing.faults(name, calls)
            if either and faults and not passing.faults(name, calls, joined=True):
                faults, further = [], "joined"
            found += faults
        except tlv.TlvError as error:
            found.append(Mismatch(name, "a TLV structure", str(error)))
    return Outcome(value={"further": further}, shape=_PASSED, mismatches=tuple(found))
