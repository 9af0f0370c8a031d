"""States: what they do to reach it, what they save, and that they put back what they changed."""

from pytest_euicc.conformance.engine.events import Event, StateReached, Verdict
from tests.support.mini_card import ICCID_A, ICCID_B, MiniCard, run

LOOK = "    steps: [card.atr]\n"


def saved(given, card):
    events: list[Event] = []
    result = run(f"    given: [{given}]\n{LOOK}", card, events)
    assert result.verdict is Verdict.PASS, result.reason
    return {name: value for event in events if isinstance(event, StateReached) for name, value in event.saved.items()}


def management(card):
    """The profile management commands that went to the card."""
    return [entry[10:14] for entry in card.sent if entry[2:4] == "E2" and entry[10:14] in ("BF31", "BF32")]


def test_a_profile_in_its_state_already_is_taken_as_it_is():
    card = MiniCard()
    assert saved("profile", card)["profile"]["iccid"] == ICCID_A
    assert management(card) == []


def test_the_profile_in_the_wanted_state_is_preferred():
    card = MiniCard()
    card.profiles[ICCID_B] = True
    assert saved("{profile: {state: enabled}}", card)["profile"]["iccid"] == ICCID_B
    assert management(card) == []


def test_a_profile_is_enabled_and_disabled_again():
    card = MiniCard()
    profile = saved("{profile: {state: enabled, as: p1}}", card)["p1"]
    assert profile["provider"] == "Operator"
    assert management(card) == ["BF31", "BF32"]
    assert not any(card.profiles.values())


def test_the_profile_that_was_enabled_is_enabled_again():
    card = MiniCard()
    card.profiles[ICCID_B] = True
    saved("no_enabled_profile", card)
    assert management(card) == ["BF32", "BF31"]
    assert card.profiles == {ICCID_A: False, ICCID_B: True}


def test_distinct_names_are_distinct_profiles():
    names = saved("{profile: {as: p1}}, {profile: {as: p2}}", MiniCard())
    assert {names["p1"]["iccid"], names["p2"]["iccid"]} == {ICCID_A, ICCID_B}
    result = run(f"    given: [{{profile: {{as: a}}}}, {{profile: {{as: b}}}}, {{profile: {{as: c}}}}]\n{LOOK}")
    assert result.verdict is Verdict.INCONCLUSIVE


def test_what_could_not_be_undone_is_named():
    class Stuck(MiniCard):
        def store(self, tag, data):
            return bytes.fromhex("BF3203800103") if tag == "BF32" else super().store(tag, data)

    result = run(f"    given: [{{profile: {{state: enabled}}}}]\n{LOOK}", Stuck())
    assert result.verdict is Verdict.PASS
    assert len(result.left_behind) == 1
    assert result.left_behind[0].startswith("a profile is enabled that was not: cannot disable the profile")
    assert "disallowedByPolicy" in result.left_behind[0]


def test_a_refused_state_is_inconclusive_and_names_the_answer():
    card = MiniCard()
    card.refuse["BF31"] = bytes.fromhex("6985")
    result = run(f"    given: [{{profile: {{state: enabled}}}}]\n{LOOK}", card)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "6985" in result.reason


def test_a_provisioner_brings_what_the_card_has_not():
    from pytest_euicc.conformance.engine.wishes import ProfileWish

    wishes = []

    class Provisioner:
        def install(self, context, wish):
            wishes.append(wish)
            card.profiles[ICCID_A] = False
            return ICCID_A

    card = MiniCard()
    card.profiles.clear()
    result = run(f"    given: [profile]\n{LOOK}", card, provisioner=Provisioner())
    assert result.verdict is Verdict.PASS
    assert wishes == [ProfileWish()]
    assert any("BF33" in entry and ICCID_A.hex().upper() in entry for entry in card.sent)
    assert result.left_behind == []


def test_too_few_profiles_are_inconclusive():
    assert len(saved("{profiles: {count: 2}}", MiniCard())["profiles"]) == 2
    result = run(f"    given: [{{profiles: {{count: 3}}}}]\n{LOOK}")
    assert "there is nothing to download one with" in result.reason


def test_a_second_channel_does_not_reset_the_first():
    card = MiniCard()
    saved("isdr_selected, {isdr_selected: {as: second}}", card)
    assert card.sent.count("reset") == 1
    assert sum(entry.startswith("0070000001") for entry in card.sent) == 2
