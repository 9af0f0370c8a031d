"""A card that leaves its reader in a run and comes back, through a real pcscd."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_euicc.iut.simulated_operator import next_eid
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.forked import PytestRun
from tests.support.pcscd import Pcscd
from tests.support.terminal import Terminal

pytestmark = pytest.mark.pcsc

ROOT = Path(__file__).parents[2]
GET_EID = bytes.fromhex("BF3E035C015A")


class Watched:
    """A card that says when it has got so many commands, and is slow from then on."""

    def __init__(self, card: SimulatedEuicc, after: int = -1) -> None:
        self._card = card
        self._left = after
        self.reached = threading.Event()
        self.received: list[bytes] = []

    def reset(self) -> bytes:
        return self._card.reset()

    def transmit(self, apdu: bytes) -> bytes:
        self.received.append(apdu)
        self._left -= 1
        if self._left == 0:
            self.reached.set()
        if self.reached.is_set():
            # So slow that the run is not over before a busy machine has pulled the card out.
            time.sleep(0.3)
        return self._card.transmit(apdu)


def arguments(suite: str, *options: str) -> list[str]:
    return [f"suites/test_{suite}.py", "-p", "no:cacheprovider", "--color=no", "--euicc", "pcsc:0", *options]


def started(*options: str) -> PytestRun:
    chosen = ("-k", "GetEID or GetProfilesInfo_01 or GetProfilesInfo_02", "-rA", "--euicc-wait")
    return PytestRun([*arguments("es10c", *chosen), *options], ROOT)


def test_pulled_and_put_back_in_mid_run(pcscd: Pcscd) -> None:
    card = Watched(SimulatedEuicc(), after=40)
    with ExitStack() as bench:
        server = bench.enter_context(pcscd.inserted(card))
        process = started("60")
        assert card.reached.wait(60)
        server.stop()
        time.sleep(1)
        card.reached.clear()
        bench.enter_context(pcscd.inserted(card))
        reported, _ = process.communicate(timeout=120)
    assert reported.count("PASSED") >= 2, reported
    assert "the card was removed" in reported, reported
    assert "1 error" in reported, reported
    assert process.returncode == pytest.ExitCode.TESTS_FAILED


def test_another_card_in_its_place_is_refused(pcscd: Pcscd) -> None:
    card = Watched(SimulatedEuicc(), after=40)
    first = SimulatedEuicc().settings.eid
    other = Watched(SimulatedEuicc(eid=next_eid(first)))
    with ExitStack() as bench:
        server = bench.enter_context(pcscd.inserted(card))
        process = started("4")
        assert card.reached.wait(60)
        server.stop()
        bench.enter_context(pcscd.inserted(other))
        reported, _ = process.communicate(timeout=120)
    assert f"has EID {next_eid(first).hex()}, but the run is about that with EID {first.hex()}" in reported, reported
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    functions = {apdu[5:] for apdu in other.received if apdu[1] == 0xE2}
    assert {octets.rstrip(b"\0") for octets in functions} <= {GET_EID}


def test_the_person_at_the_terminal(pcscd: Pcscd) -> None:
    """Prompts come through pytest's capture; what was done is seen without a key, or is given up."""
    card = SimulatedEuicc()
    with ExitStack() as bench:
        server = bench.enter_context(pcscd.inserted(card))
        chosen = ("-k", "PowerLoss_03 or PowerLoss_06", "--euicc-operator", "terminal", "-rA")
        run = Terminal(arguments("operator", *chosen), ROOT)
        assert "seen after" not in run.until("Take the card out of the reader (pcsc: Virtual PCD 00 00).")
        server.stop()
        run.until("seen after")
        run.until("Put the card back")
        server = bench.enter_context(pcscd.inserted(card))
        run.until("seen after")
        run.until("Take the card out")
        server.stop()
        run.until("Put another eUICC into the reader")
        run.type("what?\n")
        run.until("detected automatically; s and Enter if it cannot be done")
        run.type("s\n")
        run.until("Put the")
        bench.enter_context(pcscd.inserted(card))
        status = run.end()
    assert "the operator cannot do it: Put another eUICC" in run.shown, run.shown[-4000:]
    assert "1 passed" in run.shown
    assert status == pytest.ExitCode.TESTS_FAILED
