"""The functions of ES10b for the IPA as actions (SGP.32 5.9)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from pytest_euicc.asn1 import codec
from pytest_euicc.card import proactive
from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.conformance.engine.context import DEFAULT_CHANNEL, Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.es10.functions import Function
from pytest_euicc.es10.iot import IOT_FUNCTIONS
from pytest_euicc.es10.isdr import Reply
from pytest_euicc.interfaces.es10.functions import outcome_of

Refresh = Literal["performed", "pending", "failed"]
_FAILED = 0x20
_PROACTIVE = 0x91
_POLLS = 5
_STATUS = CommandApdu(0x80, 0xF2, 0x00, 0x0C)
_SWITCHING = (
    "immediate_enable",
    "profile_rollback",
    "execute_fallback_mechanism",
    "return_from_fallback",
    "enable_emergency_profile",
    "disable_emergency_profile",
)
_DEFAULTS: dict[str, Any] = {name: {"refreshFlag": False} for name in _SWITCHING} | {
    "set_default_dp_address": {"defaultDpAddress": "iot.smdp.example.com"}
}
_OWN_MODULE = frozenset({"load_euicc_package", "add_initial_eim"})


@dataclass
class Changed:
    """What the sequence has perhaps changed and no state undoes.

    Attributes:
        emergency: the emergency profile is enabled.
        immediate: immediate enabling is configured.
    """

    emergency: bool = False
    immediate: bool = False


def call(context: Context, function: Function, octets: bytes, channel: str | None = None) -> Reply:
    """Send a request, whatever is in it, and decode the response."""
    changed = context.part(Changed)
    changed.emergency |= function.name == "enable_emergency_profile"
    changed.immediate |= function.name == "configure_immediate_profile_enabling"
    response = context.channel(channel).store_data(octets)
    if not response.ok or not response.data:
        return Reply(function, octets, response.sw, response.data)
    try:
        received = codec.receive(function.response, response.data)
    except codec.Asn1Error as fault:
        return Reply(function, octets, response.sw, response.data, fault=fault)
    return Reply(function, octets, response.sw, response.data, received)


@contextmanager
def refreshing(context: Context, refresh: Refresh) -> Iterator[None]:
    """What the device does with a REFRESH: performs it, leaves it pending, or answers a failure."""
    card = context.card
    if refresh == "pending":
        card.hold_proactive()
        yield
        return
    if refresh == "performed":
        yield
        return
    card.hold_proactive()
    yield
    waiting = card.held or card.basic.send(_STATUS, proactively=False)
    card.held = None
    card.release_proactive()
    for _ in range(_POLLS):
        if waiting.sw1 != _PROACTIVE:
            break
        # By hand, as a REFRESH that asks for a reset would be answered by one.
        fetched = card.basic.send(CommandApdu(0x80, 0x12, 0, 0, le=waiting.sw2 or 256), proactively=False)
        command = proactive.ProactiveCommand.parse(fetched.data)
        refused = command.kind == proactive.REFRESH
        answer = proactive.terminal_response(command, _FAILED) if refused else proactive.answer(command)
        waiting = card.basic.send(CommandApdu(0x80, 0x14, 0, 0, answer), proactively=False)


def await_refresh(context: Context, before: int) -> None:
    """Poll the card until the REFRESH that it owes is performed, and select the ISD-R anew, as it may have been reset.

    Args:
        before: the number of proactive commands that had been fetched before.
    """
    card = context.card
    for _ in range(_POLLS):
        if any(command.kind == proactive.REFRESH for command in card.fetched[before:]):
            break
        card.basic.send(_STATUS)
    channel = context.channels.get(DEFAULT_CHANNEL)
    if channel is not None:
        if channel.is_open:
            channel.close()
        context.select_isdr(DEFAULT_CHANNEL)


def _register(function: Function) -> None:
    default = _DEFAULTS.get(function.name, {})

    def run(context: Context, message: Message, *, refresh: Refresh = "performed") -> Outcome:
        request = message.encode(function.request, default)
        before = len(context.card.fetched)
        with refreshing(context, refresh):
            outcome = outcome_of(call(context, function, request.octets, message.channel), request.value)
        asked = isinstance(request.value, dict) and request.value.get("refreshFlag")
        if refresh == "performed" and asked and isinstance(outcome.value, dict) and 0 in outcome.value.values():
            await_refresh(context, before)
        return outcome

    run.__doc__ = f"""{function.full_name} ({function.clause}).

    Args:
        refresh: what the device does with a REFRESH: ``performed``; ``pending``: it stays until ``card.fetch``;
            ``failed``: TERMINAL RESPONSE with a temporary problem.
    """
    action(
        f"es10b_iot.{function.name}",
        request=function.request,
        response=function.response,
        changes=function.changes,
    )(run)


for _function in IOT_FUNCTIONS.values():
    if _function.name not in _OWN_MODULE:
        _register(_function)
