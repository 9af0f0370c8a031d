"""A card that was out of its reader is taken up again, if it is the one that the run is about."""

from __future__ import annotations

from collections.abc import Callable

from pytest_euicc.card.errors import CardError, NoCard, NoReader
from pytest_euicc.card.identity import read_eid
from pytest_euicc.card.transport import RemovableTransport
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.operator import OperatorRequest
from pytest_euicc.lab.contradictions import OtherCard
from pytest_euicc.lab.waiting import wait_for_card


class Return:
    """Waits for the card of a session; to be called when it is not in its reader.

    Args:
        seconds: how long to wait; 0 looks once.
        tell: takes what to show while it waits.
    """

    def __init__(self, session: Session, seconds: float, tell: Callable[[str], None]) -> None:
        self._session = session
        self._seconds = seconds
        self._tell = tell
        self._stranger = ""

    def __call__(self) -> None:
        """Take the card up again.

        Raises:
            OtherCard: another card is in the reader, to which nothing but GetEID was sent; the session is lost.
            CardError: there is no card. The session is lost if anybody waited for one.
        """
        session = self._session
        self._stranger = ""
        session.section("the card is back")
        if session.other_card and session.operator is not None:
            text = f"Put the first card back into the reader ({session.held_card().description})."
            session.operator.ask(OperatorRequest("insert", text, "", self._is_back))
        try:
            wait_for_card(self._take, self._seconds, self._tell)
        except (NoCard, NoReader) as fault:
            if self._stranger:
                session.lost = (
                    f"{fault}. The run ends, as its card is gone; nothing but GetEID was sent to the other card"
                )
                raise OtherCard(session.lost) from None
            if self._seconds:
                session.lost = f"{fault}, and was not within {self._seconds:g} s (--euicc-wait); the run ends"
            raise
        session.other_card = False

    def _is_back(self) -> bool:
        try:
            self._take()
        except CardError:
            return False
        return True

    def _take(self) -> None:
        """Take the card in the reader; raises NoCard for none, or another one."""
        session = self._session
        card = session.held_card()
        transport = card.transport
        if self._stranger and isinstance(transport, RemovableTransport) and transport.held():
            raise NoCard(self._stranger)
        card.retake()
        found = read_eid(card.transport, session.isdr_aid)
        card.reset()
        if not found or found != session.eid:
            reported = f"has EID {found}" if found else "reports no EID"
            wanted = f"that with EID {session.eid}" if session.eid else "one that gave no EID either"
            self._stranger = (
                f"the card in {card.description} {reported}, but the run is about {wanted}: put that one back"
            )
            raise NoCard(self._stranger)
        self._stranger = ""
