"""Command and response APDUs (ISO 7816-3 12.1), class bytes (ISO 7816-4 5.4.1) and status words."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, lru_cache
from typing import Self

from pytest_euicc.card.status_words import describe, is_success
from pytest_euicc.errors import PytestEuiccError

MAX_CHANNEL = 19
_MAX_SHORT_DATA = 255
_MAX_SHORT_LE = 256
_MAX_DATA = 0xFFFF
_MAX_LE = 0x10000


class ApduError(PytestEuiccError, ValueError):
    """The octets are not a command or a response APDU, or a field does not fit into one."""


@dataclass(frozen=True)
class CommandApdu:
    """One command.

    `le` is the number of octets expected, 1 to 65536, or None for none: 256 is coded ``00`` in the short form.
    `extended` asks for the extended form; it is used anyway where the short one is too small.
    """

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    le: int | None = None
    extended: bool = False

    def __init__(
        self, cla: int, ins: int, p1: int, p2: int, data: bytes = b"", le: int | None = None, extended: bool = False
    ) -> None:
        """Raises `ApduError` for what does not fit into a command.

        Written out, as a run makes tens of thousands, and that of a frozen dataclass calls a function for each field.
        """
        if (cla | ins | p1 | p2) & ~0xFF:
            for name, octet in (("cla", cla), ("ins", ins), ("p1", p1), ("p2", p2)):
                if not 0 <= octet <= 0xFF:
                    raise ApduError(f"{name} is {octet:#x}: one octet expected")
        if len(data) > _MAX_DATA:
            raise ApduError(f"{len(data)} octets of command data: at most {_MAX_DATA} fit")
        if le is not None and not 1 <= le <= _MAX_LE:
            raise ApduError(f"Le is {le}: 1 to {_MAX_LE} octets can be expected")
        self.__dict__.update(cla=cla, ins=ins, p1=p1, p2=p2, data=data, le=le, extended=extended)

    @property
    def case(self) -> int:
        """1 nothing, 2 response data, 3 command data, 4 both (ISO 7816-3 12.1.2)."""
        return 1 + (2 if self.data else 0) + (1 if self.le is not None else 0)

    @property
    def is_extended(self) -> bool:
        """Whether the length fields take the extended form."""
        return (self.extended or len(self.data) > _MAX_SHORT_DATA or (self.le or 0) > _MAX_SHORT_LE) and self.case != 1

    @property
    def channel(self) -> int:
        """The logical channel that the class byte names."""
        return channel_of(self.cla)

    def on_channel(self, channel: int) -> Self:
        """This command for another logical channel."""
        cla = cla_on_channel(self.cla, channel)
        return self if cla == self.cla else replace(self, cla=cla)

    def without_le(self) -> Self:
        """This command in the form for T=0 with data, without Le: the answer is fetched by GET RESPONSE."""
        return self if self.le is None else replace(self, le=None)

    def encode(self) -> bytes:
        """The octets of the command."""
        header = bytes((self.cla, self.ins, self.p1, self.p2))
        if not self.is_extended:
            lc = bytes((len(self.data),)) if self.data else b""
            le = b"" if self.le is None else bytes((self.le % _MAX_SHORT_LE,))
            return header + lc + self.data + le
        le = b"" if self.le is None else (self.le % _MAX_LE).to_bytes(2)
        if not self.data:
            return header + b"\0" + le
        return header + b"\0" + len(self.data).to_bytes(2) + self.data + le

    @classmethod
    @lru_cache(maxsize=256)
    def parse(cls, octets: bytes) -> Self:
        """Read a command in any of the seven forms of ISO 7816-3 12.1.3; raises `ApduError`.

        Every layer on the way to a software card reads the same command; most of a run's come many times.
        """
        if len(octets) < 4:
            raise ApduError(f"a command has at least 4 octets, this one {len(octets)}: {octets.hex().upper()}")
        (cla, ins, p1, p2), body = octets[:4], octets[4:]
        if not body:
            return cls(cla, ins, p1, p2)
        if len(body) == 1:
            return cls(cla, ins, p1, p2, le=body[0] or _MAX_SHORT_LE)
        if body[0]:
            data, rest = body[1 : 1 + body[0]], body[1 + body[0] :]
            if len(data) < body[0] or len(rest) > 1:
                raise ApduError(f"Lc is {body[0]} but {len(body) - 1} octets follow it: {octets.hex().upper()}")
            return cls(cla, ins, p1, p2, data=data, le=(rest[0] or _MAX_SHORT_LE) if rest else None)
        if len(body) == 3:
            return cls(cla, ins, p1, p2, le=int.from_bytes(body[1:]) or _MAX_LE, extended=True)
        length = int.from_bytes(body[1:3])
        data, rest = body[3 : 3 + length], body[3 + length :]
        if not length or len(data) < length or len(rest) not in (0, 2):
            raise ApduError(f"extended Lc is {length} but {len(body) - 3} octets follow it: {octets.hex().upper()}")
        return cls(cla, ins, p1, p2, data=data, le=(int.from_bytes(rest) or _MAX_LE) if rest else None, extended=True)


@dataclass(frozen=True)
class ResponseApdu:
    """One answer: `data`, and the status word SW1 SW2 as one number."""

    data: bytes
    sw: int

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Split received octets; raises `ApduError` when there are fewer than two."""
        if len(octets) < 2:
            raise ApduError(f"a response has at least 2 octets, this one {len(octets)}: {octets.hex().upper()}")
        return cls(octets[:-2], octets[-2] << 8 | octets[-1])

    @property
    def ok(self) -> bool:
        """9000, or 91xx (done, and a proactive command is waiting: ETSI TS 102 221 10.2.1.1)."""
        return is_success(self.sw)

    @property
    def sw1(self) -> int:
        """The first octet of the status word."""
        return self.sw >> 8

    @property
    def sw2(self) -> int:
        """The second octet of the status word."""
        return self.sw & 0xFF

    def encode(self) -> bytes:
        """Data followed by SW1 SW2."""
        return self.data + self.sw.to_bytes(2)

    def __str__(self) -> str:
        return f"{self.sw:04X} ({describe(self.sw)})"


# ETSI TS 102 221 10.1.1: the first form (0x, 8x) has the channel 0 to 3 in its two low bits; the further form (4x/6x
# interindustry, Cx/Ex proprietary) has channel - 4 in its four low bits, and bit 6 for secure messaging.
_PROPRIETARY = 0x80
_FURTHER = 0x40
_FURTHER_SECURE = 0x20
_CHAINING = 0x10
_FIRST_SECURE = 0x0C
_FIRST_SECURE_NO_HEADER = 0x08


def has_channel(cla: int) -> bool:
    """Whether a class byte codes a logical channel at all (A0 of old SIMs, and 20 to 3F, do not)."""
    return bool(cla & _FURTHER) or not cla & _FURTHER_SECURE


@cache
def channel_of(cla: int) -> int:
    """The logical channel, 0 to 19; a class byte without one belongs to the basic channel."""
    if not has_channel(cla):
        return 0
    return (cla & 0x0F) + 4 if cla & _FURTHER else cla & 0x03


@cache
def cla_on_channel(cla: int, channel: int) -> int:
    """The class byte with another logical channel; proprietary bit, chaining and secure messaging stay.

    Raises `ApduError` for channels beyond 19 and for class bytes that cannot name a channel.
    """
    if not 0 <= channel <= MAX_CHANNEL:
        raise ApduError(f"there is no logical channel {channel}: 0 to {MAX_CHANNEL} exist")
    if not has_channel(cla):
        if channel == 0:
            return cla
        raise ApduError(f"class {cla:02X} cannot name a logical channel, so it cannot be sent on channel {channel}")
    base = cla & (_PROPRIETARY | _CHAINING)
    if cla & _FURTHER:
        secure_first = _FIRST_SECURE_NO_HEADER if cla & _FURTHER_SECURE else 0
        secure = bool(cla & _FURTHER_SECURE)
    else:
        secure_first = cla & _FIRST_SECURE
        secure = bool(secure_first)
    if channel < 4:
        return base | secure_first | channel
    return base | _FURTHER | (_FURTHER_SECURE if secure else 0) | (channel - 4)
