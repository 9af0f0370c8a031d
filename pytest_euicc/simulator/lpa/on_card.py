"""The simulated LPA and its card: each operation opens the ISD-R on a channel and leaves the channel afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.card.channel import Card, LogicalChannel
from pytest_euicc.card.errors import CardError, ReaderGone
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es10.isdr import ISDR_AID, Isdr
from pytest_euicc.simulator.lpa.base import Setting
from pytest_euicc.simulator.lpa.channel import LpaChannel


class Failure(PytestEuiccError):
    """What the LPA reports to its user instead of a success."""


class Crash(Exception):
    """What ends the process of a defective LPA."""


class OnCard:
    """The part of the simulated LPA that starts the card and opens the ISD-R.

    Args:
        isdr_aid: AID that the ISD-R is selected by.
    """

    def __init__(self, card: Card, isdr_aid: bytes, setting: Setting) -> None:
        self._card = card
        self._aid = isdr_aid
        self._setting = setting
        self._started = False
        self._kept: LogicalChannel | None = None

    def defective(self, name: str) -> bool:
        """True if a named deviation is switched on."""
        return name in self._setting.defects

    def varies(self, name: str) -> bool:
        """True if a permitted variant is switched on."""
        return name in self._setting.variants

    @contextmanager
    def _isdr(self) -> Iterator[Isdr]:
        """The ISD-R on a channel of its own, which is closed afterwards."""
        if not self._started or self.varies("resets-card-first"):
            self._start()
        opened = self._kept if self._kept is not None and self._kept.is_open else None
        channel = opened or self._taken()
        if self.defective("takes-channel-1"):
            channel = LogicalChannel(self._card, 1)
        deviant = LpaChannel(self._card, channel, self.defective, self.varies)
        try:
            if self.defective("es10-before-select"):
                deviant.store_data(bytes.fromhex("BF3E035C015A"))
            if opened is None:
                aid = ISDR_AID if self.defective("standard-aid-alone") else self._aid
                answer = deviant.select(aid)
                if not answer.ok:
                    raise Failure(f"this card is no eUICC: SELECT ISD-R was answered {answer.sw:04X}")
            yield Isdr(deviant, self._aid)
        finally:
            self._leave(channel, lost=deviant.lost)

    def _leave(self, channel: LogicalChannel, *, lost: bool) -> None:
        """Close a channel, or keep it for the next operation."""
        self._kept = None
        if lost:
            # The card is gone, or was reset by somebody else: there is nothing to close.
            if self.defective("keeps-lost-channel"):
                self._kept = channel
        elif self.varies("keeps-channel"):
            self._kept = channel
        elif not self.defective("leaves-channels-open"):
            self._close(channel)

    def _taken(self) -> LogicalChannel:
        """A channel of the card that is there now, which may be another one than before."""
        try:
            return self._open_channel()
        except ReaderGone:
            self._card.retake()
            self._announce()
            return self._open_channel()

    def _open_channel(self) -> LogicalChannel:
        try:
            return self._card.open_channel()
        except CardError:
            if self.defective("crashes-without-channel"):
                raise Crash("no channel") from None
            raise

    def _start(self) -> None:
        if self._started:
            self._card.reset()
        self._started = True
        self._announce()

    def _announce(self) -> None:
        """What a terminal does after the reset of its card."""
        if self.varies("closes-channels-first"):
            for number in range(1, 4):
                self._card.basic.send(CommandApdu(0x00, 0x70, 0x80, number))
        if self.varies("leaves-terminal-to-modem"):
            return
        if self.defective("no-terminal-capability"):
            self._card.basic.send(CommandApdu(0x00, 0xA4, 0x00, 0x04, bytes.fromhex("3F00"), 256))
        else:
            self._card.start()

    def _close(self, channel: LogicalChannel) -> None:
        # A card that is gone has no open channel either.
        with suppress(CardError):
            if channel.is_open:
                channel.close()
