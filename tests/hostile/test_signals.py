"""Signals to runs on cards in readers: the card is put back, reports are whole, nobody sees a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from pytest_euicc.card.transport import open_transport
from pytest_euicc.conformance.engine.journal import folder
from pytest_euicc.reporting.manifest import MANIFEST
from pytest_euicc.reporting.run_file import RUN_FILE
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.ended_runs import Watched, ends, held, pytest_run, wait
from tests.support.forked import PytestRun
from tests.support.pcscd import Pcscd

pytestmark = pytest.mark.pcsc

NICKNAME = """
case: TC_Own
title: Own vectors
iut: euicc
interface: own
clauses: {sgp22: ["5.7.21"]}
origin: own
sequences:
  - id: "01"
    title: A nickname
    given: &given [isdr_selected, { profile: { state: enabled, as: p } }]
    steps: &steps [es10c.set_nickname: { with: { iccid: $p.iccid, profileNickname: changed } }]
  - { id: "02", title: Another, given: *given, steps: *steps }
"""
PYTHON = """
import os
import signal

def test_nickname(isdr):
    iccid = isdr.get_profiles_info()[1][0]["iccid"]
    assert isdr.set_nickname(iccid, "changed") == 0
    os.kill(os.getpid(), signal.SIGINT)
"""
EIDS = ("89049032123451234512345678901235", "89049032123451234512345678901332")
SIGNALS = ("SIGTERM", "SIGHUP", "SIGINT")


def sets_nickname(apdu: bytes) -> bool:
    return apdu[1:2] == b"\xe2" and apdu[5:7] == b"\xbf\x29"


def puts_it_back(apdu: bytes) -> bool:
    return sets_nickname(apdu) and b"changed" not in apdu


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def euicc() -> SimulatedEuicc:
    return SimulatedEuicc(EuiccSettings())


@pytest.fixture
def watched(pcscd: Pcscd, euicc: SimulatedEuicc) -> Iterator[Watched]:
    card = Watched(euicc)
    with pcscd.inserted(card):
        yield card
        card.disarm()


def run(tmp_path: Path, *options: str) -> PytestRun:
    vectors = tmp_path / "own.yaml"
    vectors.write_text(NICKNAME)
    reports = ("--euicc-report", tmp_path / "out", "--junitxml", tmp_path / "junit.xml")
    suite = ("--pyargs", "pytest_euicc.suites.test_others", "--euicc-vectors", vectors)
    return pytest_run(tmp_path, *suite, "--euicc", "pcsc", "--euicc-allow-destructive", *reports, *options)


def in_order(process: PytestRun, *reports: Path) -> str:
    """What a run has printed that a signal has ended as it should."""
    reported = ends(process)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, reported
    assert "Traceback" not in reported
    assert all(path.is_file() for path in reports), reported
    return reported


def unfinished(process: PytestRun, tmp_path: Path) -> str:
    """As `in_order`, with the reports of `run`."""
    out = tmp_path / "out"
    reported = in_order(process, out / MANIFEST, out / RUN_FILE, tmp_path / "junit.xml")
    assert not json.loads((out / RUN_FILE).read_text())["finished"]
    return reported


def twice(process: PytestRun, watched: Watched) -> None:
    """Ctrl-C in the change, and again when the card is being put back."""
    wait(process, watched.reached)
    second = threading.Event()
    go, watched.go = watched.go, threading.Event()
    watched.reached = second
    watched.arm(puts_it_back, behind=False)
    process.send_signal(signal.SIGINT)
    go.set()
    wait(process, second)
    process.send_signal(signal.SIGINT)


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_while_the_card_is_put_back_waits_for_it(
    watched: Watched, euicc: SimulatedEuicc, tmp_path: Path, name: str
) -> None:
    before = held(euicc)
    watched.arm(puts_it_back)
    process = run(tmp_path)
    wait(process, watched.reached)
    process.send_signal(getattr(signal, name))
    watched.go.set()
    reported = unfinished(process, tmp_path)
    assert held(euicc) == before
    assert not list(folder().glob("*.jsonl"))
    assert "not restored" not in reported
    assert ("what was changed is being restored" in reported) is (name == "SIGINT")


def test_ctrl_c_twice_leaves_the_card_to_the_next_run(watched: Watched, euicc: SimulatedEuicc, tmp_path: Path) -> None:
    before = held(euicc)
    watched.arm(sets_nickname)
    process = run(tmp_path)
    twice(process, watched)
    watched.go.set()
    reported = unfinished(process, tmp_path)
    assert "second Ctrl-C: the clean-up was aborted" in reported
    assert held(euicc) != before
    assert [path.stem for path in folder().glob("*.jsonl")] == [EIDS[0]]
    watched.disarm()
    process = run(tmp_path, "-k", "Own_01")
    reported = ends(process)
    assert process.returncode == pytest.ExitCode.OK, reported
    assert "was interrupted in TC_Own_01; the card was restored first" in reported
    assert held(euicc) == before


def test_what_an_interrupted_sequence_could_not_restore_is_reported(
    watched: Watched, euicc: SimulatedEuicc, tmp_path: Path
) -> None:
    before = held(euicc)
    watched.arm(sets_nickname)
    process = run(tmp_path)
    wait(process, watched.reached)
    watched.arm(puts_it_back, behind=False)
    process.send_signal(signal.SIGINT)
    watched.go.set()
    reported = unfinished(process, tmp_path)
    assert held(euicc) != before
    assert "TC_Own_01: interrupted; not restored: the nickname" in reported


def test_ctrl_c_three_times_ends_a_run_on_a_mute_card_at_once(
    watched: Watched, euicc: SimulatedEuicc, tmp_path: Path
) -> None:
    before = held(euicc)
    watched.arm(sets_nickname)
    process = run(tmp_path)
    twice(process, watched)
    # The card is still silent, so that the run waits for it to be reset.
    for _ in range(200):
        if process.poll() is not None:
            break
        process.send_signal(signal.SIGINT)
        try:
            process.wait(0.05)
        except subprocess.TimeoutExpired:
            continue
    reported = ends(process)
    assert process.returncode == pytest.ExitCode.INTERRUPTED, reported
    assert "Traceback" not in reported
    assert held(euicc) != before
    assert [path.stem for path in folder().glob("*.jsonl")] == [EIDS[0]]
    watched.disarm()
    with closing(open_transport("pcsc:0")) as transport:
        transport.connect()


@pytest.mark.parametrize("how", ["put back", "refused by the card", "cut short"])
def test_a_python_test_is_put_back_when_the_session_ends(
    watched: Watched, euicc: SimulatedEuicc, tmp_path: Path, how: str
) -> None:
    """pytest takes neither faults nor Ctrl-C from fixtures then: each would be a traceback, and no reports."""
    before = held(euicc)
    (tmp_path / "test_own.py").write_text(PYTHON)
    watched.arm(puts_it_back, behind=how == "put back")
    junit = tmp_path / "junit.xml"
    process = pytest_run(tmp_path, "test_own.py", "--euicc", "pcsc", "--euicc-allow-destructive", "--junitxml", junit)
    wait(process, watched.reached)
    if how == "cut short":
        process.send_signal(signal.SIGINT)
    watched.go.set()
    reported = in_order(process, junit)
    assert (held(euicc) == before) is (how == "put back")
    assert ("not restored: the nickname" in reported) is (how == "refused by the card"), reported
    assert ("second Ctrl-C" in reported) is (how == "cut short"), reported
    assert len(list(folder().glob("*.jsonl"))) == (how == "cut short")


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_to_a_run_with_workers(pcscd: Pcscd, tmp_path: Path, name: str) -> None:
    """Ctrl-C goes to all processes of the run, what a supervisor sends to the first alone."""
    euiccs = [SimulatedEuicc(EuiccSettings(eid=eid)) for eid in EIDS]
    cards = [Watched(euicc) for euicc in euiccs]
    before = [held(euicc) for euicc in euiccs]
    with ExitStack() as stack:
        for slot, card in enumerate(cards):
            stack.enter_context(pcscd.inserted(card, slot))
            card.arm(sets_nickname)
        process = run(tmp_path, "-n", "2")
        for card in cards:
            wait(process, card.reached)
        assert {path.stem for path in folder().glob("*.jsonl")} == set(EIDS)
        if name == "SIGINT":
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(getattr(signal, name))
        for card in cards:
            card.disarm()
        unfinished(process, tmp_path)
    assert [held(euicc) for euicc in euiccs] == before
    assert list(folder().glob("*.jsonl")) == []
