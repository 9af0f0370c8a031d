"""Tests in Python on a card: asked for permission command by command, and put back."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.guard import guarded
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.document import Document
from pytest_euicc.es10.changes import Changes
from pytest_euicc.es10.isdr import Isdr
from tests.support.unforgetting import Unforgetting

ICCID = bytes.fromhex("98001032547698103264")
PROFILE = {"iccid": ICCID.hex(), "name": "Of the card", "owner": {"mcc_mnc": "00F110"}}


class Refused(Exception):
    pass


def refuse(reason: str) -> NoReturn:
    raise Refused(reason)


def session(**settings: object) -> tuple[Session, Unforgetting]:
    transport = Unforgetting(profiles=(PROFILE,))
    card = Card(transport)
    card.connect()
    return Session(card, Declaration(iut="euicc"), **settings), transport  # type: ignore[arg-type]


def isdr(session: Session) -> Isdr:
    card = session.held_card()
    card.reset()
    client = Isdr(card.open_channel(), session.isdr_aid)
    client.select()
    return client


CHANGES: dict[str, Callable[[Isdr], object]] = {
    "ES10c.EnableProfile": lambda isdr: isdr.enable_profile(ICCID),
    "ES10c.DeleteProfile": lambda isdr: isdr.delete_profile(ICCID),
    "ES10c.SetNickname": lambda isdr: isdr.set_nickname(ICCID, "n"),
    "ES10c.eUICCMemoryReset": lambda isdr: isdr.euicc_memory_reset("deleteOperationalProfiles"),
    "ES10a.SetDefaultDpAddress": lambda isdr: isdr.set_default_dp_address("smdp.example.com"),
    "ES10b.RemoveNotificationFromList": lambda isdr: isdr.remove_notification_from_list(1),
    "the command 80D6000001": lambda isdr: isdr.channel.card.transmit(bytes.fromhex("80D6000001FF")),
    "the command 0020000108": lambda isdr: isdr.channel.card.transmit(bytes.fromhex("0020000108") + bytes(8)),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_card_that_is_not_declared_stays_as_it_is(what: str) -> None:
    opened, transport = session()
    before = transport.euicc.state
    with guarded(opened, "a test", refuse) as context:
        client = isdr(opened)
        with pytest.raises(Refused, match=f"^{what} changes the card: .*--euicc-allow-destructive$"):
            CHANGES[what](client)
    assert transport.euicc.state == before
    assert context.left_behind == []


def test_reading_needs_no_permission() -> None:
    opened, _ = session()
    with guarded(opened, "a test", refuse):
        client = isdr(opened)
        assert client.get_eid()
        assert client.get_euicc_info2()
        assert client.get_profiles_info()
        assert client.get_euicc_challenge()
        assert client.list_notification()


@pytest.mark.parametrize("what", ["ES10c.EnableProfile", "ES10c.SetNickname", "ES10a.SetDefaultDpAddress"])
def test_what_was_changed_is_put_back(what: str) -> None:
    opened, transport = session(allow_destructive=True)

    def seen() -> object:
        state = transport.euicc.state
        return state.enabled, state.default_address, [profile.nickname for profile in state.profiles]

    before = seen()
    with guarded(opened, "a test", refuse):
        CHANGES[what](isdr(opened))
        assert seen() != before
    assert seen() == before


def test_what_cannot_be_put_back_is_told() -> None:
    opened, _ = session(allow_destructive=True)
    with guarded(opened, "a test", refuse) as context:
        isdr(opened).delete_profile(ICCID)
    assert f"the profile {ICCID.hex()} was deleted" in context.left_behind


def test_without_putting_back_it_stays() -> None:
    opened, transport = session(allow_destructive=True)
    with guarded(opened, "a test", refuse, restore=False) as context:
        isdr(opened).set_nickname(ICCID, "kept")
    assert transport.euicc.state.profiles[0].nickname == "kept"
    assert context.left_behind == []


def test_the_guard_goes_with_the_test() -> None:
    opened, _ = session()
    with pytest.raises(RuntimeError), guarded(opened, "a test", refuse):
        raise RuntimeError
    assert opened.held_card().guard is None


@pytest.mark.parametrize(
    ("commands", "changes"),
    [
        (["81E2910003BF2E00"], ""),
        (["81E2110003BF2D80", "81E29101020000"], ""),
        (["81E29101020000"], "the command 81E2910102"),
        (["81E2110003BF2D80", "82E29101020000"], "the command 82E2910102"),
        (["81E2110003BF2D80", "81E29102020000"], "the command 81E2910202"),
        (["81E2910003BF3300"], "ES10c.DeleteProfile"),
        (["81E2910006BF5D03800100"], "ES10b.ExecuteFallbackMechanism"),
        (["81E2910003BF6400"], "ES10b.eUICCMemoryReset"),
        (["81E2910003BF5500"], ""),
        (["81E29100020101"], "the command 81E2910002"),
        (["81E2910001BF"], "the command 81E2910001"),
        (["91E2910003BF2E00"], "the command 91E2910003"),
        (["80C2000001D6"], "the command 80C2000001"),
        (["00A4040000"], ""),
        (["00"], "the command 00"),
    ],
)
def test_commands(commands: list[str], changes: str) -> None:
    watch = Changes()
    *before, last = map(bytes.fromhex, commands)
    assert [watch.of(command) for command in before] == [""] * len(before)
    assert watch.of(last) == changes


DELETE = f"BF330C5A0A{ICCID.hex().upper()}"
VECTOR = f"""
case: TC_Raw
title: A command that is written out
iut: euicc
interface: own
clauses: {{sgp22: ["5.7.18"]}}
origin: own
sequences:
  - id: "01"
    title: DeleteProfile
    given: [isdr_selected]
    steps: [card.send: {{ channel: isdr, apdu: "80E291000F{DELETE}", sw: "9000" }}]
"""


class Log:
    """A journal that keeps what it is told."""

    def __init__(self) -> None:
        self.reported: list[str] = []

    def change(self, sequence: str) -> None:
        self.reported.append(f"change {sequence}")

    def restored(self, sequence: str) -> None:
        self.reported.append(f"restored {sequence}")


def test_a_command_of_a_vector_that_does_not_say_that_it_changes_the_card() -> None:
    opened, transport = session()
    case = loader.parse(Document.parse(VECTOR))
    assert case is not None
    result = Runner(opened).run(case, case.sequences[0])
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "to send ES10c.DeleteProfile: the card in" in result.reason
    assert [profile.iccid for profile in transport.euicc.state.profiles] == [ICCID]


@pytest.mark.parametrize(
    ("apdu", "command"),
    [
        ("00D6000001FF", "UPDATE BINARY"),
        ("01DC010401FF", "UPDATE RECORD"),
        ("00E00000026200", "CREATE FILE"),
        ("00200001083132333400000000", "VERIFY PIN"),
        ("80E6020000", "INSTALL"),
        ("80C2000002D100", "ENVELOPE"),
    ],
)
def test_a_command_that_writes_and_is_none_of_es10(apdu: str, command: str) -> None:
    opened, _ = session()
    written = VECTOR.replace(f"80E291000F{DELETE}", apdu).replace("channel: isdr, ", "")
    case = loader.parse(Document.parse(written))
    assert case is not None
    result = Runner(opened).run(case, case.sequences[0])
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert f"to send {command}: the card in" in result.reason


def test_it_is_in_the_journal_and_stays_there() -> None:
    opened, _ = session(allow_destructive=True)
    opened.journal = log = Log()  # type: ignore[assignment]
    case = loader.parse(Document.parse(VECTOR))
    assert case is not None
    result = Runner(opened).run(case, case.sequences[0])
    assert log.reported == ["change TC_Raw_01"], result.reason
    assert result.left_behind == ["what ES10c.DeleteProfile changed, as the sequence does not say changes_card: true"]


def test_one_that_the_card_refuses_has_changed_nothing() -> None:
    opened, transport = session(allow_destructive=True)
    opened.journal = log = Log()  # type: ignore[assignment]
    refused = VECTOR.replace(f"0F{DELETE}", "03BF3300").replace('"9000"', "error")
    assert refused != VECTOR
    case = loader.parse(Document.parse(refused))
    assert case is not None
    result = Runner(opened).run(case, case.sequences[0])
    assert (result.verdict, result.left_behind) == (Verdict.PASS, []), result.reason
    assert log.reported == ["change TC_Raw_01", "restored TC_Raw_01"]
    assert [profile.iccid for profile in transport.euicc.state.profiles] == [ICCID]
