"""A real pcscd with the virtual reader of vsmartcard (vpcd), private to this process.

So every test process has a service of its own, with its own ports, beside the other workers of pytest-xdist.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from pytest_euicc.card.pcsc import list_readers
from pytest_euicc.simulator.pcscd import SLOTS, PcscdMissing, PrivatePcscd
from pytest_euicc.simulator.vpcd import CardServer, SoftwareCard

PATIENCE = 60.0
_PUT_IN_AGAIN = 5.0


class Pcscd(PrivatePcscd):
    """The service, and its two readers ``Virtual PCD 00 00`` and ``Virtual PCD 00 01``."""

    def __init__(self) -> None:
        try:
            super().__init__()
        except PcscdMissing as error:
            pytest.fail(f"these tests need a pcscd: {error}", pytrace=False)
        os.environ.update(self.environment)
        _wait(lambda: self.socket.exists() and len(list_readers()) == SLOTS, self.state)

    @contextmanager
    def inserted(self, card: SoftwareCard, slot: int = 0) -> Iterator[CardServer]:
        """*card* in a reader for the length of the block; ``.stop()`` of what it gives pulls it out before."""
        server = CardServer(card, port=self.port + slot)
        server.start()

        again = time.monotonic() + _PUT_IN_AGAIN

        def noticed() -> bool:
            nonlocal again
            # Threads of vpcd read and close one connection: where a client was busy with the card before, one may close
            # that of the next card, or take its answer from another that waits for it. A card put in again helps.
            if not server.serving or time.monotonic() > again:
                server.stop()
                server.start()
                again = time.monotonic() + _PUT_IN_AGAIN
            return list_readers()[slot].has_card

        try:
            _wait(noticed, self.state)
            yield server
        finally:
            server.stop()
            _wait(lambda: not list_readers()[slot].has_card, self.state)


_running: list[Pcscd] = []


def running() -> Pcscd:
    """The service of this process, started when it is first asked for; libpcsclite remembers one socket a process."""
    if not _running:
        _running.append(Pcscd())
    return _running[0]


@pytest.fixture(scope="session")
def pcscd() -> Pcscd:
    """A running pcscd with two empty virtual readers."""
    return running()


def _wait(reached: object, state: object) -> None:
    assert callable(reached)
    assert callable(state)
    until = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < until, f"pcscd did not get there in {PATIENCE} s: {state()}"
        time.sleep(0.02)
