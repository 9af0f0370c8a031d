"""One odd profile or notification on a card is an observation and costs no other sequence its verdict."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pytest_euicc.asn1 import tlv
from pytest_euicc.conformance.engine.events import Result, Verdict
from pytest_euicc.conformance.files.declaration import Declaration
from tests.support.mini_card import MiniCard, run

Items = list[tuple[int, bytes]]
READ = """
    given: [{profile: {state: enabled, as: p}}]
    steps:
      - es10b.get_euicc_challenge
"""


def put(tag: int, value: bytes) -> Callable[[Items], Items]:
    return lambda items: [(name, value if name == tag else old) for name, old in items if name != tag] + [(tag, value)]


def drop(tag: int) -> Callable[[Items], Items]:
    return lambda items: [(name, old) for name, old in items if name != tag]


CHANGING = """
    given: [profile]
    steps:
      - es10c.enable_profile:
          with: {profileIdentifier: {iccid: $profile.iccid}}
"""


class OddCard(MiniCard):
    """One entry of a list is changed: the first of the profiles, or of the notifications."""

    def __init__(self, change: Callable[[Items], Items], function: int = 0xBF2D) -> None:
        super().__init__()
        self.change, self.function = change, function

    def store(self, tag, data):
        answer = super().store(tag, data)
        if tag != f"{self.function:04X}":
            return answer
        octets = answer[:-2] if answer[-2:] == b"\x90\x00" else answer
        outer = tlv.parse(octets)
        entries = outer.children()[0].children()
        made = b""
        for number, entry in enumerate(entries):
            items = [(child.tag, child.value) for child in entry.children()]
            chosen = self.change(items) if number == 0 else items
            made += tlv.encode(entry.tag, b"".join(tlv.encode(name, value) for name, value in chosen))
        changed = tlv.encode(self.function, tlv.encode(0xA0, made))
        return changed + answer[len(octets) :]


def kinds(result: Result) -> set[str]:
    return {each.kind for each in result.observations}


@pytest.mark.parametrize(
    ("change", "noted"),
    [
        pytest.param(put(0x91, "Österreich".encode("latin-1")), True, id="provider in Latin-1"),
        pytest.param(put(0x92, b"A" * 65), True, id="name of 65 characters"),
        pytest.param(drop(0x5A), True, id="no ICCID"),
        pytest.param(put(0x95, b"\x03"), False, id="class of a later version"),
        pytest.param(put(0x95, b"\xff"), False, id="class -1"),
    ],
)
def test_an_odd_profile_is_left_alone(change: Callable[[Items], Items], noted: bool) -> None:
    result = run(READ, OddCard(change))
    assert (result.verdict, result.reason) == (Verdict.PASS, "")
    assert ("unreadable-entry" in kinds(result)) is noted


@pytest.mark.parametrize(
    ("step", "verdict"),
    [
        ("expect: {profileInfoListOk: {contains: {iccid: $p.iccid, profileState: enabled}}}", Verdict.PASS),
        ("expect: {profileInfoListOk: {each: {iccid: {octets: 10}}}}", Verdict.PASS),
        ("expect: {profileInfoListOk: {each: {serviceProviderName: {type: text}}}}", Verdict.FAIL),
        ("verify: [der]", Verdict.FAIL),
    ],
)
def test_a_step_fails_for_what_it_asks_of_the_odd_entry(step: str, verdict: Verdict) -> None:
    given = "given: [{profile: {state: enabled, as: p}}]"
    vector = f"\n    {given}\n    steps:\n      - es10c.get_profiles_info:\n          {step}\n"
    result = run(vector, OddCard(put(0x91, "Österreich".encode("latin-1"))))
    assert result.verdict is verdict, result.reason
    if verdict is Verdict.PASS:
        assert "unreadable-entry" in kinds(result)
    else:
        assert "serviceProviderName" in result.reason


def test_a_declaration_makes_it_a_failure() -> None:
    declaration = Declaration(observations={"unreadable-entry": "fail"})
    result = run(READ, OddCard(drop(0x5A)), declaration=declaration)
    assert result.verdict is Verdict.FAIL
    assert "unreadable-entry" in result.reason


def test_an_unknown_kind_of_observation_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="did you mean 'unknown-element'"):
        Declaration(observations={"unknown-elemen": "fail"})


def test_a_notification_that_cannot_be_read_is_left_alone() -> None:
    class Notified(MiniCard):
        def store(self, tag, data):
            if tag != "BF28":
                return super().store(tag, data)
            entries = (
                tlv.encode(0x80, bytes([number])) + tlv.encode(0x81, b"\x04\x80") + tlv.encode(0x0C, address)
                for number, address in ((1, b"\xff\xfe"), (2, b"smdp.example.com"))
            )
            return tlv.encode(0xBF28, tlv.encode(0xA0, b"".join(tlv.encode(0xBF2F, each) for each in entries)))

    result = run(CHANGING, Notified())
    assert result.verdict is Verdict.PASS
    (noted,) = [each for each in result.observations if each.kind == "unreadable-entry"]
    assert "notificationMetadataList.0.notificationAddress: not UTF-8" in noted.text


@pytest.mark.parametrize("tag", ["BF28", "BF3C"])
def test_an_inventory_that_cannot_be_taken_is_told_beside_the_verdict(tag: str) -> None:
    card = MiniCard()
    card.refuse[tag] = bytes.fromhex("6A88")
    result = run(CHANGING, card)
    assert result.verdict is Verdict.PASS
    assert kinds(result) == {"not-compared"}


def test_a_refused_mf_costs_no_verdict() -> None:
    class WithoutMf(MiniCard):
        def transmit(self, apdu):
            if apdu[1:5] == bytes.fromhex("A4000402"):
                return bytes.fromhex("6A82")
            return super().transmit(apdu)

    result = run(READ, WithoutMf())
    assert result.verdict is Verdict.PASS
    assert kinds(result) == {"card-start"}
