"""The card of a session: who it is, what is known of it, and whether it may be changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.card.channel import Card
from pytest_euicc.card.transport import SnapshotTransport, sections_of
from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.conformance.engine.knowledge import Knowledge
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.es10.isdr import ISDR_AID, Es10Error, Isdr


@dataclass
class CardSession:
    """What is declared of the implementation under test, and its card.

    Attributes:
        card: the card under test; None where an SM-DP+ is.
        declaration: what the implementation under test reports about itself.
        real_card: False for a simulator and a replay: these may be changed without permission.
        other_card: a sequence had another card put in, which is never changed.
    """

    card: Card | None = None
    declaration: Declaration = field(default_factory=Declaration)
    real_card: bool = True
    allow_destructive: bool = False
    isdr_aid: bytes = ISDR_AID
    other_card: bool = False
    _eid: str | None = None
    _unidentified: str | None = None
    _knowledge: Knowledge | None = None
    _declared: tuple[Declaration, Mapping[str, Any]] | None = None

    @property
    def declared(self) -> Mapping[str, Any]:
        """All that is declared, for ``${declaration.name}``; read once for each declaration."""
        if self._declared is None or self._declared[0] is not self.declaration:
            self._declared = self.declaration, self.declaration.declared()
        return self._declared[1]

    def section(self, title: str) -> None:
        """Tell a recorder or a replay that what follows belongs to ``title``."""
        sectioned = sections_of(self.card.transport) if self.card else None
        if sectioned is not None:
            sectioned.section(title)

    def identify(self) -> None:
        """Ask the card in the reader for its EID; asked once, and never in the middle of a sequence.

        A card that does not report it is never changed (``refusal``), but everything else can be tested.

        Raises:
            CardError: there is no card to ask.
        """
        if self._eid is not None or self._unidentified is not None:
            return
        card = self.held_card()
        self.section("identify the card")
        card.reset()
        channel = card.open_channel()
        channel.select(self.isdr_aid)
        try:
            self._eid = Isdr(channel, self.isdr_aid).get_eid()
        except Es10Error as error:
            self._unidentified = str(error)
        card.reset()

    def held_card(self) -> Card:
        """The card.

        Raises:
            InconclusiveError: the session is one with an SM-DP+ alone.
        """
        if self.card is None:
            raise VectorMistake("there is no card in this session; the actions of this case cannot be on one")
        return self.card

    @property
    def knowledge(self) -> Knowledge:
        """What is known of the card from what was sent to it."""
        card = self.held_card()
        if self._knowledge is None or self._knowledge.card is not card:
            self._knowledge = Knowledge(card)
        return self._knowledge

    @property
    def puts_back_whole(self) -> bool:
        """Whether the card can be put back as a whole, whatever was done to it: by snapshot or by declared commands."""
        by_snapshot = self.card is not None and isinstance(self.card.transport, SnapshotTransport)
        return bool(self.declaration.restore) or by_snapshot

    @property
    def needs_permission(self) -> bool:
        """Whether this card may be changed only if the declaration names its EID."""
        return self.real_card and not self.allow_destructive

    def refusal(self) -> str | None:
        """Why this card must not be changed; None when it may."""
        remedy = "list it under test_cards: of the declaration or give --euicc-allow-destructive"
        if self.other_card:
            return "the second card is never changed"
        if not self.needs_permission:
            return None
        if not self.declaration.test_cards:
            return f"the card in {self.held_card().description} is not declared as a test card; {remedy}"
        self.identify()
        if self._eid is None:
            return f"the card does not report its EID ({self._unidentified}); give --euicc-allow-destructive"
        known = self._eid in self.declaration.test_cards
        return None if known else f"the card {self._eid} is not a declared test card; {remedy}"
