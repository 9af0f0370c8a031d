"""What is known of a card from what was sent to it: never more than what holds still."""

from __future__ import annotations

from dataclasses import fields

import pytest

from pytest_euicc.asn1 import codec
from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.card.channel import Card, LogicalChannel
from pytest_euicc.conformance.engine.knowledge import Holding, Knowledge
from pytest_euicc.es10.changes import Touched
from pytest_euicc.es10.isdr import ISDR_AID, Isdr
from tests.support.unforgetting import Unforgetting

ALL = {"profiles", "metadata", "nicknames", "notifications", "address"}
KNOWN = Holding(profiles=[], assumed=False, metadata={}, nicknames={}, notifications=[], address="")


@pytest.fixture
def card() -> Card:
    opened = Card(Unforgetting())
    opened.connect()
    return opened


def ready(card: Card) -> tuple[Knowledge, LogicalChannel]:
    """A card as a sequence finds it, of which everything is known."""
    knowledge = Knowledge(card)
    card.reset()
    card.start()
    channel = card.open_channel()
    channel.select(ISDR_AID)
    knowledge.isdr_selected(channel)
    for each in fields(KNOWN):
        setattr(knowledge.holding, each.name, getattr(KNOWN, each.name))
    return knowledge, channel


def unknown(knowledge: Knowledge) -> set[str]:
    return {name for name in ALL if getattr(knowledge.holding, name) is None}


@pytest.mark.parametrize(
    ("command", "touched"),
    [
        ("81E2910003BF2E00", set()),
        ("81E291000ABF2D075C055A9F7090", set()),
        ("81E2910005BF3F020000", {"address"}),
        ("81E2910005BF29020000", {"nicknames"}),
        ("81E2910005BF30020000", {"notifications"}),
        ("81E2910005BF31020000", {"profiles", "notifications"}),
        ("81E2910005BF34020000", {"profiles", "notifications", "address"}),
        ("81E2910003BF3600", {"profiles", "notifications"}),
        ("81E29100028700", {"profiles", "notifications"}),
        ("81E2910003BF5100", ALL),  # an eUICC Package of SGP.32
        ("80C2000002D100", {"profiles", "metadata", "notifications"}),
        ("80E2910103BF2E00", ALL),  # a second block without a first
        ("90E2910003BF2E00", ALL),  # a class of a vendor's
        ("00D6000001FF", ALL),
        ("00A40004023F00", set()),
        ("80", ALL),
    ],
)
def test_what_a_command_may_change(command: str, touched: set[str]) -> None:
    assert Touched().by(bytes.fromhex(command)) == touched


def test_further_blocks_belong_to_the_function_on_their_channel() -> None:
    touched = Touched()
    assert touched.by(bytes.fromhex("81E2110005BF3F820100")) == {"address"}
    assert touched.by(bytes.fromhex("82E2910003BF2E00")) == set()
    assert touched.by(bytes.fromhex("81E291010100")) == {"address"}
    assert touched.by(bytes.fromhex("81E291030100")) == ALL


def test_reading_leaves_the_card_as_it_was_started(card: Card) -> None:
    knowledge, channel = ready(card)
    Isdr(channel).get_eid()
    Isdr(channel).set_default_dp_address("a.example.com")
    assert knowledge.as_started is channel
    assert unknown(knowledge) == {"address"}


@pytest.mark.parametrize(
    "odd",
    [
        lambda card, channel: Isdr(channel).get_euicc_challenge(),
        lambda card, channel: channel.store_data(bytes.fromhex("BF3E055C015A")),  # refused
        lambda card, channel: card.basic.send(CommandApdu(0x80, 0xF2, 0x00, 0x0C)),
        lambda card, channel: card.open_channel(),
        lambda card, channel: channel.send(CommandApdu(0x80, 0xE2, 0x11, 0x00, bytes.fromhex("BF3E03"), 256)),
        lambda card, channel: card.reset(),
    ],
    ids=["a session", "a refusal", "the basic channel", "another channel", "half a command", "a reset"],
)
def test_anything_else_wants_a_reset_before_the_next_sequence(card: Card, odd: object) -> None:
    knowledge, channel = ready(card)
    assert knowledge.as_started is channel
    odd(card, channel)  # type: ignore[operator]
    assert knowledge.as_started is None


def test_a_switch_is_fine_for_clean_up_and_not_for_the_next_sequence(card: Card) -> None:
    knowledge, channel = ready(card)
    isdr = Isdr(channel)
    assert isdr.enable_profile(bytes(10)) != 0
    assert knowledge.usable is channel
    assert knowledge.as_started is None
    assert unknown(knowledge) == {"profiles", "notifications"}


def test_a_card_that_does_not_answer_is_unknown(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    knowledge, channel = ready(card)

    def mute(_apdu: bytes) -> bytes:
        raise OSError

    monkeypatch.setattr(card.transport, "transmit", mute)
    with pytest.raises(OSError):  # noqa: PT011  (the card's own)
        channel.store_data(codec.encode("GetEuiccInfo1Request", {}))
    assert unknown(knowledge) == ALL
    assert knowledge.usable is None


def test_a_card_that_was_out_of_its_reader_is_unknown(card: Card) -> None:
    knowledge, _ = ready(card)
    card.retake()
    assert unknown(knowledge) == ALL
    assert knowledge.usable is None


def test_what_was_read_before_a_change_is_true_again_after_a_snapshot(card: Card) -> None:
    knowledge, channel = ready(card)
    knowledge.forget()
    knowledge.kept()
    knowledge.holding.address, knowledge.holding.notifications = "before.example.com", []
    Isdr(channel).set_default_dp_address("a.example.com")
    knowledge.holding.address = "a.example.com"
    knowledge.restored()
    assert knowledge.holding.address == "before.example.com"
    assert unknown(knowledge) == ALL - {"address", "notifications"}
    assert knowledge.usable is None
