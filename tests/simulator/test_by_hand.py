"""A card that somebody at a terminal takes out of a virtual reader and puts in."""

from __future__ import annotations

import os
import threading

import pytest

from pytest_euicc.card.errors import ReaderGone
from pytest_euicc.card.transport import TransportOptions
from pytest_euicc.card.vpcd import VpcdTransport
from pytest_euicc.simulator import by_hand
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.vpcd import CardServer

READ_EID = [bytes.fromhex(apdu) for apdu in ("00A4040010A0000005591010FFFFFFFF8900000100", "80E2910006BF3E035C015A")]


def test_enter_takes_the_card_out_and_puts_it_in() -> None:
    euicc, lost, reported = SimulatedEuicc(), threading.Event(), list[str]()
    transport = VpcdTransport(0, TransportOptions(timeout=30))
    transport.listen()
    terminal, other = os.openpty()
    with open(other, encoding="utf-8") as keys:  # noqa: PTH123  (a descriptor)
        server = CardServer(euicc, port=transport.port)
        person = threading.Thread(target=by_hand.serve, args=(server, lost.set, keys, reported.append), daemon=True)
        person.start()
        transport.connect()
        for apdu in READ_EID:
            assert transport.transmit(apdu)[-2] in (0x90, 0x61)
        os.write(terminal, b"\n")
        assert lost.wait(10)
        with pytest.raises(ReaderGone):
            transport.transmit(READ_EID[1])
        os.write(terminal, b"\n")
        transport.connect()
        assert transport.transmit(READ_EID[0])[-2] in (0x90, 0x61)
        # The reader goes away: nobody has to press a key.
        transport.close()
        person.join(10)
        assert not person.is_alive()
    os.close(terminal)
    assert reported == ["the card is out; Enter puts it in", "the card is in; Enter takes it out"]
