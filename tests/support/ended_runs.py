"""Runs in a process of their own, on cards in readers, that end in the middle; and what is on the card then."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_euicc.card.channel import Card
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.forked import PytestRun

PATIENCE = 60.0


class Watched:
    """A card that holds still at a command, or just behind it, for somebody to end the run."""

    def __init__(self, card: SimulatedEuicc) -> None:
        self._card = card
        self._holds: Callable[[bytes], bool] | None = None
        self._behind = False
        self.reached, self.go = threading.Event(), threading.Event()

    def arm(self, holds: Callable[[bytes], bool], *, behind: bool = True) -> None:
        """Hold at the first command of which that is true."""
        self.reached.clear()
        self.go.clear()
        self._behind = behind
        self._holds = holds

    def arm_after(self, commands: int, *, behind: bool) -> None:
        """Hold at a command by its number."""
        counted = iter(range(1, commands + 1))
        self.arm(lambda _: next(counted, 0) == commands, behind=behind)

    def disarm(self) -> None:
        """Hold no more."""
        self._holds = None
        self.go.set()

    def reset(self) -> bytes:
        return self._card.reset()

    def transmit(self, apdu: bytes) -> bytes:
        if self._holds is None or not self._holds(apdu):
            return self._card.transmit(apdu)
        self._holds = None
        go = self.go
        answer = self._card.transmit(apdu) if self._behind else b"\x6f\0"
        self.reached.set()
        go.wait(PATIENCE)
        return answer


def pytest_run(place: Path, *options: str | Path) -> PytestRun:
    """pytest in a folder; it takes SIGINT and SIGHUP also where this process ignores them, as jobs of a shell do."""
    return PytestRun(["-q", "-p", "no:cacheprovider", "--assert=plain", *map(str, options)], place)


def wait(process: PytestRun, event: threading.Event) -> None:
    """Until the event; a process that ends before it has failed."""
    until = time.monotonic() + PATIENCE
    while not event.wait(0.05):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until, "the run did not get there"


def ends(process: PytestRun) -> str:
    """What a run has printed, once it has ended."""
    try:
        return process.communicate(timeout=PATIENCE)[0]
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def held(euicc: SimulatedEuicc) -> dict[str, Any]:
    """Profiles with states and nicknames, and the default address, as the card itself says."""
    card = Card(SimTransport(euicc))
    card.connect()
    isdr = Isdr(card.open_channel())
    isdr.select()
    profiles = {
        entry["iccid"].hex(): (int(entry["profileState"]), entry.get("profileNickname", ""))
        for entry in isdr.get_profiles_info()[1]
    }
    return {"profiles": profiles, "address": isdr.get_euicc_configured_addresses().get("defaultDpAddress", "")}
