"""SELECT and reading of files (ETSI TS 102 221 11.1)."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.apdu import CommandApdu, ResponseApdu
from pytest_euicc.card.channel import LogicalChannel
from pytest_euicc.conformance.engine.arguments import Hex, HexOctet
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.shapes import ANY, OCTETS, mapping
from pytest_euicc.interfaces.card.commands import DATA, channel_of_step, data_outcome

_SELECTED = mapping("response", data=OCTETS, fcp=ANY)
_MF = bytes.fromhex("3F00")
_FILE = re.compile(r"[0-9A-Fa-f]{4}(/[0-9A-Fa-f]{4})*")


def _check_path(text: str) -> str:
    if not _FILE.fullmatch(text):
        raise ValueError(f'{text!r} is not a path of files; write identifiers such as "3F00/2FE2"')
    return text


FilePath = Annotated[
    str,
    BeforeValidator(
        lambda value: f"{value:04d}" if isinstance(value, int) else value, json_schema_input_type=str | int
    ),
    AfterValidator(_check_path),
]
"""File identifiers from the MF on: ``3F00/2FE2``."""


def _select(channel: LogicalChannel, file: str, p1: int | None, p2: int | None) -> tuple[bytes, ResponseApdu]:
    """SELECT by file identifier, one after the other (ETSI TS 102 221 11.1.1)."""
    first, *further = (bytes.fromhex(identifier) for identifier in file.split("/"))
    wanted = 0x04 if p2 is None else p2
    sent, answer = first, channel.send(CommandApdu(0x00, 0xA4, p1 or 0x00, wanted, first, 256))
    if first == _MF and further and not answer.ok:
        # Whoever wants a file does not judge the MF: P1 08 is the path from there.
        sent = b"".join(further)
        return sent, channel.send(CommandApdu(0x00, 0xA4, 0x08, wanted, sent, 256))
    for sent in further:
        if not answer.ok:
            break
        answer = channel.send(CommandApdu(0x00, 0xA4, p1 or 0x00, wanted, sent, 256))
    return sent, answer


def _fcp(octets: bytes) -> dict[str, bytes]:
    """The data objects of an FCP template by tag; empty when there is none (ETSI TS 102 221 11.1.1.3)."""
    try:
        template = tlv.parse(octets)
        return {f"{child.tag:02X}": child.value for child in template.children()} if template.tag == 0x62 else {}
    except tlv.TlvError:
        return {}


@action("card.select", response=_SELECTED)
def select(
    context: Context,
    message: Message,
    *,
    file: FilePath | None = None,
    aid: Hex | None = None,
    p1: HexOctet | None = None,
    p2: HexOctet | None = None,
) -> Outcome:
    """SELECT a file or an application (ETSI TS 102 221 11.1.1).

    Sent on the basic channel unless the step names a ``channel``.

    Args:
        file: file identifiers, each selected in turn; without ``file`` and ``aid`` the MF.
        aid: selects an application instead.
        p1: in place of 00, or 04 for an AID.
        p2: in place of 04, or 00 for an AID.

    Returns:
        ``fcp`` holds the data objects of the FCP template by tag, such as ``"82"``, in hex.
    """
    channel = channel_of_step(context, message)
    if aid is not None:
        sent = aid
        answer = channel.send(CommandApdu(0x00, 0xA4, 0x04 if p1 is None else p1, p2 or 0x00, aid, 256))
    else:
        sent, answer = _select(channel, file or "3F00", p1, p2)
    value = {"data": answer.data, "fcp": _fcp(answer.data)}
    return Outcome(sent=sent, sw=answer.sw, received=answer.data, value=value, shape=_SELECTED)


@action("card.read_binary", response=DATA)
def read_binary(
    context: Context, message: Message, *, file: FilePath | None = None, offset: int = 0, octets: int = 256
) -> Outcome:
    """SELECT a transparent file and READ BINARY (ETSI TS 102 221 11.1.3).

    Args:
        file: file identifiers, each selected in turn; without it the current file is read.
        offset: of the first byte.
        octets: number of bytes to read.
    """
    channel = channel_of_step(context, message)
    if file is not None:
        sent, answer = _select(channel, file, None, None)
        if not answer.ok:
            return data_outcome(sent, answer)
    command = CommandApdu(0x00, 0xB0, offset >> 8 & 0x7F, offset & 0xFF, le=octets)
    return data_outcome(command.encode(), channel.send(command))


@action("card.read_record", response=DATA)
def read_record(context: Context, message: Message, *, file: FilePath | None = None, record: int = 1) -> Outcome:
    """SELECT a linear fixed file and READ RECORD, absolute mode (ETSI TS 102 221 11.1.5).

    Args:
        file: file identifiers, each selected in turn; without it the current file is read.
        record: number of the record.
    """
    channel = channel_of_step(context, message)
    if file is not None:
        sent, answer = _select(channel, file, None, None)
        if not answer.ok:
            return data_outcome(sent, answer)
    command = CommandApdu(0x00, 0xB2, record, 0x04, le=256)
    return data_outcome(command.encode(), channel.send(command))
