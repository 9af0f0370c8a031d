"""How an LPA delivers notifications: where to, in which order, and what it removes from the card (SGP.22 3.5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.es9.binding import decode
from pytest_euicc.interfaces.lpad.access import bench_of
from pytest_euicc.peers.lpa.functions import LOAD
from pytest_euicc.peers.lpa.record import Call

_METADATA, _RESULT, _RESULT_DATA = 0xBF2F, 0xBF37, 0xBF27
_HANDLE, _REMOVE = "ES9+.HandleNotification", "ES10b.RemoveNotificationFromList"
_LISTS = ("ES10b.ListNotification", "ES10b.RetrieveNotificationsList")


@dataclass(frozen=True)
class Entry:
    """seqNumber and notificationAddress of a notification."""

    number: int
    address: str


@action("lpad.delivery")
def delivery(context: Context, _message: Message, *, scope: Literal["last", "all"] = "all") -> Outcome:
    """Notifications were delivered as SGP.22 3.5 requires.

    Each went to its notificationAddress, those of one address in the order of their seqNumbers and each after the one
    before it was acknowledged, and none was removed before its acknowledgement.

    Args:
        scope: ``last``: since the user's last action; ``all``: the whole sequence.
    """
    record = bench_of(context).record
    calls = record.calls if scope == "all" else record.since_mark()
    return Outcome(mismatches=(*_places(calls), *_order(calls), *removals(record.calls, calls)))


def removals(calls: list[Call], judged: list[Call]) -> Iterator[Mismatch]:
    """Notifications that were removed without an acknowledgement.

    Args:
        calls: of the whole sequence: an acknowledgement may be older.
        judged: whose removals are looked at.
    """
    taken: set[int] = set()
    wanted = {id(call) for call in judged}
    for call in calls:
        if call.name == _HANDLE and acknowledged(call):
            taken |= {entry.number for entry in _sent(call)}
        elif call.name == _REMOVE and id(call) in wanted:
            number = _removed(call)
            if number is not None and number not in taken:
                expected = f"notification {number} acknowledged before it is removed (SGP.22 3.5)"
                yield Mismatch(_REMOVE, expected, f"seqNumber {number} without an acknowledgement")


def acknowledged(call: Call) -> bool:
    """Whether a server took a notification: 204, or another 2xx whose body does not refuse it."""
    if call.http is None or not 200 <= call.http.status < 300:
        return False
    try:
        return str(json.loads(call.http.answer)["header"]["functionExecutionStatus"]["status"]) != "Failed"
    except (ValueError, TypeError, LookupError, RecursionError):
        return True


def _places(calls: list[Call]) -> Iterator[Mismatch]:
    for call in calls:
        if call.name == _HANDLE:
            for entry in _sent(call):
                if _host(entry.address) != _host(call.host):
                    yield Mismatch(_HANDLE, f"sent to {entry.address} (SGP.22 3.5)", f"sent to {call.host}")


def _order(calls: list[Call]) -> Iterator[Mismatch]:
    known: set[Entry] = set()
    taken: set[int] = set()
    for call in calls:
        if call.name in _LISTS:
            known |= set(_listed(call))
        elif call.name == LOAD and call.answer:
            known |= set(_entries(call.answer))
        elif call.name == _HANDLE:
            for entry in _sent(call):
                before = [
                    each.number
                    for each in known
                    if _host(each.address) == _host(entry.address) and each.number < entry.number
                ]
                waiting = sorted(set(before) - taken)
                if waiting:
                    expected = f"notification {waiting[0]} to {entry.address} first (SGP.22 3.5)"
                    yield Mismatch("order", expected, f"notification {entry.number}")
                if acknowledged(call):
                    taken.add(entry.number)


def _host(address: str) -> str:
    return address.strip().lower().removesuffix(":443")


def _sent(call: Call) -> list[Entry]:
    try:
        octets = decode(json.loads(call.request)["pendingNotification"])
    except (ValueError, TypeError, LookupError):
        return []
    return list(_entries(octets))


def _listed(call: Call) -> Iterator[Entry]:
    try:
        outer = tlv.parse(call.answer).children()
        for child in outer[0].children() if outer and outer[0].tag == 0xA0 else ():
            yield from _entries(child.octets)
    except tlv.TlvError:
        return


def _entries(octets: bytes) -> Iterator[Entry]:
    """The one in NotificationMetadata, or in a PendingNotification; none where it cannot be read."""
    try:
        element = tlv.parse(octets)
        if element.tag == _RESULT:
            octets = tlv.find(octets, _RESULT, _RESULT_DATA, _METADATA)
        elif element.tag != _METADATA:
            octets = tlv.find(octets, element.tag, _METADATA)
        metadata = codec.decode("NotificationMetadata", octets)
        yield Entry(int(metadata["seqNumber"]), str(metadata["notificationAddress"]))
    except (codec.Asn1Error, tlv.TlvError):
        return


def _removed(call: Call) -> int | None:
    try:
        return int(codec.decode("NotificationSentRequest", call.request)["seqNumber"])
    except codec.Asn1Error:
        return None
