"""The simulated LPA at the contacts of a card: STORE DATA in blocks (SGP.22 5.7.2), selection, channels."""

from __future__ import annotations

from collections.abc import Callable

from pytest_euicc.card.apdu import CommandApdu, ResponseApdu
from pytest_euicc.card.channel import BLOCK, Card, LogicalChannel

_BLOCKS = {"blocks-of-120": 120, "blocks-of-250": 250, "blocks-of-64": 64}
_MORE, _LAST = 0x11, 0x91
Asks = Callable[[str], bool]


class LpaChannel(LogicalChannel):
    """A logical channel with deviations.

    Args:
        defective, varies: whether one of that name is switched on.
    """

    def __init__(self, card: Card, number: int, defective: Asks, varies: Asks) -> None:
        super().__init__(card, number)
        self._defective = defective
        self._varies = varies
        self._sent = 0

    def select(self, aid: bytes, *, fci: bool = True) -> ResponseApdu:
        """See LogicalChannel."""
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
