"""Actions below ES10: reset, files, channels and commands of one's own making."""

from __future__ import annotations

import re
from collections.abc import Generator
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.apdu import CommandApdu, ResponseApdu, channel_of
from pytest_euicc.card.atr import Atr, AtrError
from pytest_euicc.card.channel import TERMINAL_CAPABILITY, TERMINAL_PROFILE, LogicalChannel
from pytest_euicc.card.exchange import UnexpectedStatus
from pytest_euicc.conformance.engine.arguments import ChannelAs, Hex, HexOctet
from pytest_euicc.conformance.engine.context import DEFAULT_CHANNEL, Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action, state
from pytest_euicc.conformance.files.observations import CARD_START
from pytest_euicc.conformance.values.shapes import ANY, BOOLEAN, NUMBER, OCTETS, TEXT, listing, mapping

DATA = mapping("response", data=OCTETS)
"""The answer to a command: its data."""
_SELECTED = mapping("response", data=OCTETS, fcp=ANY)
_ATR = mapping(
    "ATR",
    octets=OCTETS,
    protocols=listing(NUMBER),
    checksum=TEXT,
    historical=OCTETS,
    global_tb=NUMBER,
    logical_channels=NUMBER,
    euicc=BOOLEAN,
)
_MF = bytes.fromhex("3F00")
_CARD_CAPABILITIES = 7
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


def data_outcome(sent: bytes, answer: ResponseApdu) -> Outcome:
    """The outcome of a command whose answer is just data."""
    return Outcome(sent=sent, sw=answer.sw, received=answer.data, value={"data": answer.data}, shape=DATA)


def _channel(context: Context, message: Message) -> LogicalChannel:
    """The channel that a step names; commands of this module go to the basic channel otherwise."""
    return context.channel(message.channel) if message.channel else context.card.basic


def send_as_written(context: Context, command: CommandApdu) -> ResponseApdu:
    """Send with the class byte as it is; 61xx, 6Cxx and 91xx are followed on the channel that it names."""
    return LogicalChannel(context.card, channel_of(command.cla)).send(command)


def _atr_outcome(octets: bytes) -> Outcome:
    try:
        atr = Atr.parse(octets)
    except AtrError as error:
        return Outcome(received=octets, shape=_ATR, fault=str(error))
    properties = next((group["TB"] for group in atr.global_interface if "TB" in group), None)
    value: dict[str, Any] = {
        "octets": octets,
        "protocols": list(atr.protocols),
        "checksum": atr.checksum,
        "historical": atr.historical,
        # ETSI TS 102 221 6.3.3: bit 2 of the TB after T=15 says that eUICC-related functions are supported.
        "euicc": bool((properties or 0) & 0x02),
        "global_tb": properties,
        "logical_channels": _logical_channels(atr.historical),
    }
    value = {name: entry for name, entry in value.items() if entry is not None}
    return Outcome(received=octets, value=value, shape=_ATR)


def _logical_channels(historical: bytes) -> int | None:
    """How many channels the card capabilities announce, None when they say nothing (ISO 7816-4 12.2.2.9).

    In the third software function table bits 5 and 4 say how channels are assigned and bits 3 to 1 how many there are.
    """
    if not historical or historical[0] not in (0x00, 0x80):
        return None
    body = historical[1:-3] if historical[0] == 0x00 else historical[1:]
    while body:
        tag, length = body[0] >> 4, body[0] & 0x0F
        value, body = body[1 : 1 + length], body[1 + length :]
        if tag == _CARD_CAPABILITIES:
            return None if len(value) < 3 else (value[2] & 0x07) + 1 if value[2] & 0x18 else 1
    return None


@action("card.reset", response=_ATR)
def reset(context: Context, _message: Message, *, bare: bool = False) -> Outcome:
    """Reset the card and start it as a device does.

    Selects the MF and sends TERMINAL CAPABILITY and TERMINAL PROFILE. Closes every channel: ``isdr.select`` follows.

    Args:
        bare: ``true``: the reset alone.

    Returns:
        The ATR, as for ``card.atr``.
    """
    octets = context.reset(start=not bare)
    return Outcome(value={}, shape=_ATR) if context.card.device is not None else _atr_outcome(octets)


@action("card.atr", response=_ATR)
def atr(context: Context, _message: Message) -> Outcome:
    """The ATR of the last reset.

    Returns:
        ``checksum`` is right, wrong or none; ``historical`` the historical bytes; ``global_tb`` the TB after T=15;
        ``euicc`` whether it announces eUICC functions (ETSI TS 102 221 6.3.3); ``logical_channels`` how many the card
        capabilities announce (ISO 7816-4 12.2.2.9). What the ATR does not say is absent.
    """
    context.card.be_terminal("to learn the ATR")
    return _atr_outcome(context.card.atr)


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
    channel = _channel(context, message)
    if aid is not None:
        sent = aid
        answer = channel.send(CommandApdu(0x00, 0xA4, 0x04 if p1 is None else p1, p2 or 0x00, aid, 256))
    else:
        sent, answer = _select(channel, file or "3F00", p1, p2)
    value = {"data": answer.data, "fcp": _fcp(answer.data)}
    return Outcome(sent=sent, sw=answer.sw, received=answer.data, value=value, shape=_SELECTED)


@action("card.open_channel", response=mapping("response", number=NUMBER))
def open_channel(context: Context, _message: Message, *, as_: ChannelAs, number: int | None = None) -> Outcome:
    """MANAGE CHANNEL open (ETSI TS 102 221 11.1.17).

    Args:
        as: the name by which steps use the channel (``channel:``).
        number: the channel to open; without it the card chooses.
    """
    try:
        channel = context.card.open_channel(number)
    except UnexpectedStatus as refused:
        return Outcome(sw=refused.response.sw, received=refused.response.data)
    context.channels[as_] = channel
    return Outcome(sw=0x9000, received=bytes([channel.number]), value={"number": channel.number})


@action("card.close_channel")
def close_channel(context: Context, message: Message) -> Outcome:
    """MANAGE CHANNEL close (ETSI TS 102 221 11.1.17) of the channel that the step names."""
    return Outcome(sw=context.card.close_channel(context.channel(message.channel)).sw)


@action("card.send", response=DATA)
def send(
    context: Context,
    message: Message,
    *,
    apdu: Hex | None = None,
    cla: HexOctet = 0x00,
    ins: HexOctet = 0xA4,
    p1: HexOctet = 0x00,
    p2: HexOctet = 0x00,
    data: Hex = b"",
    le: int | None = None,
    raw: bool = False,
) -> Outcome:
    """Send a command as written.

    61xx, 6Cxx and 91xx are followed up as a device does.

    Args:
        apdu: the whole command.
        cla: class byte, used as written unless the step names a ``channel``.
        ins: instruction byte.
        p1: first parameter byte.
        p2: second parameter byte.
        data: command data.
        le: number of bytes expected; 256 is coded 00.
        raw: ``true``: exactly these bytes; 61xx and 6Cxx are not followed up.
    """
    if raw:
        octets = apdu if apdu is not None else CommandApdu(cla, ins, p1, p2, data, le).encode()
        return data_outcome(octets, ResponseApdu.parse(context.card.transmit(octets)))
    command = CommandApdu.parse(apdu) if apdu is not None else CommandApdu(cla, ins, p1, p2, data, le)
    answer = context.channel(message.channel).send(command) if message.channel else send_as_written(context, command)
    return data_outcome(command.encode(), answer)


@action("card.terminal_capability", response=DATA)
def terminal_capability(context: Context, _message: Message, *, data: Hex = TERMINAL_CAPABILITY) -> Outcome:
    """TERMINAL CAPABILITY (ETSI TS 102 221 11.1.19).

    Args:
        data: the command data; by default those sent after a reset.
    """
    return data_outcome(data, context.card.basic.send(CommandApdu(0x80, 0xAA, 0x00, 0x00, data)))


@action("card.terminal_profile", response=DATA)
def terminal_profile(context: Context, _message: Message, *, data: Hex = TERMINAL_PROFILE) -> Outcome:
    """TERMINAL PROFILE (ETSI TS 102 223 5.2).

    Args:
        data: the command data; by default those sent after a reset.
    """
    return data_outcome(data, context.card.basic.send(CommandApdu(0x80, 0x10, 0x00, 0x00, data)))


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
    channel = _channel(context, message)
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
    channel = _channel(context, message)
    if file is not None:
        sent, answer = _select(channel, file, None, None)
        if not answer.ok:
            return data_outcome(sent, answer)
    command = CommandApdu(0x00, 0xB2, record, 0x04, le=256)
    return data_outcome(command.encode(), channel.send(command))


@action("card.fetch")
def fetch(context: Context, _message: Message) -> Outcome:
    """Fetch and answer the pending proactive command (ETSI TS 102 221 7.4.2).

    For the state ``proactive_session``, which leaves it pending.
    """
    context.card.release_proactive()
    return Outcome()


_POLLS = 2


@action(
    "card.proactive",
    response=mapping(
        "proactive commands", commands=listing(mapping("command", name=TEXT, qualifier=NUMBER, raw=OCTETS))
    ),
)
def proactive(context: Context, _message: Message) -> Outcome:
    """The proactive commands fetched since this action was last used.

    Where there are none, the card is asked by STATUS, as a device polls (ETSI TS 102 221 14.5.2): when a command is
    announced is left to the card.

    Returns:
        ``name`` is that of ETSI TS 102 223, such as REFRESH; ``raw`` the whole command.
    """
    context.card.be_terminal("to see proactive commands")
    fetched = context.card.take_fetched()
    for _ in range(_POLLS):
        if fetched:
            break
        # P2 0C: no data in return (ETSI TS 102 221 11.1.2).
        context.card.basic.send(CommandApdu(0x80, 0xF2, 0x00, 0x0C))
        fetched = context.card.take_fetched()
    commands = [{"name": entry.type, "qualifier": entry.qualifier, "raw": entry.octets} for entry in fetched]
    return Outcome(received=b"".join(entry.octets for entry in fetched), value={"commands": commands})


@state("card_started")
def card_started(context: Context) -> Generator[None, None, None]:
    """Reset, MF selected, TERMINAL CAPABILITY and TERMINAL PROFILE sent."""
    if not context.begins_at_isdr or context.session.knowledge.as_started is None:
        context.reset(start=False)
        start = context.card.start()
        if not start.mf.ok:
            context.observe(CARD_START, f"SELECT MF was answered {start.mf}", "ETSI TS 102 221 11.1.1")
    yield


@state("isdr_selected", implies=("card_started",))
def isdr_selected(context: Context, *, as_: ChannelAs = DEFAULT_CHANNEL) -> Generator[None, None, None]:
    """A logical channel with the ISD-R selected.

    Args:
        as: the name of the channel; steps without ``channel`` use ``isdr``.
    """
    knowledge = context.session.knowledge
    channel = knowledge.as_started if context.begins_at_isdr else None
    if channel is not None:
        context.channels[as_] = channel
    else:
        channel = context.select_isdr(as_)
        if context.begins_at_isdr:
            knowledge.isdr_selected(channel)
    yield
    with context.undoing(f"channel {channel.number} is open"):
        # Whatever follows begins with a reset, or goes on with this channel.
        if channel.is_open and not context.begins_at_isdr:
            channel.close()
