"""What happens while the LPA is at work: by the user, by the modem, or by another application on the card."""

from __future__ import annotations

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.iut.lpa.cards import Cards
from pytest_euicc.iut.lpa.direct import DirectTransport
from pytest_euicc.iut.lpa.driver import LpaDriver
from pytest_euicc.peers.lpa.record import Call
from pytest_euicc.peers.lpa.script import Meanwhile, Rule
from pytest_euicc.peers.lpa.user import User

_OK = 0


def happen(rule: Rule, cards: Cards, user: User, driver: LpaDriver) -> None:
    """Let it happen, and note it in the record."""
    what = rule.meanwhile
    assert what is not None  # noqa: S101  (Script.after calls for no other rule)
    now = user.record.clock.now()
    user.record.add(Call("MEANWHILE", "user", now, now, status=what))
    match what:
        case "abort" | "kill" | "download":
            driver.meanwhile(what, rule.code)
        case "refusal":
            user.consent = "no"
        case "another card":
            cards.exchange()
        case "card reset":
            cards.inside.contacts.reset_by_modem()
        case "profile switch" | "memory reset":
            _manage(what, cards)


def _manage(what: Meanwhile, cards: Cards) -> None:
    """Another application manages profiles on a channel of its own; the reset that follows closes all channels."""
    card = cards.inside
    channel = Card(DirectTransport(card.euicc, card.euicc.settings.protocol)).open_channel()
    isdr = Isdr(channel, card.euicc.settings.isdr_aid)
    isdr.select()
    if what == "memory reset":
        done = isdr.euicc_memory_reset("deleteOperationalProfiles")
    else:
        disabled = next((each for each in card.state()["profiles"] if each["state"] == "disabled"), None)
        if disabled is None:
            raise VectorMistake("meanwhile: profile switch: no profile on the card is disabled")
        done = isdr.enable_profile(disabled["iccid"], refresh=True)
    if done != _OK:
        raise VectorMistake(f"meanwhile: {what}: the card answered {done!r}")
    card.contacts.reset_by_modem()
