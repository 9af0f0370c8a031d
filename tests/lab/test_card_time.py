"""The work of a card, counted out of what went over its transport."""

from __future__ import annotations

import pytest

from pytest_euicc.conformance.engine.events import (
    ApduExchanged,
    Phase,
    SequenceStarted,
    StateReached,
    StateStarted,
    StepFinished,
    StepStarted,
)
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.lab.card_time import AFTER, BEFORE, CardTime, CardWork, Counting, work_of

AUTHENTICATE = bytes.fromhex("81E2110003BF3800")
SECOND_BLOCK = bytes.fromhex("81E2910103BF3800")
READ_EID = bytes.fromhex("81E2910006BF3E035C015A")
GET_RESPONSE = bytes.fromhex("01C0000000")
INSTALLED = bytes.fromhex("BF37009000")


@pytest.mark.parametrize(
    ("command", "response", "work"),
    [
        (AUTHENTICATE, b"\x90\x00", CardWork(1, 1, 0)),
        (SECOND_BLOCK, b"\x90\x00", CardWork(1, 0, 0)),
        (READ_EID, b"\x61\x15", CardWork(1, 0, 0)),
        (GET_RESPONSE, INSTALLED, CardWork(1, 0, 1)),
        (SECOND_BLOCK, INSTALLED, CardWork(1, 0, 1)),
        # A file that begins with these octets is no result of a load.
        (bytes.fromhex("00B0000000"), INSTALLED, CardWork(1, 0, 0)),
        (b"", b"", CardWork(1, 0, 0)),
    ],
)
def test_the_work_of_a_command(command: bytes, response: bytes, work: CardWork) -> None:
    assert work_of(command, response) == work


def test_seconds_are_those_of_the_parameters() -> None:
    work = CardWork(100, 2, 1) + CardWork(50, 1, 0)
    assert CardTime().seconds(work) == pytest.approx(150 * 0.02 + 3 * 1.2 + 6)
    assert CardTime(apdu=0.1, authentication=0, load=1).seconds(work) == pytest.approx(16)


def test_work_is_known_by_sequence_and_by_cause() -> None:
    head = {"case": "TC_A", "title": "T", "iut": "euicc", "interface": "x", "clauses": {}}
    sequence = {"id": "01", "title": "T", "steps": ["a.step"]}
    case = Case.model_validate(head | {"sequences": [sequence]})
    (only,) = case.sequences
    counting, apdu = Counting(), ApduExchanged(READ_EID, b"\x90\x00", 0.0)
    for event in (
        *(SequenceStarted(case, only, "TC_A_01"), apdu),
        *(StateStarted("profile", {}), apdu, apdu, StateReached("profile", {})),
        *(StepStarted(1, "a.step", "T", None, Phase.STEP, only.steps[0]), apdu, StepFinished(1, Phase.STEP, True)),
        *(ApduExchanged(GET_RESPONSE, INSTALLED, 0.0),),
    ):
        counting(event)
    assert dict(counting.by_cause) == {
        BEFORE: CardWork(1),
        "state profile": CardWork(2),
        "step a.step": CardWork(1),
        AFTER: CardWork(1, 0, 1),
    }
    assert dict(counting.by_sequence) == {"TC_A_01": CardWork(5, 0, 1)}
    assert counting.total == CardWork(5, 0, 1)
