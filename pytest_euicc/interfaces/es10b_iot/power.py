"""Power cuts in the middle of functions: all of it has happened afterwards, or nothing (SGP.32 5.9.1).

Between commands the power of every card can be cut: after each block of STORE DATA, and before the answer is read.
Inside a command it takes a transport that can do it (`power_cut_of`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, Literal

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.card.errors import PowerLost
from pytest_euicc.card.transport import power_cut_of
from pytest_euicc.conformance.engine.context import DEFAULT_CHANNEL, Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.resolve import merge
from pytest_euicc.conformance.values.shapes import NUMBER, Shape, asn1_shape
from pytest_euicc.es10.functions import FUNCTIONS, Function
from pytest_euicc.es10.iot import IOT_FUNCTIONS
from pytest_euicc.interfaces.es10b_iot.functions import call
from pytest_euicc.interfaces.es10b_iot.package import Ecos, Psmos, answer_shape, judged, load_euicc_package
from pytest_euicc.interfaces.es10b_iot.reading import Part, look_at
from pytest_euicc.peers.eim.peer import EimPeers

_MOST_CUTS = 200
_POLLS = 3
_STATUS = CommandApdu(0x80, 0xF2, 0x00, 0x0C)
_RESULT_LISTS = re.compile(rb"\xbf\x2b(.|\x81.|\x82..)[\xa0\xa2]", re.DOTALL)
"""A list of notifications, which may be the answer where no result is kept, or of package results."""
_RESULTS = bytes.fromhex("BF2B04A0028200")


Changing = Literal[
    "add_initial_eim",
    "configure_immediate_profile_enabling",
    "disable_emergency_profile",
    "enable_emergency_profile",
    "euicc_memory_reset",
    "execute_fallback_mechanism",
    "immediate_enable",
    "profile_rollback",
    "remove_notification_from_list",
    "return_from_fallback",
    "set_default_dp_address",
]


class _SwitchedOff(PowerLost):
    """The power was cut between two commands."""


@action(
    "es10b_iot.power_cuts_in_package",
    response=Shape("sequence", "eUICC Package Result", parts=lambda: {**answer_shape().fields, "cuts": NUMBER}),
    changes=True,
)
def power_cuts_in_package(
    context: Context,
    _message: Message,
    *,
    eim: str = "eim1",
    psmo: Psmos | None = None,
    eco: Ecos | None = None,
    size: int | None = None,
) -> Outcome:
    """ES10b.LoadEuiccPackage, repeated with the same counter and a power cut a little later each time.

    As long as no result is kept nothing may have changed, and the next package with that counter must run. The
    outcome is the result that the eUICC keeps in the end, judged as the answer to the package.

    Args:
        eim: name of the eIM, by the state ``eim_associated``.
        psmo: operations, as for ``es10b_iot.load_euicc_package``.
        eco: operations, in the same way.
        size: bytes of the whole package, as for ``es10b_iot.load_euicc_package``.

    Returns:
        As for ``es10b_iot.load_euicc_package``; ``cuts`` is how often the power went.
    """
    peers = context.part(EimPeers)
    sent: list[bytes] = []

    def load() -> Outcome:
        # The package as it goes out; recording it leaves the counter as it is.
        sent.append(load_euicc_package(context, Message(), eim=eim, psmo=psmo, eco=eco, size=size, send=False).sent)
        peers.recorded["in power cuts"] = sent[-1]
        return load_euicc_package(context, Message(), eim=eim, again="in power cuts")

    cuts, mismatches, answered = _cut(context, load, "results")
    if mismatches or answered is not None:
        outcome = answered or Outcome(shape=answer_shape())
    else:
        outcome = _kept(context, peers, sent[-1], eim)
    value = (outcome.value if isinstance(outcome.value, dict) else {}) | {"cuts": cuts}
    return replace(outcome, value=value, mismatches=(*outcome.mismatches, *mismatches))


def _kept(context: Context, peers: EimPeers, package: bytes, eim: str) -> Outcome:
    """The newest result that is kept, as the answer to a package."""
    kept = [part for part in tlv.parse(context.channel(None).store_data(_RESULTS).data).children() if part.tag == 0xA2]
    newest = kept[0].children()[-1].octets
    # The answer may have come before the power went, with a REFRESH that was asked for later.
    peers.numbers[:] = [number for number in peers.numbers if peers.answers.get(number) != newest]
    received = codec.receive("EuiccPackageResult", newest)
    outcome = Outcome(sent=package, received=newest, value=received.value, shape=answer_shape())
    return judged(peers, peers.get(eim), package, outcome)


@action("es10b_iot.power_cuts_in_function", changes=True)
def power_cuts_in_function(
    context: Context, _message: Message, *, function: Changing, tells: Part, value: dict[str, Any] | None = None
) -> Outcome:
    """A function of ES10b, repeated with a power cut a little later each time, until it has taken effect.

    Before that nothing may have changed. The next steps check the state afterwards.

    Args:
        function: its name among the actions, such as ``profile_rollback``.
        tells: what shows that it has taken effect.
        value: its request.
    """
    chosen: Function = IOT_FUNCTIONS[function] if function in IOT_FUNCTIONS else FUNCTIONS[function]
    request = codec.encode(chosen.request, merge(None, value or {}, asn1_shape(chosen.request)))

    def run() -> Outcome:
        reply = call(context, chosen, request)
        return Outcome(sent=request, received=reply.octets)

    _, mismatches, answered = _cut(context, run, tells)
    outcome = answered or Outcome(sent=request)
    return Outcome(sent=outcome.sent, received=outcome.received, mismatches=mismatches)


def _cut(context: Context, run: Callable[[], Outcome], tells: Part) -> tuple[int, tuple[Mismatch, ...], Outcome | None]:
    """Run with a power cut at every place, until it has had its effect.

    Returns:
        How often the power went, what had changed although the effect was not there, and the answer, if there was one.
    """
    before = look_at(context)
    if tells == "results" and not _RESULT_LISTS.search(before["results"]):
        raise Refused(f"package results that are kept cannot be read: {before['results'].hex().upper()}")
    for number, cut in enumerate(_places(context)):
        answered = None
        try:
            with cut():
                answered = run()
        except PowerLost:
            pass
        _restart(context)
        now = look_at(context)
        if now[tells] != before[tells]:
            return number + (answered is None), (), answered
        changed = tuple(
            Mismatch(part, f"{octets.hex().upper()}, as before the power cut", now[part].hex().upper())
            for part, octets in before.items()
            if now[part] != octets
        )
        if answered is not None:
            # For the result of a package that is refused; a function answered and had no effect.
            changed = changed or (Mismatch(tells, "changed", "as before"),)
        if changed:
            return number + (answered is None), changed, answered
    return _MOST_CUTS, (Mismatch("", "an end", f"no effect after {_MOST_CUTS} power cuts"),), None


def _places(context: Context) -> Iterator[Callable[[], AbstractContextManager[None]]]:
    """Where the power goes: inside the command, then after each of its commands, as far as it gets."""
    transport = context.card.transport
    if power_cut_of(transport) is not None:
        for writes in range(_MOST_CUTS):
            yield partial(_inside, context, writes)
        return
    for commands in range(1, _MOST_CUTS):
        yield partial(_between, context, commands)


@contextmanager
def _inside(context: Context, writes: int) -> Iterator[None]:
    lose = power_cut_of(context.card.transport)
    assert lose is not None  # noqa: S101  (`_places` has seen to it)
    lose(writes)
    try:
        yield
    finally:
        lose(None)


@contextmanager
def _between(context: Context, commands: int) -> Iterator[None]:
    """The power goes after a number of commands."""
    card, left = context.card, commands
    before = card.guard

    def guard(octets: bytes) -> None:
        nonlocal left
        if left == 0:
            raise _SwitchedOff(f"{card.description}: the power was cut after {commands} commands")
        left -= 1
        if before is not None:
            before(octets)

    card.guard = guard
    try:
        yield
    finally:
        card.guard = before


def _restart(context: Context) -> None:
    """Power up, and let a REFRESH come that the card still owes."""
    context.reset()
    for _ in range(_POLLS):
        context.card.basic.send(_STATUS)
    context.channels.clear()
    context.select_isdr(DEFAULT_CHANNEL)
