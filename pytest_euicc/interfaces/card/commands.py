"""Commands below ES10 of one's own making: channels, the start of a device, proactive commands."""

from __future__ import annotations

from pytest_euicc.card.apdu import CommandApdu, ResponseApdu, channel_of
from pytest_euicc.card.channel import TERMINAL_CAPABILITY, TERMINAL_PROFILE, LogicalChannel
from pytest_euicc.card.exchange import UnexpectedStatus
from pytest_euicc.card.proactive import REFRESH
from pytest_euicc.conformance.engine.arguments import ChannelAs, Hex, HexOctet
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.shapes import NUMBER, OCTETS, TEXT, listing, mapping

DATA = mapping("response", data=OCTETS)
"""The answer to a command: its data."""


def data_outcome(sent: bytes, answer: ResponseApdu) -> Outcome:
    """The outcome of a command whose answer is just data."""
    return Outcome(sent=sent, sw=answer.sw, received=answer.data, value={"data": answer.data}, shape=DATA)


def channel_of_step(context: Context, message: Message) -> LogicalChannel:
    """The channel that a step names; commands of this module go to the basic channel otherwise."""
    return context.channel(message.channel) if message.channel else context.card.basic


def send_as_written(context: Context, command: CommandApdu) -> ResponseApdu:
    """Send with the class byte as it is; 61xx, 6Cxx and 91xx are followed on the channel that it names."""
    return LogicalChannel(context.card, channel_of(command.cla)).send(command)


@action("card.open_channel", response=mapping("response", number=NUMBER))
def open_channel(
    context: Context, _message: Message, *, as_: ChannelAs, number: int | None = None, announced: bool = False
) -> Outcome:
    """MANAGE CHANNEL open (ETSI TS 102 221 11.1.17).

    Args:
        as: the name by which steps use the channel (``channel:``).
        number: the channel to open; without it the card chooses.
        announced: ``true``: the sequence is not applicable if the card refuses while all channels that its ATR
            announces are open.
    """
    try:
        channel = context.open_channel() if announced else context.card.open_channel(number)
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


@action("card.fetch")
def fetch(context: Context, _message: Message) -> Outcome:
    """Fetch and answer the pending proactive command (ETSI TS 102 221 7.4.2).

    For the state ``proactive_session``, which leaves it pending.
    """
    context.card.release_proactive()
    return Outcome()


_POLLS = 2
_TO_SEE = "to see proactive commands"


@action(
    "card.proactive",
    response=mapping(
        "proactive commands",
        commands=listing(mapping("command", name=TEXT, qualifier=NUMBER, raw=OCTETS)),
        refreshes=NUMBER,
    ),
    as_terminal=_TO_SEE,
)
def proactive(context: Context, _message: Message) -> Outcome:
    """The proactive commands fetched since this action was last used.

    Where there are none, the card is asked by STATUS, as a device polls (ETSI TS 102 221 14.5.2): when a command is
    announced is left to the card.

    Returns:
        ``name`` is that of ETSI TS 102 223, such as REFRESH; ``raw`` the whole command; ``refreshes`` how many of them
        are REFRESH.
    """
    context.card.be_terminal(_TO_SEE)
    fetched = context.card.take_fetched()
    for _ in range(_POLLS):
        if fetched:
            break
        # P2 0C: no data in return (ETSI TS 102 221 11.1.2).
        context.card.basic.send(CommandApdu(0x80, 0xF2, 0x00, 0x0C))
        fetched = context.card.take_fetched()
    commands = [{"name": entry.type, "qualifier": entry.qualifier, "raw": entry.octets} for entry in fetched]
    refreshes = sum(entry.kind == REFRESH for entry in fetched)
    value = {"commands": commands, "refreshes": refreshes}
    return Outcome(received=b"".join(entry.octets for entry in fetched), value=value)
