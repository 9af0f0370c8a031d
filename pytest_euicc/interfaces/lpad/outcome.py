"""What an LPA leaves behind: the state of the card and of the servers, as the bench knows it."""

from __future__ import annotations

from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import NUMBER, OCTETS, TEXT, listing, mapping
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.interfaces.lpad.access import bench_of
from pytest_euicc.peers.lpa.bench import WhichCard

_CARD = mapping(
    "the card",
    profiles=listing(mapping("profile", iccid=OCTETS, state=TEXT, nickname=TEXT)),
    default_address=TEXT,
    notifications=listing(mapping("notification", seqNumber=NUMBER, event=TEXT, address=TEXT, iccid=OCTETS)),
    open_channels=NUMBER,
)
_SERVER = mapping(
    "the SM-DP+",
    orders=listing(mapping("order", matchingId=TEXT, state=TEXT, iccid=OCTETS)),
    notifications=listing(mapping("notification", event=TEXT, iccid=OCTETS)),
)


@action("lpad.card", response=_CARD)
def card(context: Context, _message: Message, *, of: WhichCard | None = None) -> Outcome:
    """The current content of a card, which the bench reads without APDUs.

    Args:
        of: ``first`` or ``second``; the card in the reader if left out.

    Returns:
        ``profiles`` with ``iccid``, ``state`` and ``nickname``; ``default_address``; ``notifications`` that are
        pending; ``open_channels``, the number of logical channels that are open.
    """
    return Outcome(value=bench_of(context).card_state(of), shape=_CARD)


@action("lpad.server", response=_SERVER)
def server(context: Context, _message: Message, *, address: str | None = None) -> Outcome:
    """The current orders and notifications of an SM-DP+ of the bench.

    Args:
        address: of another SM-DP+ than that of the bench.

    Returns:
        ``orders`` with ``matchingId``, ``state`` (SGP.22 3.1.6) and ``iccid``; ``notifications`` that it acknowledged
        and that verify.
    """
    return Outcome(value=bench_of(context).server_state(address), shape=_SERVER)


@action("lpad.untouched")
def untouched(context: Context, _message: Message, *, of: WhichCard | None = None) -> Outcome:
    """A card is as it was when the sequence began: profiles, nicknames, default address, notifications.

    Args:
        of: ``first`` or ``second``; the card in the reader if left out.
    """
    bench = bench_of(context)
    before, now = bench.card_at_start(of), bench.card_state(of)
    found = [
        Mismatch(name, f"as before: {describe(before[name], 200)}", describe(now[name], 200))
        for name in before
        if name != "open_channels" and before[name] != now[name]
    ]
    return Outcome(mismatches=tuple(found))
