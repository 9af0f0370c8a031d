"""What holds for everything that an LPA sends, whatever a sequence is about."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.card.apdu import ApduError, CommandApdu, channel_of
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.interfaces.lpad.delivery import removals
from pytest_euicc.peers.lpa.functions import CARD, LOAD, SERVER, server_value
from pytest_euicc.peers.lpa.record import Apdu, Call, Record

_LPA_INSTRUCTIONS = frozenset({0xA4, 0x70, 0xE2, 0xC0, 0xAA, 0x10, 0x12, 0x14, 0xC2, 0xF2, 0xB0, 0xB2, 0xCA, 0xCB})
"""Of ISO 7816-4, ETSI TS 102 221 and SGP.22 that read, select, open channels or talk to the ISD-R."""
_STORE_DATA = 0xE2
_MORE, _LAST = 0x11, 0x91
_CLOSE = 0x80
_CARRIERS = ("ES10b.AuthenticateServer", "ES10b.PrepareDownload")


def judge(record: Record) -> list[Mismatch]:
    """Everything wrong with what crossed since the user began the last action; the first fault of each kind."""
    calls = record.since_mark()
    found = [
        *_apdus(record.apdus_since_mark()),
        *_channels(record.calls, len(record.calls) - len(calls)),
        *_whole(calls),
        *_requests(record.calls, calls),
        *removals(record.calls, calls),
    ]
    first: dict[str, Mismatch] = {}
    for each in found:
        first.setdefault(each.path, each)
    return list(first.values())


def in_lines(calls: list[Call]) -> Iterator[str]:
    """Function and member of base64 with line breaks, which no clause has or forbids."""
    for call in calls:
        members = _members(call.http.body) if call.http is not None and call.name in SERVER else {}
        for name, text in members.items():
            if isinstance(text, str) and "\n" in text:
                yield f"{call.name} {name}"


def _apdus(apdus: list[Apdu]) -> Iterator[Mismatch]:
    for apdu in apdus:
        octets = apdu.command
        shown = octets[:5].hex().upper()
        try:
            command = CommandApdu.parse(octets)
        except ApduError as error:
            yield Mismatch("APDU", "a command APDU (ISO 7816-3 12.1.3)", f"{octets.hex().upper()}: {error}")
            continue
        if command.ins not in _LPA_INSTRUCTIONS:
            yield Mismatch("APDU instruction", "a command that an LPA needs", shown)
        if command.ins != _STORE_DATA:
            continue
        if command.p1 not in (_MORE, _LAST):
            yield Mismatch("STORE DATA P1", "11 or 91 (SGP.22 5.7.2)", shown)
        if command.extended or not command.data:
            yield Mismatch("STORE DATA Lc", "1 to 255 octets in the short form (SGP.22 5.7.2)", shown)
        if command.cla & 0xB0 != 0x80 and command.cla & 0xF0 != 0xC0:
            yield Mismatch("STORE DATA class", "80 to 83 or C0 to CF (SGP.22 5.7.2)", shown)
    yield from _chains(apdus)


def _chains(apdus: list[Apdu]) -> Iterator[Mismatch]:
    """Blocks are numbered from 00 up in each chain (SGP.22 5.7.2)."""
    expected: dict[int, int] = {}
    for apdu in apdus:
        octets = apdu.command
        if len(octets) < 5 or octets[1] != _STORE_DATA:
            continue
        channel = channel_of(octets[0])
        number = expected.get(channel, 0)
        if octets[3] != number & 0xFF and octets[3] != 0:
            yield Mismatch("STORE DATA P2", f"{number & 0xFF:02X}, the number of the block (SGP.22 5.7.2)",
                           octets[:5].hex().upper())  # fmt: skip
        refused = apdu.answer[-2:-1] not in (b"\x90", b"\x91", b"\x61")
        expected[channel] = 0 if octets[2] == _LAST or refused else octets[3] + 1


def _channels(calls: list[Call], begin: int) -> Iterator[Mismatch]:
    """ES10 functions go to an application that was selected on their channel (SGP.22 5.7.1).

    Args:
        begin: number of the first call that is judged; what was selected may be older.
    """
    selected: set[int] = set()
    for number, call in enumerate(calls):
        channel = call.value.get("channel")
        if call.name == "RESET":
            selected.clear()
        elif call.name == "SELECT" and "aid" in call.value and call.status[:2] in ("90", "91", "61", "62", "63"):
            selected.add(int(channel or 0))
        elif call.name == "MANAGE CHANNEL" and call.value["p1"] == _CLOSE:
            selected.discard(int(call.value["p2"]))
        elif number >= begin and (call.name in CARD or call.name == "STORE DATA") and channel not in selected:
            yield Mismatch(call.name, "on a channel where the ISD-R was selected (SGP.22 5.7.1)", f"channel {channel}")


def _whole(calls: list[Call]) -> Iterator[Mismatch]:
    """The blocks of a request are one request of its function, no more and no less (SGP.22 5.7.2)."""
    for call in calls:
        if call.name in CARD and call.name != LOAD and call.status.startswith(("90", "91", "6A")):
            if not any(apdu.command[1:3] == bytes([_STORE_DATA, _LAST]) for apdu in call.apdus):
                continue  # a block before the last was refused
            try:
                if call.name in _CARRIERS:
                    tlv.parse(call.request)  # what is in it is the server's
                    continue
                codec.decode(CARD[call.name].request, call.request)
            except tlv.TlvError as error:
                yield Mismatch(call.name, "one TLV (SGP.22 5.7.2)", str(error))
            except codec.Asn1Error as error:
                if error.reason.startswith("size "):
                    continue  # what a user entered may be too long: the card refuses that
                yield Mismatch(call.name, f"one {CARD[call.name].request} (SGP.22 5.7.2)", str(error))


def _requests(every: list[Call], calls: list[Call]) -> Iterator[Mismatch]:
    """The form of requests; a transactionId that is no hex is the fault of the server that gave it.

    Args:
        every: all calls of the sequence.
    """
    for call in calls:
        http = call.http
        if http is None:
            continue
        if not http.secure:
            yield Mismatch("HTTP", "HTTPS (SGP.22 2.6.6)", f"plain HTTP to {http.host}{http.target}")
        if call.name not in SERVER:
            yield Mismatch(
                "HTTP request", "POST of a function of ES9+ or ES11 (SGP.22 6.5)", f"{http.method} {http.target}"
            )
            continue
        function = SERVER[call.name]
        if http.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            yield Mismatch("Content-Type", "application/json (SGP.22 6.5.1)", http.headers.get("content-type", "none"))
        if not http.headers.get("x-admin-protocol", "").startswith("gsma/rsp/v"):
            protocol = http.headers.get("x-admin-protocol", "none")
            yield Mismatch("X-Admin-Protocol", "gsma/rsp/v and three numbers (SGP.22 6.2)", protocol)
        problems: list[tuple[str, str]] = []
        value = server_value(http.body, function.request, lambda name, why: problems.append((name, why)))  # noqa: B023
        for name, why in problems:
            if name == "transactionId" and _given(every, http.body):
                continue
            yield Mismatch(f"{call.name} {name}".rstrip(), "a body as defined in SGP.22 6.5.2", why)
        for name in function.request:
            if name not in value and not any(name == each for each, _ in problems):
                yield Mismatch(f"{call.name} {name}", "a member of the request (SGP.22 6.5.2)", "no such member")


def _given(calls: list[Call], body: bytes) -> bool:
    """Whether a server gave the transactionId of a request."""
    wanted = _transaction(body)
    return wanted is not None and any(_transaction(call.answer) == wanted for call in calls if call.name in SERVER)


def _transaction(body: bytes) -> Any:
    return _members(body).get("transactionId")


def _members(body: bytes) -> dict[str, Any]:
    """The members of a JSON object; none where the body is no such thing."""
    with suppress(ValueError, RecursionError):
        members = json.loads(body)
        return members if isinstance(members, dict) else {}
    return {}
