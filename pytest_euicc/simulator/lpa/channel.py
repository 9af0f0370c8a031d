"""The simulated LPA at the contacts of a card: STORE DATA in blocks (SGP.22 5.7.2), selection, channels."""

from __future__ import annotations

from collections.abc import Callable

from pytest_euicc.card.apdu import CommandApdu, ResponseApdu
from pytest_euicc.card.channel import BLOCK, Card, LogicalChannel
from pytest_euicc.card.errors import ReaderGone

_BLOCKS = {"blocks-of-120": 120, "blocks-of-250": 250, "blocks-of-64": 64}
_MORE, _LAST = 0x11, 0x91
_CHANNEL_CLOSED = 0x6881
Asks = Callable[[str], bool]


class LpaChannel(LogicalChannel):
    """A logical channel with deviations.

    Args:
        opened: the channel as the card opened it; after a REFRESH the card opens it anew, under another number.
        defective, varies: whether one of that name is switched on.
    """

    def __init__(self, card: Card, opened: LogicalChannel, defective: Asks, varies: Asks) -> None:
        super().__init__(card, opened.number)
        self._opened = opened
        self._defective = defective
        self._varies = varies
        self._sent = 0
        self.lost = False
        """The card is gone, or does not know the channel any more."""

    def send(self, command: CommandApdu, *, proactively: bool = True, fetch: bool = True) -> ResponseApdu:
        """See LogicalChannel."""
        self.number = self._opened.number
        try:
            response = super().send(command, proactively=proactively, fetch=fetch)
        except ReaderGone:
            if not self._defective("goes-on-with-another-card"):
                self.lost = True
                raise
            self._go_on()
            response = super().send(command, proactively=proactively, fetch=fetch)
        self.lost = self.lost or response.sw == _CHANNEL_CLOSED
        return response

    def _go_on(self) -> None:
        """Take the card that is there now for the one that was."""
        self.card.retake()
        self.card.start()
        opened = self.card.open_channel()
        self.number = self._opened.number = opened.number
        if self._opened.aid is not None:
            opened.select(self._opened.aid)

    def select(self, aid: bytes, *, fci: bool = True) -> ResponseApdu:
        """See LogicalChannel."""
        response = self._select(aid, fci=fci)
        self._opened.aid = self.aid
        return response

    def _select(self, aid: bytes, *, fci: bool) -> ResponseApdu:
        if self._defective("selects-by-part-of-aid"):
            aid = aid[:10]
        if self._varies("selects-without-fci"):
            response = self.send(CommandApdu(0x00, 0xA4, 0x04, 0x0C, aid))
            self.aid = aid if response.ok else self.aid
            return response
        return super().select(aid, fci=fci)

    def store_data(self, octets: bytes) -> ResponseApdu:
        """See LogicalChannel."""
        size = next((octets_ for name, octets_ in _BLOCKS.items() if self._varies(name)), BLOCK)
        blocks = [octets[at : at + size] for at in range(0, len(octets), size)] or [b""]
        if len(blocks[-1]) == size and self._defective("empty-last-block"):
            blocks.append(b"")
        first = self._sent & 0xFF if self._sent and self._defective("numbers-blocks-on") else 0
        response = ResponseApdu(b"", 0x9000)
        for number, block in enumerate(blocks):
            last = number == len(blocks) - 1
            p1 = _LAST if last or self._defective("every-block-is-the-last") else _MORE
            le = None if not last and self._varies("no-le-in-middle-blocks") else 256
            response = self.send(CommandApdu(0x80, 0xE2, p1, (first + number) & 0xFF, block, le))
            if not response.ok and not self._defective("sends-blocks-after-refusal"):
                break
        self._sent = first + len(blocks)
        return response
