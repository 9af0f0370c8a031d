"""States of the card itself: started, ISD-R selected."""

from __future__ import annotations

from collections.abc import Generator

from pytest_euicc.conformance.context import DEFAULT_CHANNEL, Context
from pytest_euicc.conformance.registry import ChannelAs
from pytest_euicc.conformance.states import Unreachable, state


@state("card_started")
def card_started(context: Context) -> Generator[None, None, None]:
    """Reset, MF selected, TERMINAL CAPABILITY and TERMINAL PROFILE sent."""
    context.reset(start=False)
    start = context.card.start()
    if not start.mf.ok:
        raise Unreachable(f"SELECT MF was answered {start.mf}")
    yield


@state("isdr_selected", implies=("card_started",))
def isdr_selected(context: Context, *, as_: ChannelAs = DEFAULT_CHANNEL) -> Generator[None, None, None]:
    """A logical channel with the ISD-R selected."""
    channel = context.select_isdr(as_)
    yield
    with context.undoing(f"channel {channel.number} is open"):
        if channel.is_open:
            channel.close()
