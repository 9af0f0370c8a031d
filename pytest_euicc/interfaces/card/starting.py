"""Reset, ATR, and the states from which sequences on a card begin."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from pytest_euicc.card.atr import Atr, AtrError
from pytest_euicc.conformance.engine.arguments import ChannelAs
from pytest_euicc.conformance.engine.context import DEFAULT_CHANNEL, Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action, state
from pytest_euicc.conformance.files.observations import CARD_START
from pytest_euicc.conformance.values.shapes import BOOLEAN, NUMBER, OCTETS, TEXT, listing, mapping

_ATR = mapping(
    "ATR",
    octets=OCTETS,
    protocols=listing(NUMBER),
    checksum=TEXT,
    historical=OCTETS,
    global_tb=NUMBER,
    logical_channels=NUMBER,
    euicc=BOOLEAN,
)


def _atr_outcome(octets: bytes) -> Outcome:
    try:
        atr = Atr.parse(octets)
    except AtrError as error:
        return Outcome(received=octets, shape=_ATR, fault=str(error))
    properties = next((group["TB"] for group in atr.global_interface if "TB" in group), None)
    value: dict[str, Any] = {
        "octets": octets,
        "protocols": list(atr.protocols),
        "checksum": atr.checksum,
        "historical": atr.historical,
        # ETSI TS 102 221 6.3.3: bit 2 of the TB after T=15 says that eUICC-related functions are supported.
        "euicc": bool((properties or 0) & 0x02),
        "global_tb": properties,
        "logical_channels": atr.logical_channels,
    }
    value = {name: entry for name, entry in value.items() if entry is not None}
    return Outcome(received=octets, value=value, shape=_ATR)


@action("card.reset", response=_ATR)
def reset(context: Context, _message: Message, *, bare: bool = False) -> Outcome:
    """Reset the card and start it as a device does.

    Selects the MF and sends TERMINAL CAPABILITY and TERMINAL PROFILE. Closes every channel: ``isdr.select`` follows.

    Args:
        bare: ``true``: the reset alone.

    Returns:
        The ATR, as for ``card.atr``.
    """
    octets = context.reset(start=not bare)
    return Outcome(value={}, shape=_ATR) if context.card.device is not None else _atr_outcome(octets)


@action("card.atr", response=_ATR)
def atr(context: Context, _message: Message) -> Outcome:
    """The ATR of the last reset.

    Returns:
        ``checksum`` is right, wrong or none; ``historical`` the historical bytes; ``global_tb`` the TB after T=15;
        ``euicc`` whether it announces eUICC functions (ETSI TS 102 221 6.3.3); ``logical_channels`` how many the card
        capabilities announce (ISO 7816-4 12.2.2.9). What the ATR does not say is absent.
    """
    context.card.be_terminal("to learn the ATR")
    return _atr_outcome(context.card.atr)


@state("card_started")
def card_started(context: Context) -> Generator[None, None, None]:
    """Reset, MF selected, TERMINAL CAPABILITY and TERMINAL PROFILE sent."""
    if not context.begins_at_isdr or context.session.knowledge.as_started is None:
        context.reset(start=False)
        start = context.card.start()
        if not start.mf.ok:
            context.observe(CARD_START, f"SELECT MF was answered with {start.mf}", "ETSI TS 102 221 11.1.1")
    yield


@state("isdr_selected", implies=("card_started",))
def isdr_selected(context: Context, *, as_: ChannelAs = DEFAULT_CHANNEL) -> Generator[None, None, None]:
    """A logical channel with the ISD-R selected.

    Args:
        as: the name of the channel; steps without ``channel`` use ``isdr``.
    """
    knowledge = context.session.knowledge
    channel = knowledge.as_started if context.begins_at_isdr else None
    if channel is not None:
        context.channels[as_] = channel
    else:
        channel = context.select_isdr(as_)
        if context.begins_at_isdr:
            knowledge.isdr_selected(channel)
    yield
    with context.undoing(f"channel {channel.number} is open"):
        # Whatever follows begins with a reset, or goes on with this channel.
        if channel.is_open and not context.begins_at_isdr:
            channel.close()
