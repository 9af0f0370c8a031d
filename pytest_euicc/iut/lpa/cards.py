"""The cards of a sequence: the one that the LPA finds at first, a second one, and which of them is in the reader."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.document import pydantic_message
from pytest_euicc.iut.lpa import pending
from pytest_euicc.peers.lpa.bench import WhichCard
from pytest_euicc.peers.lpa.card import BenchCard
from pytest_euicc.peers.lpa.record import Call, Record
from pytest_euicc.peers.lpa.script import Script
from pytest_euicc.rsp.pki import Pki
from pytest_euicc.simulator.defect import UnknownDefect, known_defects
from pytest_euicc.simulator.euicc.defects import DEFECTS
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.euicc.variants import VARIANTS
from pytest_euicc.simulator.variant import UnknownVariant, known_variants

_SECOND_EID = bytes.fromhex("89049032000000000000000000000260")


@dataclass
class HeldCard:
    """A card, as eUICC and as the LPA meets it, and what was on it at the beginning."""

    euicc: SimulatedEuicc
    contacts: BenchCard
    at_start: dict[str, Any] = field(default_factory=dict)

    def state(self) -> dict[str, Any]:
        """Profiles, default address, pending notifications and open channels."""
        state = self.euicc.state
        profiles = [
            {
                "iccid": profile.iccid,
                "state": "enabled" if profile.enabled else "disabled",
                **({"nickname": profile.nickname} if profile.nickname else {}),
            }
            for profile in state.profiles
        ]
        kept = [
            {
                "seqNumber": each.number,
                "event": "result" if each.octets[:2] == b"\xbf\x37" else each.event,
                "address": each.address,
                **({"iccid": each.iccid} if each.iccid else {}),
            }
            for each in state.notifications
        ]
        return {
            "profiles": profiles,
            "default_address": state.default_address,
            "notifications": kept,
            "open_channels": len(self.contacts.open_channels),
        }


class Cards:
    """Where the LPA finds a card; its `reset` and `transmit` are those of the card that is in the reader.

    A card that no state describes is one without profiles; it is made when it is first needed.
    """

    def __init__(self, record: Record, script: Script, pki: Pki, chance: random.Random) -> None:
        self._record, self._script, self._pki, self._chance = record, script, pki, chance
        self._held: dict[WhichCard, HeldCard] = {}
        self._inside: WhichCard = "first"
        self._waits: Callable[[float], None] | None = None
        self._occupied = False
        self.settings: dict[WhichCard, EuiccSettings] = {
            "first": EuiccSettings(profiles=()),
            "second": EuiccSettings(profiles=(), eid=_SECOND_EID),
        }

    def put(
        self,
        which: WhichCard,
        settings: Mapping[str, Any],
        defects: Sequence[str],
        variants: Sequence[str],
        waiting: Sequence[Mapping[str, Any]],
    ) -> None:
        """Describe a card before it is used; raises VectorMistake."""
        default = {"eid": self.settings[which].eid}
        try:
            self.settings[which] = EuiccSettings.model_validate({**default, **settings})
            chosen = known_defects("defects", defects, DEFECTS)
            varied = known_variants("variants", variants, VARIANTS)
        except ValidationError as error:
            entry = error.errors()[0]
            place = ".".join(map(str, entry["loc"]))
            raise VectorMistake(f"settings of the card: {place}: {pydantic_message(entry)}") from None
        except (UnknownDefect, UnknownVariant) as error:
            raise VectorMistake(f"the card: {error}") from None
        made = self._make(which, chosen, varied)
        try:
            for each in waiting:
                pending.queue(made.euicc.core, each)
        except ValidationError as error:
            raise VectorMistake(f"pending: {pydantic_message(error.errors()[0])}") from None
        made.at_start = made.state()

    def _make(
        self, which: WhichCard, defects: frozenset[str] = frozenset(), variants: frozenset[str] = frozenset()
    ) -> HeldCard:
        euicc = SimulatedEuicc(
            self.settings[which], self._pki, defects=defects, variants=variants, random=self._chance.randbytes
        )
        made = HeldCard(euicc, BenchCard(euicc, self._record, self._script))
        if self._waits is not None:
            made.contacts.wait_with(self._waits)
        made.contacts.occupied = self._occupied
        made.at_start = made.state()
        self._held[which] = made
        return made

    def of(self, which: WhichCard | None) -> HeldCard:
        """A card; None: the one that is in the reader."""
        wanted = which or self._inside
        return self._held.get(wanted) or self._make(wanted)

    @property
    def inside(self) -> HeldCard:
        """The card in the reader."""
        return self.of(None)

    def wait_with(self, waits: Callable[[float], None]) -> None:
        """How the delays of all cards are spent (see BenchCard)."""
        self._waits = waits
        for each in self._held.values():
            each.contacts.wait_with(waits)

    def occupy(self) -> None:
        """From the next reset on another application has a channel (see BenchCard)."""
        self._occupied = True
        for each in self._held.values():
            each.contacts.occupied = True

    # ------------------------------------------------------------------ the reader

    def insert(self, which: WhichCard) -> None:
        """Pull the card out and put another one in, or the same again; it has no power yet."""
        self.inside.contacts.lose_power()
        self._inside = which
        self.inside.contacts.lose_power()
        now = self._record.clock.now()
        self._record.add(Call("CARD INSERTED", "card", now, now, value={"card": which}))

    def exchange(self) -> None:
        """Put the other card in."""
        self.insert("second" if self._inside == "first" else "first")

    def reset(self) -> bytes:
        """Power up or reset; returns the ATR."""
        return self.inside.contacts.reset()

    def transmit(self, apdu: bytes) -> bytes:
        """Answer one command; nothing while there is no power."""
        return self.inside.contacts.transmit(apdu)

    def end(self) -> None:
        """The user's action is over: what is not finished is recorded as it stands."""
        for each in self._held.values():
            each.contacts.end()
