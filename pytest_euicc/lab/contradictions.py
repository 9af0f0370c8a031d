"""A card that is not the declared one: found before anything is sent to it."""

from __future__ import annotations

from pytest_euicc.card.identity import read_eid
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.errors import PytestEuiccError


class OtherCard(PytestEuiccError):
    """The card is not the declared one."""


def refuse_other_card(session: Session, file: str) -> None:
    """See that the card has the EID of the declaration, before anything else is sent to it.

    A card that reports no EID is tested, which is a finding of the sequences; but commands that put the declared
    card back are not sent to it, for they may do something else on another one.

    Raises:
        OtherCard: it has another EID.
    """
    declared, card = session.declaration.eid, session.held_card()
    if declared is None:
        return
    session.section("see which card it is")
    found = read_eid(card.transport, session.isdr_aid)
    card.reset()
    if not found and session.real_card:
        session.declaration = session.declaration.model_copy(update={"restore": []})
    if found and found != declared:
        raise OtherCard(
            f"{file} declares the card with EID {declared}, but the card in {card.description} has EID {found}; "
            "nothing more was sent to it. Put the declared card in, choose its reader (--euicc "
            f"pcsc:eid={declared}), or name the declaration of this card"
        )
