"""The tester as an eUICC: by what an SM-DP+ identifies it."""

from __future__ import annotations

from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_euicc.peers.euicc import EuiccPeer
from pytest_euicc.rsp.pki import default_pki

START = 1_800_000_000.0


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the first number, in no worker, wherever these tests run."""
    monkeypatch.setattr(EuiccPeer, "_latest_number", 0)
    monkeypatch.delenv("PYTEST_XDIST_WORKER", raising=False)
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)


def numbers(*, simulated: bool) -> list[int]:
    """Sequence numbers of two notifications of a new sequence."""
    access: Any = SimpleNamespace(simulated=simulated, address="smdp.example.com")
    peer = EuiccPeer(default_pki(), Random(0), access)
    return [peer.notification_metadata(event)["seqNumber"] for event in ("install", "enable")]


def test_a_simulated_server_gets_the_same_numbers_in_every_run() -> None:
    assert numbers(simulated=True) == numbers(simulated=True) == [1, 2]


def test_no_real_server_gets_a_number_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[int] = []
    # The clock of the next run, then one that stands still, and one that was set back.
    for now in (START, START, START + 60, START + 30):
        monkeypatch.setattr("pytest_euicc.peers.euicc.time.time", lambda now=now: now)
        given += numbers(simulated=False)
    first = int(START - 1_767_225_600) * 10
    assert given == [first, first + 1, first + 2, first + 3, first + 600, first + 601, first + 602, first + 603]
    assert given[-1] < 1 << 31


def test_workers_at_one_time_have_different_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_euicc.peers.euicc.time.time", lambda: START)
    monkeypatch.setenv("PYTEST_XDIST_WORKER_COUNT", "3")
    given: list[int] = []
    for worker in ("gw0", "gw1", "gw2"):
        monkeypatch.setenv("PYTEST_XDIST_WORKER", worker)
        monkeypatch.setattr(EuiccPeer, "_latest_number", 0)
        given += numbers(simulated=False)
    first = int(START - 1_767_225_600) * 10
    assert sorted(given) == list(range(first, first + 6))
