"""What states read of a card whose lists are not as their types demand."""

from __future__ import annotations

import pytest

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.interfaces.es10b_iot.listed import (
    are_unknown,
    eims_listed,
    entries_without_counters,
    profiles_listed,
)

TAGS = bytes.fromhex("5A 9F70")
ICCID = "98001032547698103214"
LISTED = f"5A0A{ICCID}9F700101"


class Answering:
    """An ISD-R that answers functions by their tags, and refuses what it has no answer for."""

    description, protocol, atr = "answering", "T=1", b""

    def __init__(self, **answers: str) -> None:
        self.answers = {bytes.fromhex(name[1:]): bytes.fromhex(octets) for name, octets in answers.items()}

    def connect(self) -> None: ...

    def close(self) -> None: ...

    def reset(self) -> bytes:
        return b""

    def transmit(self, apdu: bytes) -> bytes:
        if apdu[1] == 0x70:
            return b"\x01\x90\x00"
        if apdu[1] != 0xE2:
            return b"\x90\x00"
        answer = self.answers.get(apdu[5 : 5 + apdu[4]])
        return b"\x6a\x80" if answer is None else answer + b"\x90\x00"


def context(**answers: str) -> Context:
    card = Card(Answering(**answers))
    card.connect()
    made = Context(Session(card, Declaration(name="x", iut="euicc", version="2.5.0")), "test")
    made.select_isdr()
    return made


def element(tag: int, *parts: bytes | str) -> bytes:
    return tlv.encode(tag, b"".join(bytes.fromhex(part) if isinstance(part, str) else part for part in parts))


@pytest.mark.parametrize(
    ("answer", "eims"),
    [
        (element(0xBF55, element(0xA0)), {}),
        (element(0xBF55), {}),
        (element(0xBF55, element(0xA0, element(0x30, "8003616263", "830105", "840107"))), {"abc": 7}),
        # As one implementation sends: an A0 for every entry, elements out of order, a token of 0 for none.
        (
            element(
                0xBF55,
                element(0xA0, element(0x30, "800161", "830105", "8701FF", "810162")),
                element(0xA0, element(0x30, "800162", "840100", "830105")),
            ),
            {"a": None, "b": None},
        ),
        (element(0xBF55, element(0xA0, element(0x30, "840109", "800161"))), {"a": 9}),
    ],
)
def test_eims(answer: bytes, eims: dict[str, int | None]) -> None:
    assert eims_listed(context(xBF5500=answer.hex())) == eims


def test_eims_that_are_not_told() -> None:
    with pytest.raises(Refused, match="6A80"):
        eims_listed(context())


def test_counters_do_not_count() -> None:
    one, two = (element(0xBF55, element(0x30, f"83010{number}", "800161")) for number in (1, 2))
    assert entries_without_counters(one) == entries_without_counters(two) == bytes.fromhex("800161")


def test_profiles_with_tags() -> None:
    answer = element(0xBF2D, element(0xA0, element(0xE3, LISTED)))
    found = profiles_listed(context(xBF2D055C035A9F70=answer.hex()), TAGS)
    assert [(profile.iccid.hex(), profile.enabled, are_unknown(profile)) for profile in found] == [(ICCID, True, False)]


def test_profiles_of_a_card_that_refuses_a_tag_list() -> None:
    # As one implementation sends: the list in a SEQUENCE of its own.
    made = context(xBF2D00=element(0xBF2D, element(0xA0, element(0x30, element(0xE3, LISTED)))).hex())
    found = profiles_listed(made, TAGS)
    assert [(profile.iccid.hex(), profile.enabled, are_unknown(profile)) for profile in found] == [(ICCID, True, True)]
    assert [each.kind for each in made.observations] == ["left-out"]


def test_elements_wherever_they_stand() -> None:
    octets = element(0xBF2D, element(0xA0, element(0xE3, "800101"), "810101"))
    assert [part.octets.hex() for part in tlv.within(octets, 0xE3)] == ["e303800101"]
    assert list(tlv.within(octets, 0xE4)) == []
