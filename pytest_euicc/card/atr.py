"""What an answer to reset says (ISO 7816-3 8.2, ISO 7816-4 12.2, ETSI TS 102 221 6.3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import xor

from pytest_euicc.errors import PytestEuiccError

_CARD_CAPABILITIES = 7


class AtrError(PytestEuiccError, ValueError):
    """The octets are not an ATR."""


@dataclass(frozen=True)
class Atr:
    """An answer to reset, taken apart.

    `interface` holds the interface octets by name (``TA1`` … ``TD4``); `protocols` the numbers T in the order of the
    TD octets, without the global T=15; `checksum` is ``right``, ``wrong`` or ``none``. `checksum_due` tells whether
    there has to be one, which is so when anything but T=0 is offered (ISO 7816-3 8.2.5).
    """

    octets: bytes
    interface: dict[str, int]
    protocols: tuple[int, ...]
    historical: bytes
    checksum: str
    checksum_due: bool

    @property
    def logical_channels(self) -> int | None:
        """How many channels the card capabilities announce, None when they say nothing (ISO 7816-4 12.2.2.9).

        In the third software function table bits 5 and 4 say how channels are assigned and bits 3 to 1 how many there
        are; 8 stands for eight or more.
        """
        if not self.historical or self.historical[0] not in (0x00, 0x80):
            return None
        body = self.historical[1:-3] if self.historical[0] == 0x00 else self.historical[1:]
        while body:
            tag, length = body[0] >> 4, body[0] & 0x0F
            value, body = body[1 : 1 + length], body[1 + length :]
            if tag == _CARD_CAPABILITIES:
                return None if len(value) < 3 else (value[2] & 0x07) + 1 if value[2] & 0x18 else 1
        return None

    @property
    def global_interface(self) -> tuple[dict[str, int], ...]:
        """The interface octets that follow each T=15, such as TA and TB with class and UICC properties."""
        found = []
        for number in range(1, 8):
            if self.interface.get(f"TD{number}", 0) & 0x0F == 15:
                found.append(
                    {
                        name: self.interface[f"{name}{number + 1}"]
                        for name in ("TA", "TB", "TC")
                        if f"{name}{number + 1}" in self.interface
                    }
                )
        return tuple(found)

    @classmethod
    def parse(cls, octets: bytes) -> Atr:
        """Take an ATR apart; raises `AtrError` where it ends too early or goes on too long."""
        if len(octets) < 2 or octets[0] not in (0x3B, 0x3F):
            raise AtrError(f"an ATR starts with 3B or 3F and T0: {octets.hex().upper() or 'nothing'}")
        interface: dict[str, int] = {}
        protocols: list[int] = []
        position, presence, group, checked = 2, octets[1] >> 4, 1, False
        while presence:
            following = 0
            for bit, name in enumerate(("TA", "TB", "TC", "TD")):
                if not presence >> bit & 1:
                    continue
                if position >= len(octets):
                    raise AtrError(f"the ATR ends before {name}{group}: {octets.hex().upper()}")
                interface[f"{name}{group}"] = octets[position]
                if name == "TD":
                    number = octets[position] & 0x0F
                    checked = checked or number != 0
                    if number != 15 and number not in protocols:
                        protocols.append(number)
                    following = octets[position] >> 4
                position += 1
            presence, group = following, group + 1
        end = position + (octets[1] & 0x0F)
        if len(octets) not in (end, end + 1):
            raise AtrError(
                f"the ATR has {len(octets)} octets where T0 and the TD octets ask for {end + checked}: "
                f"{octets.hex().upper()}"
            )
        checksum = "none"
        if len(octets) > end:
            checksum = "right" if reduce(xor, octets[1:]) == 0 else "wrong"
        return cls(octets, interface, tuple(protocols) or (0,), octets[position:end], checksum, checked)


def protocols(atr: bytes) -> tuple[int, ...]:
    """The protocols that an ATR offers, the first being its default; T=0 when it cannot be read (ISO 7816-3 8.2.3)."""
    try:
        return Atr.parse(atr).protocols
    except AtrError:
        return (0,)
