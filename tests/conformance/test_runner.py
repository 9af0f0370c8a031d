"""Sequences run to their verdicts on a card of a few answers."""

from __future__ import annotations

import pytest

from pytest_euicc.card.errors import CardMute
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.errors import CannotOffer, Cause, Refused, cause_of, reason_of
from pytest_euicc.conformance.engine.events import (
    ApduExchanged,
    CheckFailed,
    Decoded,
    Event,
    SequenceFinished,
    SequenceStarted,
    StateReached,
    StepFinished,
    StepStarted,
    Verdict,
)
from pytest_euicc.conformance.engine.kinds import KINDS, Undo
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.engine.step import status_matches
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.values.resolve import ValueMistake
from pytest_euicc.es10.isdr import Es10Error
from tests.support.mini_card import EID, ICCID_A, ICCID_B, MiniCard, SnapshotCard, case_of, run, tlv

CHALLENGES = """
    given: [isdr_selected]
    steps:
      - es10b.get_euicc_challenge:
          expect: {euiccChallenge: {octets: 16, save: first}}
          verify: [complete]
      - es10b.get_euicc_challenge:
          expect: {euiccChallenge: {not: $first}}
"""


def test_pass_and_the_stream_of_events():
    events: list[Event] = []
    result = run(CHALLENGES, events=events)
    assert (result.verdict, result.reason) == (Verdict.PASS, "")
    assert isinstance(events[0], SequenceStarted)
    assert events[-1] == SequenceFinished(result)
    assert [event.name for event in events if isinstance(event, StateReached)] == ["card_started", "isdr_selected"]
    second = events[max(index for index, event in enumerate(events) if isinstance(event, StepStarted)) :]
    kinds = [type(event) for event in second]
    assert kinds.index(ApduExchanged) < kinds.index(Decoded) < kinds.index(StepFinished)
    assert result.apdus == sum(isinstance(event, ApduExchanged) for event in events)


def test_a_failure_says_everything():
    events: list[Event] = []
    result = run(
        """
    given: [isdr_selected]
    steps:
      - es10b.get_euicc_challenge
      - es10b.get_euicc_challenge:
          title: The same again
          because: it is a test
          expect: {euiccChallenge: "00000000000000000000000000000001"}
""",
        events=events,
    )
    assert result.verdict is Verdict.FAIL
    assert result.reason.splitlines() == [
        "step 2, es10b.get_euicc_challenge: The same again",
        "  sent      BF2E00",
        "            {}",
        "  received  BF2E12801000000000000000000000000000000002 9000 (success)",
        '            {"euiccChallenge": "00000000000000000000000000000002"}',
        '  expected  euiccChallenge: expected "00000000000000000000000000000001", '
        'received "00000000000000000000000000000002"',
        "  because   it is a test",
        "  clause    SGP.22 5.7.7",
    ]
    assert result.failure.sent == bytes.fromhex("BF2E00")
    assert [event.mismatch.path for event in events if isinstance(event, CheckFailed)] == ["euiccChallenge"]


@pytest.mark.parametrize(
    ("answer", "expected", "verdict"),
    [
        ("6A82", '"6A82"', Verdict.PASS),
        ("6A82", "6Axx", Verdict.PASS),
        ("6A82", "error", Verdict.PASS),
        ("6A82", '["6985", "6A82"]', Verdict.PASS),
        ("6A82", '["6985", "6A80"]', Verdict.FAIL),
        ("6A82", '"9000"', Verdict.FAIL),
        ("9000", "error", Verdict.FAIL),
    ],
)
def test_status_words(answer, expected, verdict):
    card = MiniCard()
    card.refuse["BF2E"] = bytes.fromhex(answer)
    step = f"{{sw: {expected}}}"
    result = run(f"    given: [isdr_selected]\n    steps: [es10b.get_euicc_challenge: {step}]\n", card)
    assert result.verdict is verdict


def test_success_with_a_proactive_command_counts_as_success():
    assert status_matches(0x9112, "9000")
    assert not status_matches(0x9112, "9110")
    assert not status_matches(0x9112, "error")


@pytest.mark.parametrize("answer", ["9000", "BF2E0280019000", "FFFF9000"])
def test_an_answer_that_cannot_be_decoded_fails(answer):
    card = MiniCard()
    card.refuse["BF2E"] = bytes.fromhex(answer)
    result = run("    given: [isdr_selected]\n    steps: [es10b.get_euicc_challenge]\n", card)
    assert result.verdict is Verdict.FAIL
    assert "GetEuiccChallengeResponse" in result.reason


def test_repeated_answers_must_differ():
    steps = (
        "    given: [isdr_selected]\n    steps: [es10b.get_euicc_challenge: {repeat: 3, distinct: [euiccChallenge]}]\n"
    )
    card = MiniCard()
    assert run(steps, card).verdict is Verdict.PASS
    assert sum("BF2E" in sent for sent in card.sent) == 3
    card.refuse["BF2E"] = bytes.fromhex("BF2E128010") + bytes(16) + b"\x90\x00"
    result = run(steps, card)
    assert result.verdict is Verdict.FAIL
    assert "another value in each of 3 answers" in result.reason


@pytest.mark.parametrize(("sw", "verdict"), [("6A82", Verdict.PASS), ("6985", Verdict.PASS), ("6A80", Verdict.FAIL)])
def test_one_of_several_choices(sw, verdict):
    card = MiniCard()
    card.refuse["BF2E"] = bytes.fromhex(sw)
    steps = 'es10b.get_euicc_challenge: {any_of: [{sw: "6A82"}, {sw: "6985"}]}'
    assert run(f"    given: [isdr_selected]\n    steps: [{steps}]\n", card).verdict is verdict


def test_a_status_word_that_an_action_does_not_have_does_not_come():
    result = run('    given: [isdr_selected]\n    steps: [card.atr: {sw: "9000"}]\n')
    assert result.verdict is Verdict.FAIL
    assert "status word: expected 9000, received none: this action has no status word" in result.reason


def test_a_state_that_cannot_be_reached_is_inconclusive():
    result = run("    given: [{profile: {class: test}}]\n    steps: [card.atr]\n")
    assert result.verdict is Verdict.INCONCLUSIVE
    assert result.reason.startswith(
        "state profile was not reached: test setup incomplete: the card has no test profile to spare"
    )


def test_a_fault_of_the_harness_is_inconclusive():
    class Broken(MiniCard):
        def store(self, tag, data):
            raise ZeroDivisionError("oops")

    result = run("    given: [isdr_selected]\n    steps: [es10b.get_euicc_challenge]\n", Broken())
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "fault of the harness: ZeroDivisionError: oops" in result.reason


def test_not_applicable_shows_the_values_and_leaves_the_card_alone():
    card = MiniCard()
    result = run("    applicability: O_E_CRL\n    steps: [card.reset]\n", card)
    assert (result.verdict, result.reason) == (Verdict.NOT_APPLICABLE, "requires O_E_CRL; declared: O_E_CRL = false")
    assert card.sent == []


def test_what_is_not_declared_is_not_applicable():
    steps = "    steps: [card.atr: {expect: {octets: '${declaration.svn}'}}]\n"
    assert run(steps).reason == "the declaration 'undeclared' does not give svn"
    assert run(steps, declaration=Declaration(svn="2.6.0")).verdict is Verdict.FAIL


CHANGING = """
    given: [profile]
    steps:
      - es10c.enable_profile:
          with: {profileIdentifier: {iccid: $profile.iccid}}
          expect: {enableResult: ok}
"""


def test_a_real_card_is_changed_only_with_permission():
    card = MiniCard()
    refused = run(CHANGING, card, real_card=True)
    assert refused.verdict is Verdict.NOT_APPLICABLE
    assert "not declared as a test card" in refused.reason
    other = run(CHANGING, card, real_card=True, declaration=Declaration(test_cards=["89" + "0" * 30]))
    assert f"the card {EID} is not a declared test card" in other.reason
    assert not any("BF31" in sent for sent in card.sent)
    assert run(CHANGING, card, real_card=True, allow_destructive=True).verdict is Verdict.PASS
    assert run(CHANGING, card, real_card=True, declaration=Declaration(test_cards=[EID])).verdict is Verdict.PASS


class NamelessCard(MiniCard):
    """A card whose GetEID is answered with nothing."""

    def store(self, tag, data):
        return tlv("BF3E", b"") if tag == "BF3E" else super().store(tag, data)


def test_a_card_that_does_not_tell_its_eid_is_tested_but_never_changed():
    declared, card = Declaration(test_cards=[EID]), NamelessCard()
    assert run(CHALLENGES, card, real_card=True, declaration=declared).verdict is Verdict.PASS
    refused = run(CHANGING, card, real_card=True, declaration=declared)
    assert refused.verdict is Verdict.NOT_APPLICABLE
    assert "the card does not report its EID" in refused.reason
    assert not any("BF31" in sent for sent in card.sent)


def test_a_snapshot_puts_the_card_back():
    card = SnapshotCard()
    assert run(CHANGING, card).verdict is Verdict.PASS
    assert card.sent[-1] == "restored"
    assert not any(card.profiles.values())


def test_without_both_the_steps_are_undone_through_es10():
    card = MiniCard()
    card.profiles[ICCID_B] = True
    result = run(CHANGING, card)
    assert (result.verdict, result.left_behind) == (Verdict.PASS, [])
    assert card.profiles == {ICCID_A: False, ICCID_B: True}


def test_a_profile_of_the_cards_own_that_is_gone_is_told():
    class Forgetful(MiniCard):
        def store(self, tag, data):
            answer = super().store(tag, data)
            if tag == "BF31":
                self.profiles.pop(ICCID_B, None)
            return answer

    result = run(CHANGING, Forgetful())
    assert f"the profile {ICCID_B.hex()} was deleted" in [each.text for each in result.observations]
    assert result.verdict is Verdict.PASS


def test_an_interrupted_run_puts_the_card_back():
    class Interrupted(SnapshotCard):
        def store(self, tag, data):
            if tag == "BF2E":
                raise KeyboardInterrupt
            return super().store(tag, data)

    card = Interrupted()
    with pytest.raises(KeyboardInterrupt):
        run(CHANGING + "      - es10b.get_euicc_challenge\n", card)
    assert card.sent[-1] == "restored"


def test_declared_commands_put_the_card_back():
    card = MiniCard()
    run(CHANGING, card, declaration=Declaration(restore=["80F2000000"]))
    assert card.sent[-2:] == ["reset", "80F2000000"]


def test_a_refused_restore_is_left_behind():
    class Refusing(MiniCard):
        def transmit(self, apdu):
            return b"\x6d\x00" if apdu[1] == 0xF2 else super().transmit(apdu)

    result = run(CHANGING, Refusing(), declaration=Declaration(restore=["80F2000000"]))
    assert result.verdict is Verdict.PASS
    assert len(result.left_behind) == 1
    assert "not restored: 80F2000000 was answered with 6D00" in result.left_behind[0]


def test_a_failing_last_step_is_reported_and_no_verdict():
    result = run(CHALLENGES + "    finally: [es10b.get_euicc_challenge: {sw: error}]\n")
    assert result.verdict is Verdict.PASS
    assert len(result.left_behind) == 1
    assert result.left_behind[0].startswith("finally, step 1 (es10b.get_euicc_challenge)")


def test_last_steps_do_not_touch_a_card_that_must_not_be_changed():
    card = MiniCard()
    declared = Declaration(test_cards=["89" + "0" * 30])
    result = run(CHANGING + "    finally: [es10b.get_euicc_challenge]\n", card, real_card=True, declaration=declared)
    assert (result.verdict, result.left_behind) == (Verdict.NOT_APPLICABLE, [])
    assert not any("BF2E" in sent for sent in card.sent)


def test_tampered_octets_go_out():
    card = MiniCard()
    run(
        """
    given: [profile]
    steps:
      - es10c.enable_profile:
          with: {profileIdentifier: {iccid: $profile.iccid}}
          tamper: [{flip: {at: profileIdentifier.iccid, octet: -1, bit: 0}}]
""",
        card,
    )
    sent = next(entry for entry in card.sent if "BF31" in entry)
    assert sent[10:].startswith("BF3111A00C5A0A" + ICCID_A.hex()[:-1] + "5" + "810100")


def test_randomness_comes_from_seed_and_sequence():
    from pytest_euicc.card.channel import Card
    from pytest_euicc.conformance.engine.context import Context, Session

    def octets(seed, sequence):
        return Context(Session(Card(MiniCard()), seed=seed), sequence).random.randbytes(8)

    assert octets("1", "a") == octets("1", "a")
    assert len({octets("1", "a"), octets("2", "a"), octets("1", "b")}) == 3


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (Refused("6985"), Cause.REFUSED),
        (Es10Error("ES10c.GetEID: 6985"), Cause.REFUSED),
        (CardMute("the card does not answer"), Cause.NOT_REACHABLE),
        (CannotOffer("load a profile"), Cause.SETUP),
        (ValueMistake((), "$eid is not saved"), Cause.VECTOR),
        (KeyError("iccid"), Cause.HARNESS),
    ],
)
def test_the_reason_says_who_has_to_act(error: Exception, cause: Cause) -> None:
    assert cause_of(error) is cause
    assert reason_of(error).startswith(f"{cause}: ")


def test_a_kind_of_ones_own_prepares_and_restores() -> None:
    seen: list[str] = []

    class Toaster:
        title, answer = "a toaster", "status"

        def prepare(self, context: Context, *, changes: bool) -> Toaster:
            seen.append(f"prepared {context.sequence_id} {changes}")
            return self

        def restore(self, undo: Undo) -> None:
            undo.run()
            seen.append("restored")

    KINDS.add("toaster", Toaster())  # type: ignore[arg-type]
    try:
        case = case_of("    given: []\n    steps: [{check.equal: {left: 1, right: 1}}]", iut="toaster")
        result = Runner(Session(None, Declaration(iut="toaster"))).run(case, case.sequences[0])
    finally:
        del KINDS.entries["toaster"]
    assert result.verdict is Verdict.PASS
    assert seen == ["prepared TC_Mini_01 False", "restored"]
