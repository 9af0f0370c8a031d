"""Every function of ES10a, ES10b and ES10c as an action, and the ISD-R below them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from pytest_euicc.asn1 import codec
from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.conformance.engine.arguments import ChannelAs, Hex, HexOctet
from pytest_euicc.conformance.engine.context import DEFAULT_CHANNEL, Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.shapes import OCTETS, TEXT, Shape, asn1_shape, mapping
from pytest_euicc.es10.fci import Fci, FciError
from pytest_euicc.es10.functions import FUNCTIONS, Function
from pytest_euicc.es10.isdr import Reply
from pytest_euicc.interfaces.card.commands import DATA, data_outcome, send_as_written

# Fields without which the request would not even be one; a vector names the rest.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "enable_profile": {"refreshFlag": False},
    "disable_profile": {"refreshFlag": False},
}


_OF_ENTRIES = frozenset({"get_profiles_info", "list_notification", "retrieve_notifications_list"})
"""Functions that list what the card holds: an odd entry is no reason not to read the others."""


@dataclass
class LastOutcomes:
    """The last outcome of each function of ES10 in this sequence."""

    by_function: dict[str, Outcome] = field(default_factory=dict)


def outcome_of(reply: Reply, sent_value: Any = None) -> Outcome:
    """A reply of the ISD-R as the outcome of a step; ``sent_value`` is the request as a value."""
    received, fault = reply.received, None
    if received is None and reply.fault is not None and reply.function.name in _OF_ENTRIES:
        with suppress(codec.Asn1Error):
            received = codec.receive(reply.function.response, reply.octets, entry_by_entry=True)
    if received is None:
        fault = str(reply.fault) if reply.fault else "no data received"
    return Outcome(
        sent=reply.sent,
        sent_value=sent_value,
        sw=reply.sw,
        received=reply.octets,
        value=received.value if received else None,
        shape=asn1_shape(reply.function.response),
        type_name=reply.function.response,
        unknown=tuple(received.unknown) if received else (),
        odd=received.odd if received else (),
        fault=fault,
    )


def _register(function: Function) -> None:
    default = _DEFAULTS.get(function.name, function.default or {})

    def run(context: Context, message: Message) -> Outcome:
        request = message.encode(function.request, default)
        outcome = outcome_of(context.isdr(message.channel).send(function.name, request.octets), request.value)
        context.part(LastOutcomes).by_function[function.name] = outcome
        return outcome

    run.__doc__ = f"{function.full_name} (SGP.22 {function.clause})"
    action(
        f"{function.interface.lower()}.{function.name}",
        request=function.request,
        response=function.response,
        changes=function.changes,
    )(run)


# What the tester has to sign and bind: actions_download.py and actions_crl.py.
_OF_TESTER = frozenset(
    {"authenticate_server", "prepare_download", "load_bound_profile_package", "cancel_session", "load_crl"}
)

for _function in FUNCTIONS.values():
    if _function.name not in _OF_TESTER:
        _register(_function)


def _fci_shape() -> Shape:
    return mapping(
        "FCI",
        aid=OCTETS,
        svn=TEXT,
        octets=OCTETS,
        isdr=asn1_shape("ISDRProprietaryApplicationTemplate"),
        iot=asn1_shape("ISDRProprietaryApplicationTemplateIoT"),
    )


@action("isdr.select", response=Shape("sequence", "FCI", parts=lambda: _fci_shape().fields))
def select(context: Context, message: Message, *, aid: Hex | None = None, as_: ChannelAs = DEFAULT_CHANNEL) -> Outcome:
    """SELECT the ISD-R (SGP.22 5.7.1).

    Args:
        aid: another AID than the ISD-R's.
        as: the name of the channel, which is opened if it is not open.

    Returns:
        The FCI: ``svn`` as text, ``isdr`` the decoded template E0.
    """
    channel = context.channels.get(message.channel or as_)
    if channel is None or not channel.is_open:
        channel = context.open_channel()
        context.channels[message.channel or as_] = channel
    aid = aid or context.session.isdr_aid
    answer = channel.select(aid)
    outcome = Outcome(sent=aid, sw=answer.sw, received=answer.data, shape=_fci_shape())
    if not answer.ok:
        return outcome
    try:
        fci = Fci.parse(answer.data)
    except FciError as error:
        return replace(outcome, fault=str(error))
    value = {"aid": fci.aid, "svn": fci.svn, "octets": fci.octets}
    templates = {"isdr": fci.isdr, "iot": fci.iot}
    return replace(outcome, value=value | {name: given for name, given in templates.items() if given is not None})


class Chunk(BaseModel):
    """One STORE DATA command.

    Attributes:
        data: its data.
        p1: in place of 91 for the last one and 11 for the others.
        p2: in place of its number.
        cla: in place of 80 on the channel.
    """

    model_config = ConfigDict(extra="forbid")

    data: Hex = b""
    p1: HexOctet | None = None
    p2: HexOctet | None = None
    cla: HexOctet | None = None


@action("isdr.store_data", response=DATA)
def store_data(
    context: Context,
    message: Message,
    *,
    data: Hex = b"",
    p1: HexOctet | None = None,
    p2: HexOctet | None = None,
    cla: HexOctet | None = None,
    chunks: Annotated[list[Chunk], Field(min_length=1)] | None = None,
) -> Outcome:
    """STORE DATA with blocks as given (SGP.22 5.7.2).

    Args:
        data: data of a single block.
        p1: in place of 91, the value for a last block.
        p2: in place of the block number.
        cla: in place of 80 on the channel.
        chunks: several blocks, each with ``data``, ``p1``, ``p2`` and ``cla``; in place of the arguments above.

    Returns:
        The data of the last answer.
    """
    blocks = chunks or [Chunk(data=data, p1=p1, p2=p2, cla=cla)]
    channel = context.channel(message.channel)
    sent, answer = b"", None
    for number, block in enumerate(blocks):
        last = number == len(blocks) - 1
        command = CommandApdu(
            0x80 if block.cla is None else block.cla,
            0xE2,
            (0x91 if last else 0x11) if block.p1 is None else block.p1,
            number if block.p2 is None else block.p2,
            block.data,
            256,
        )
        sent += block.data
        answer = channel.send(command) if block.cla is None else send_as_written(context, command)
        if not answer.ok:
            break
    assert answer is not None  # noqa: S101  (there is at least one block)
    return data_outcome(sent, answer)
