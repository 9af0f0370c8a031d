"""A PC/SC reader with the card of the bench in it, for an LPA that reaches cards through PC/SC."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from pytest_euicc.conformance.engine.errors import SetupIncomplete
from pytest_euicc.peers.lpa.card import SoftwareCard
from pytest_euicc.simulator.pcscd import PcscdMissing, PrivatePcscd
from pytest_euicc.simulator.vpcd import CardServer

_PATIENCE = 20.0
_ATTEMPTS = 4
"""How many times the card is inserted within that time: vpcd may miss it after a client was cut off in a command."""
_NOTICED = 0.6
"""Seconds after which pcscd has seen that a card is gone: it looks every 0.4 s (PCSCLITE_STATUS_POLL_RATE)."""


_POWERED = 0.1
"""Seconds between pcscd's switching a card on and its clients being able to use it."""


@dataclass(frozen=True)
class Reader:
    """Where an LPA finds the card.

    Attributes:
        name: of the reader in PC/SC.
        index: among the readers of PC/SC.
        environment: variables that the LPA's process needs to find this PC/SC.
    """

    name: str
    index: int
    environment: dict[str, str]


class BenchReader:
    """The reader, until `stop`; which card is in it changes with every sequence.

    Attributes:
        fault: an error of the bench while it answered the LPA, which saw a mute card; the LPA is not to blame.

    Raises:
        SetupIncomplete: there is no pcscd with vpcd, or it does not start.
    """

    def __init__(self, card: SoftwareCard, atr: bytes) -> None:
        self.fault: Exception | None = None
        self._card, self._atr = card, atr
        self._powered = False
        self._seen = threading.Event()
        self._stopped = threading.Event()
        try:
            self._pcscd = PrivatePcscd()
        except PcscdMissing as error:
            raise SetupIncomplete(str(error)) from None
        self._server = self._new_server()
        self._thread = threading.Thread(target=self._serve, name="card of the bench", daemon=True)
        self._thread.start()
        self.wait()

    @property
    def place(self) -> Reader:
        """Where an LPA finds the card."""
        return Reader(self._pcscd.reader(), 0, self._pcscd.environment)

    def insert(self, card: SoftwareCard, atr: bytes) -> None:
        """Another card in the place of the one before.

        Cards of the same ATR change places unseen by pcscd, which would take a second to notice; the new one has no
        power until it is used.
        """
        if card is self._card:
            return
        self._card, self._powered = card, False
        if atr != self._atr:
            self.exchange(atr)
            self.wait()

    def exchange(self, atr: bytes) -> None:
        """The card in the reader is another one now: pcscd and its clients see it leave, and one come."""
        self._powered, self._atr = False, atr
        self._seen.clear()
        self._server.stop()

    def wait(self) -> None:
        """Until the card is in the reader, from where it may have been away for a moment.

        Raises:
            SetupIncomplete: pcscd did not see it in time.
        """
        if self._seen.is_set():
            return
        for _ in range(_ATTEMPTS):
            if self._seen.wait(_PATIENCE / _ATTEMPTS):
                break
            self._server.stop()
        else:
            state = self._pcscd.state()
            self.stop()
            raise SetupIncomplete(f"the card was not seen in its PC/SC reader within {_PATIENCE:g} s; {state}")
        time.sleep(_POWERED)

    def stop(self) -> None:
        """End pcscd; stopping twice does no harm."""
        self._stopped.set()
        self._server.stop()
        self._pcscd.stop()
        self._thread.join()

    def _new_server(self) -> CardServer:
        return CardServer(self, port=self._pcscd.port, patience=_PATIENCE, powered=self._seen.set)

    def _serve(self) -> None:
        """Keep the card in the reader; where it is mute it leaves, and comes back when pcscd has seen that."""
        while not self._stopped.is_set():
            try:
                self._server.run()
            except OSError as error:
                self.fault = error
                return
            self._powered = False
            self._seen.clear()
            if self._stopped.wait(_NOTICED):
                return
            self._server = self._new_server()

    # ------------------------------------------------------------------ the card in the reader

    def reset(self) -> bytes:
        """Power up or reset; returns the ATR."""
        self._powered = True
        return self._card.reset()

    def transmit(self, apdu: bytes) -> bytes:
        """Answer one command; nothing where the card has no power, or the bench is at fault."""
        try:
            if not self._powered:
                self.reset()
            answer = self._card.transmit(apdu)
        except Exception as error:
            # Raised again by the bench, in its own thread.
            self.fault = error
            answer = b""
        if not answer:
            # Before the LPA can know of it, so that nothing that it does next begins without a card.
            self._seen.clear()
        return answer
