"""Exchanges with a card from the text of many programs: our traces, lpac, pySim, pcscd, lists of hex."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.files import open_file

MAXIMUM_LINE = 200_000
_BYTE_ORDER_MARK = "\ufeff"
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
_HEX = r"(?:[0-9A-Fa-f]{2}[\s:]*)+"
_OCTETS = re.compile(_HEX)
_LPAC = re.compile(
    r"\[APDU\] \[TX\] CLA: (..), INS: (..), P1: (..), P2: (..), Lc: (..)(?:, Data:\s*(" + _HEX + r")?)?", re.IGNORECASE
)
_LPAC_ANSWER = re.compile(r"\[APDU\] \[RX\] SW1: (..), SW2: (..)(?:, Data:\s*(" + _HEX + r")?)?", re.IGNORECASE)
_PYSIM_ANSWER = re.compile(r"<-+ ?([0-9A-Fa-f]{4}):\s*(" + _HEX + r")?\s*$")
_COMMAND = re.compile(
    r"(?:^|\s)(?:>+|-+>|=+>|C-?APDU:?|APDU:|Command(?: APDU)?:?|TX:?|Send(?:ing)?:?)\s+(" + _HEX + r")\s*$",
    re.IGNORECASE,
)
_ANSWER = re.compile(
    r"(?:^|\s)(?:<+|<-+|<=+|R-?APDU:?|SW:|Response(?: APDU)?:?|RX:?|Recv:?|Received:?)\s+(" + _HEX + r")\s*$",
    re.IGNORECASE,
)
_RESET = re.compile(r"^# atr: (" + _HEX + r")|^-- RESET", re.IGNORECASE)


class TraceTextError(PytestEuiccError):
    """A file has no exchanges that could be read; the message names it."""


@dataclass(frozen=True)
class Exchange:
    """One command and its response; None where none was recorded. ``line`` counts from 1."""

    line: int
    command: bytes
    response: bytes | None


def read(path: Path) -> Iterator[Exchange]:
    """The exchanges of a file of any size, in order; whatever else stands in it is passed over.

    Raises:
        TraceTextError: it cannot be read, or has none.
    """
    found = False
    try:
        with open_file(path) as file:
            for exchange in parse(_lines(file)):
                found = True
                yield exchange
    except OSError as error:
        raise TraceTextError(f"{path}: {error.strerror or error}") from None
    if not found:
        raise TraceTextError(
            f"{path}: no APDUs found; traces of pytest-euicc, lpac (LIBEUICC_DEBUG_APDU), pySim (--apdu-trace), "
            "pcscd (--apdu) and plain hex, a command and its response in turn, are understood"
        )


def _lines(file: BinaryIO) -> Iterator[str]:
    """Lines, each up to the length of the longest that can be an APDU."""
    begins = True
    while octets := file.readline(MAXIMUM_LINE):
        if begins:
            yield octets.decode(errors="replace").lstrip(_BYTE_ORDER_MARK)
        begins = octets.endswith(b"\n")


def parse(lines: Iterable[str]) -> Iterator[Exchange]:
    """The exchanges of a text."""
    waiting: tuple[int, bytes] | None = None
    for number, text in enumerate(lines, 1):
        reported = _line(_COLOURS.sub("", text[:MAXIMUM_LINE]).rstrip(), expects_answer=waiting is not None)
        if reported is None:
            continue
        kind, octets = reported
        if waiting is not None:
            yield Exchange(*waiting, octets if kind == "response" else None)
            waiting = None
        if kind == "command":
            waiting = number, octets
    if waiting is not None:
        yield Exchange(*waiting, None)


def _line(text: str, *, expects_answer: bool) -> tuple[str, bytes] | None:
    """What a line says: a command, a response, a reset, or nothing of the kind."""
    if found := _LPAC.search(text):
        header, data = "".join(found.groups()[:4]), _octets(found[6])
        length = bytes.fromhex(found[5]) if data else b""
        return "command", bytes.fromhex(header) + length + data
    if found := _LPAC_ANSWER.search(text):
        return "response", _octets(found[3]) + bytes.fromhex(found[1] + found[2])
    if found := _PYSIM_ANSWER.search(text):
        return "response", _octets(found[2]) + bytes.fromhex(found[1])
    if _RESET.search(text):
        return "reset", b""
    if text.startswith("#"):
        return None
    if (found := _COMMAND.search(text)) and len(_octets(found[1])) >= 4:
        return "command", _octets(found[1])
    if (found := _ANSWER.search(text)) and len(_octets(found[1])) >= 2:
        return "response", _octets(found[1])
    if _OCTETS.fullmatch(text.strip()):
        octets = _octets(text)
        if expects_answer and len(octets) >= 2 and octets[-2] >> 4 in (6, 9):
            return "response", octets
        return ("command", octets) if len(octets) >= 4 else None
    return None


def _octets(text: str | None) -> bytes:
    return bytes.fromhex(re.sub(r"[\s:]", "", text or ""))


@dataclass(frozen=True)
class Message:
    """What one function sent and got: chained commands and fetched answers put together.

    Attributes:
        command: the first command, with the data of all.
        exchanges: what went over the interface.
    """

    header: bytes
    data: bytes
    response: bytes
    sw: int | None
    exchanges: tuple[Exchange, ...]

    @property
    def line(self) -> int:
        """Where it begins."""
        return self.exchanges[0].line


_STORE_DATA, _GET_RESPONSE = 0xE2, 0xC0
_MORE_BLOCKS = 0x80


def messages(exchanges: Iterable[Exchange]) -> Iterator[Message]:
    """Exchanges put together: blocks of STORE DATA, 61xx with GET RESPONSE, 6Cxx with the command again."""
    pending: list[Exchange] = []
    for exchange in exchanges:
        if pending and not _continues(pending, exchange):
            yield _message(pending)
            pending = []
        pending.append(exchange)
        if not _goes_on(exchange):
            yield _message(pending)
            pending = []
    if pending:
        yield _message(pending)


def _header(octets: bytes) -> tuple[int, int, int, int]:
    cla, ins, p1, p2 = octets[:4]
    return cla, ins, p1, p2


def _status(exchange: Exchange) -> int | None:
    return None if not exchange.response else int.from_bytes(exchange.response[-2:])


def _is_block(exchange: Exchange) -> bool:
    """A block of STORE DATA that is not the last one."""
    _, ins, p1, _ = _header(exchange.command)
    return ins == _STORE_DATA and not p1 & _MORE_BLOCKS and _status(exchange) == 0x9000


def _goes_on(exchange: Exchange) -> bool:
    sw = _status(exchange)
    return _is_block(exchange) or (sw is not None and sw >> 8 in (0x61, 0x6C))


def _continues(pending: list[Exchange], exchange: Exchange) -> bool:
    last, (_, ins, _, _) = pending[-1], _header(exchange.command)
    if _is_block(last):
        return ins == _STORE_DATA and exchange.command[0] == last.command[0]
    sw = _status(last) or 0
    return (sw >> 8 == 0x61 and ins == _GET_RESPONSE) or (sw >> 8 == 0x6C and exchange.command[:4] == last.command[:4])


def command_data(octets: bytes) -> bytes:
    """The data of a command, with or without Le behind them (T=0 and T=1), short or extended."""
    body = octets[4:]
    if len(body) <= 1:
        return b""
    if body[0]:
        return body[1 : 1 + body[0]]
    return body[3 : 3 + int.from_bytes(body[1:3])] if len(body) > 3 else b""


def _message(exchanges: list[Exchange]) -> Message:
    data = response = b""
    again = False
    for exchange in exchanges:
        if exchange.command[1] != _GET_RESPONSE and not again:
            data += command_data(exchange.command)
        response += (exchange.response or b"")[:-2]
        again = (_status(exchange) or 0) >> 8 == 0x6C
    return Message(exchanges[0].command[:4], data, response, _status(exchanges[-1]), tuple(exchanges))
