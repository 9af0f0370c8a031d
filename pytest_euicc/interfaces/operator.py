"""Actions that a person at the bench carries out: remove or insert the card, power off and on, look at something.

The harness detects that a card is removed or inserted if its reader reports it; otherwise the person says so.
"""

from __future__ import annotations

from typing import Literal

from pytest_euicc.card.errors import CardError
from pytest_euicc.card.exchange import UnexpectedStatus
from pytest_euicc.card.transport import RemovableTransport
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import NotPermitted, Refused, SetupIncomplete
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.shapes import OCTETS, TEXT, mapping
from pytest_euicc.es10.isdr import Es10Error

_ATR = mapping("ATR", octets=OCTETS)
_ANSWER = mapping("answer", answer=TEXT)


@action("operator.remove_card", by_operator=True)
def remove_card(context: Context, _message: Message) -> Outcome:
    """The operator removes the card from its reader.

    Also in the middle of a load, between two segments. ``operator.insert_card`` follows.
    """
    _without_card(context, "remove", f"Take the card out of the reader ({context.card.description}).")
    return Outcome()


@action("operator.insert_card", response=_ATR, by_operator=True)
def insert_card(context: Context, _message: Message, *, card: Literal["same", "other"] = "same") -> Outcome:
    """The operator inserts a card; it is started as by a device, and the ISD-R is selected on the channel ``isdr``.

    All other channels are closed, and no reset follows the start. A card other than the requested one makes the
    sequence inconclusive; nothing but its EID is read then.

    Args:
        card: ``other``: a second eUICC, which must not be changed. The first one is reinserted in the end.

    Returns:
        ``octets`` of the ATR.
    """
    reader = context.card.description
    if card == "other":
        context.session.other_card = True
        text = f"Put another eUICC into the reader ({reader}), not the one that was in it."
        return _with_card(context, "swap", text, same=False)
    return _with_card(context, "insert", f"Put the card back into the reader ({reader}).", same=True)


@action("operator.power_off", by_operator=True)
def power_off(context: Context, _message: Message) -> Outcome:
    """The operator switches off the device or reader with the card inside; ``operator.power_on`` follows."""
    _without_card(context, "power off", f"Switch the power of the device or reader off ({context.card.description}).")
    return Outcome()


@action("operator.power_on", response=_ATR, by_operator=True)
def power_on(context: Context, _message: Message) -> Outcome:
    """The operator switches the device or reader on again; the card is started as for ``operator.insert_card``.

    Returns:
        ``octets`` of the ATR.
    """
    text = f"Switch the power of the device or reader on again ({context.card.description})."
    return _with_card(context, "power on", text, same=True)


@action("operator.confirm", response=_ANSWER, by_operator=True)
def confirm(context: Context, _message: Message, *, question: str) -> Outcome:
    """The operator looks at something, such as the screen of a device, and answers a question with yes or no.

    Args:
        question: one sentence, to be answered with yes or no.

    Returns:
        ``answer`` is yes or no.
    """
    return Outcome(value={"answer": context.ask("confirm", question)}, shape=_ANSWER)


def _without_card(context: Context, task: Literal["remove", "power off"], text: str) -> None:
    if not context.session.eid:
        raise NotPermitted("the card reports no EID, so it could not be recognised after its removal")
    transport = context.card.transport
    if isinstance(transport, RemovableTransport):
        reader = transport
        context.ask(task, text, lambda: not reader.held())
    else:
        context.ask(task, text)
    context.channels.clear()
    if isinstance(transport, RemovableTransport) and transport.held():
        raise SetupIncomplete(f"the operator has answered, but the card was never gone: {text}")


def _with_card(context: Context, task: Literal["insert", "swap", "power on"], text: str, *, same: bool) -> Outcome:
    card, session = context.card, context.session
    fault = ""

    def back() -> bool:
        nonlocal fault
        try:
            card.retake()
        except CardError as error:
            fault = str(error)
            return False
        return True

    sees = isinstance(card.transport, RemovableTransport)
    context.ask(task, text, back if sees else None)
    if not (isinstance(card.transport, RemovableTransport) and card.transport.held()) and not back():
        raise SetupIncomplete(f"the operator has answered, but there is no card: {fault}")
    card.start()
    found = _eid(context)
    if (found == session.eid) is not same:
        wanted = f"that with EID {session.eid}" if same else "another one"
        session.other_card = True
        raise SetupIncomplete(f"the inserted card has EID {found or 'none'}; {wanted} was asked for")
    session.other_card = not same
    return Outcome(value={"octets": card.atr}, received=card.atr, shape=_ATR)


def _eid(context: Context) -> str:
    """The EID of the card that was started, by the client of the ISD-R that steps use; empty if it reports none."""
    try:
        context.select_isdr()
        return context.isdr().get_eid()
    except (Es10Error, UnexpectedStatus, Refused):
        return ""
