"""Runs on a card in a reader that are killed in the middle: the next run finds the journal and puts the card back.

``EUICC_KILLS=50`` in the environment kills so many runs.
"""

from __future__ import annotations

import json
import os
import random
import signal
from pathlib import Path

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.errors import SetupIncomplete
from pytest_euicc.conformance.engine.guard import guarded
from pytest_euicc.conformance.engine.journal import Journal, folder, start
from pytest_euicc.conformance.engine.restore import Inventory
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.ended_runs import Watched, held
from tests.support.forked import PytestRun
from tests.support.pcscd import Pcscd

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("EUICC_KILLS", "2"))
CHANGING = "SetNickname or EnableProfile or SetDefaultDpAddress or eUICC_Procedures_01"
"""They put back what they change; a profile of the card that a sequence has deleted cannot come back."""
# About so many commands a run of these has; most of them change the card.
COMMANDS = 700


def suite(*options: str) -> PytestRun:
    given = ("suites", "-q", "-p", "no:cacheprovider", "--euicc", "pcsc:0", "--euicc-allow-destructive")
    return PytestRun([*given, "--euicc-timeout", "40", *options], ROOT)


@pytest.mark.pcsc
def test_a_killed_run_is_put_back_by_the_next(pcscd: Pcscd) -> None:
    chosen = random.Random(11)
    euicc = SimulatedEuicc(EuiccSettings())
    before = held(euicc)
    journals = 0
    watched = Watched(euicc)
    with pcscd.inserted(watched):
        for number in range(KILLS):
            watched.arm_after(chosen.randrange(60, COMMANDS), behind=number % 2 == 0)
            process = suite("-k", CHANGING)
            while process.poll() is None and not watched.reached.wait(0.1):
                pass
            process.send_signal(signal.SIGKILL)
            process.communicate()
            watched.disarm()
            journal = list(folder().glob("*.jsonl"))
            journals += len(journal)
            assert all(path.stat().st_mode & 0o777 == 0o600 for path in journal)
            reported, _ = suite("-k", "GetEID_01").communicate(timeout=120)
            assert held(euicc) == before, f"kill {number}: {reported}"
            if journal:
                assert "was interrupted in" in reported
                assert "the card was restored first" in reported
            assert list(folder().glob("*.jsonl")) == []
    assert journals, "no run was killed while it changed the card"


_EMPTY = Inventory({}, "", frozenset())


def test_the_journal_is_written_before_the_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    journal = Journal("8904", _EMPTY)
    assert not journal.path.exists()
    context = Context(Session(real_card=True, allow_destructive=True, journal=journal), "TC_X_01")
    context.change("to test")
    context.change("to test")
    context.installing(b"\x98\1")
    first, *lines = [json.loads(line) for line in journal.path.read_text().splitlines()]
    assert (first["profiles"], first["address"]) == ({}, "")
    assert lines == [{"sequence": "TC_X_01"}, {"installing": "9801"}]
    assert journal.path.stat().st_mode & 0o777 == 0o600
    assert journal.path.parent.stat().st_mode & 0o777 == 0o700
    journal.restored("TC_X_01")
    journal.close()
    assert not journal.path.exists()


def test_a_card_is_not_changed_without_its_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "file"
    place.write_text("no folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(place))
    session = Session(real_card=True, allow_destructive=True, journal=Journal("8904", _EMPTY))
    context = Context(session, "TC_X_01")
    with pytest.raises(SetupIncomplete, match="the card is not changed without it"):
        context.change("to test")
    assert not context.changed


@pytest.mark.parametrize("eid", ["8904", ""])
def test_two_cards_with_one_eid_are_not_mixed_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, eid: str) -> None:
    """Samples of one batch; the journal of a run that goes on is not one to be put back from."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first, second = (Session(card=connected(), real_card=True, allow_destructive=True) for _ in range(2))
    assert start(first, eid) == ""
    Context(first, "TC_X_01").change("to test")
    written = [path.read_bytes() for path in folder().glob("*.jsonl")]
    assert start(second, eid) == ""
    with pytest.raises(SetupIncomplete, match=r"another run has a card with .*this one is not changed meanwhile"):
        Context(second, "TC_X_02").change("to test")
    assert [path.read_bytes() for path in folder().glob("*.jsonl")] == written
    for session in (second, first):
        assert session.journal is not None
        session.journal.restored("TC_X_01")
        session.journal.close()
    assert start(second, eid) == ""
    Context(second, "TC_X_02").change("to test")


_FIRST = b'{"eid": "8904", "started": "now", "profiles": {}, "address": "", "notifications": []}\n'
DAMAGED = [
    _FIRST + b"5\n",
    _FIRST + b'{"sequence": "TC"}\n[]\n3\n',
    b"",
    b"\xff\n",
    b"[]\n",
    b"{}\n",
    b"{\n",
    b'{"profiles": {"x": 1}}\n',
    b"[" * 99999 + b"\n",
]


def connected() -> Card:
    card = Card(SimTransport(SimulatedEuicc(EuiccSettings())))
    card.connect()
    return card


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Journal:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return Journal("8904", _EMPTY)


def test_what_was_not_put_back_stays_in_the_journal(journal: Journal) -> None:
    """As after a second Ctrl-C, which ends the clean-up as well."""
    journal.change("TC_X_01")
    journal.restored("TC_X_01")
    journal.change("TC_X_02")
    journal.close()
    assert json.loads(journal.path.read_text().splitlines()[-1]) == {"sequence": "TC_X_02"}


def test_a_clean_up_that_is_cut_short_keeps_the_journal(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_self: object, _undo: object) -> None:
        raise KeyboardInterrupt

    library.load()
    session = Session(card=connected(), real_card=True, allow_destructive=True, journal=journal)
    with guarded(session, "one", pytest.fail):
        pass
    assert journal.path.exists()
    monkeypatch.setattr("pytest_euicc.conformance.engine.restore._Inventory.restore", interrupted)
    monkeypatch.setattr("pytest_euicc.conformance.engine.restore._Snapshot.restore", interrupted)
    with pytest.raises(KeyboardInterrupt), guarded(session, "two", pytest.fail):
        raise KeyboardInterrupt
    journal.close()
    assert journal.path.exists()


def test_a_journal_that_is_gone_on_with_keeps_what_the_card_held(journal: Journal) -> None:
    journal.change("TC_X_01")
    first = journal.path.read_text().splitlines()[0]
    with journal.path.open("a") as file:
        file.write('{"sequ')
    later = Journal("8904", None)
    later.change("TC_X_02")
    later.restored("TC_X_02")
    later.close()
    assert journal.path.read_text().splitlines() == [first, '{"sequence": "TC_X_01"}', '{"sequence": "TC_X_02"}']


@pytest.mark.parametrize("content", DAMAGED)
@pytest.mark.parametrize("eid", ["8904", ""])
def test_a_damaged_journal_is_told_once(journal: Journal, content: bytes, eid: str) -> None:
    path = folder() / f"{eid or 'no-eid'}.jsonl"
    path.parent.mkdir(parents=True)
    session = Session(card=connected(), real_card=True)
    for number in (1, 2):
        path.write_bytes(content)
        reported = start(session, eid)
        aside = path.with_name(f"{path.name}.damaged-{number}")
        assert "the journal of an earlier run cannot be read" in reported
        assert reported.endswith(str(aside))
        assert aside.read_bytes() == content
        assert start(session, eid) == ""


def test_a_card_without_an_eid_is_not_put_back_but_told(journal: Journal) -> None:
    nameless = Journal("no-eid", _EMPTY)
    nameless.change("TC_X_01")
    reported = start(Session(card=connected(), real_card=True), "")
    assert "was interrupted in TC_X_01, on a card that did not report its EID; nothing was restored" in reported
    assert nameless.path.exists()
    assert start(Session(card=connected(), real_card=True), "8904") == ""
