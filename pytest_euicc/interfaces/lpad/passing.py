"""What an LPA carries from one side to the other unchanged (SGP.22 3.1.2, 3.1.3, 3.5)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.es9.binding import decode
from pytest_euicc.peers.lpa.functions import LOAD
from pytest_euicc.peers.lpa.record import Call
from pytest_euicc.rsp import bpp

_FURTHER_87 = 0x87


def faults(name: str, calls: list[Call], *, joined: bool = False) -> list[Mismatch]:
    """What a function carried otherwise than it was given; raises KeyError where it carries nothing.

    Args:
        joined: all elements of a part 87 in one segment.
    """
    return list(_segments(calls, joined=True) if joined and name == LOAD else _CARRIERS[name](calls))


def _last(name: str, calls: list[Call]) -> Call | None:
    return next((call for call in reversed(calls) if call.name == name), None)


def _pair(source: str, target: str, calls: list[Call]) -> tuple[Call, Call] | list[Mismatch]:
    """The last call of a function and that of the one before which gave what it carries."""
    to = _last(target, calls)
    if to is None:
        return [Mismatch(target, "a call", "it was not called")]
    before = [call for call in calls[: calls.index(to)] if call.is_called(source)]
    if not before:
        return [Mismatch(target, f"what {source} answered", f"{source} was not called before it")]
    return before[-1], to


def _member(octets: bytes, name: str) -> Any:
    try:
        body = json.loads(octets)
    except ValueError:
        return None
    return body.get(name) if isinstance(body, dict) else None


def _given(octets: bytes, name: str) -> bytes:
    """A member of a server's answer, in whatever layout of base64 the script has it written."""
    text = "".join(str(_member(octets, name)).split()).translate(str.maketrans("-_", "+/")).rstrip("=")
    try:
        return decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def _octets(octets: bytes, name: str) -> bytes:
    try:
        return decode(str(_member(octets, name)))
    except ValueError:
        return b""


def _equal(name: str, given: bytes, carried: bytes) -> Iterator[Mismatch]:
    if given != carried:
        yield Mismatch(name, f"{given.hex().upper()}, as it was given", carried.hex().upper() or "nothing")


def _to_json(source: str, target: str, *members: tuple[str, Callable[[bytes], bytes]]) -> Callable[..., Any]:
    """Members of a server's request that are a card's answer, or a part of it."""

    def judge(calls: list[Call]) -> Iterator[Mismatch]:
        pair = _pair(source, target, calls)
        if isinstance(pair, list):
            yield from pair
            return
        given, carried = pair
        for name, part in members:
            yield from _equal(f"{target} {name}", part(given.answer), _octets(carried.request, name))

    return judge


def _to_card(source: str, target: str, *members: str, place: int = 0) -> Callable[[list[Call]], Iterator[Mismatch]]:
    """Elements of a card's request, in this order, that are members of a server's answer."""

    def judge(calls: list[Call]) -> Iterator[Mismatch]:
        pair = _pair(source, target, calls)
        if isinstance(pair, list):
            yield from pair
            return
        given, carried = pair
        children = [child.octets for child in tlv.parse(carried.request).children()][place:]
        # hashCc stands between signature and certificate (SGP.22 5.7.5).
        if target == "ES10b.PrepareDownload" and len(children) == len(members) + 1:
            del children[2]
        for name, child in zip(members, [*children, *[b""] * len(members)], strict=False):
            yield from _equal(f"{target} {name}", _given(given.answer, name), child)

    return judge


def _challenge(answer: bytes) -> bytes:
    return bytes(codec.decode("GetEuiccChallengeResponse", answer)["euiccChallenge"])


def _initiate(target: str) -> Callable[[list[Call]], Iterator[Mismatch]]:
    def judge(calls: list[Call]) -> Iterator[Mismatch]:
        yield from _to_json("ES10b.GetEUICCChallenge", target, ("euiccChallenge", _challenge))(calls)
        yield from _to_json("ES10b.GetEUICCInfo1", target, ("euiccInfo1", bytes))(calls)

    return judge


def _segments(calls: list[Call], *, joined: bool = False) -> Iterator[Mismatch]:
    pair = _pair("ES9+.GetBoundProfilePackage", LOAD, calls)
    if isinstance(pair, list):
        yield from pair
        return
    given, _ = pair
    package = _given(given.answer, "boundProfilePackage")
    sent = [call.request for call in calls if call.name == LOAD and call.began >= given.ended]
    stopped = next((number for number, call in enumerate(_loads(calls, given), 1) if _ended(call)), None)
    cut = bpp.segments(package)
    wanted = (_joined(cut) if joined else cut)[:stopped]
    for number, (one, other) in enumerate(zip(wanted, sent, strict=False), 1):
        if one != other:
            yield Mismatch(f"segment {number}", f"{_shown(one)} (SGP.22 2.5.5)", _shown(other))
            return
    if len(wanted) != len(sent):
        yield Mismatch("segments", f"{len(wanted)} (SGP.22 2.5.5)", f"{len(sent)}")


def _joined(cut: list[bytes]) -> list[bytes]:
    """Segments with each further 87 behind the one before it."""
    found: list[bytes] = []
    for segment in cut:
        if segment[0] == _FURTHER_87:
            found[-1] += segment
        else:
            found.append(segment)
    return found


def _loads(calls: list[Call], given: Call) -> list[Call]:
    return [call for call in calls if call.name == LOAD and call.began >= given.ended]


def _ended(call: Call) -> bool:
    """The card gave its result with this segment, or refused it: nothing is to follow."""
    return bool(call.answer) or not call.status.startswith(("90", "91"))


def _shown(octets: bytes) -> str:
    text = octets.hex().upper()
    return f"{len(octets)} octets {text[:24]}{'…' if len(text) > 24 else ''}"


def _notification(calls: list[Call]) -> Iterator[Mismatch]:
    """Every notification that was sent is one that the card gave."""
    known: set[bytes] = set()
    for call in calls:
        if call.name == "ES10b.RetrieveNotificationsList" and call.answer:
            outer = tlv.parse(call.answer).children()
            known.update(child.octets for child in (outer[0].children() if outer else ()))
        elif call.name == LOAD and call.answer:
            # The result of an installation is what RetrieveNotificationsList gives of it (SGP.22 5.7.6, 5.7.10).
            known.add(call.answer)
        elif call.name == "ES9+.HandleNotification":
            sent = _octets(call.request, "pendingNotification")
            if sent not in known:
                yield Mismatch("pendingNotification", "the octets of the card", sent.hex().upper()[:80] or "nothing")


def transaction(started: Call, cancelled: Call) -> Iterator[Mismatch]:
    """The transactionId on the card is that of the session, in octets."""
    given = _member(started.answer, "transactionId")
    carried = bytes(codec.decode("CancelSessionRequest", cancelled.request)["transactionId"])
    if not isinstance(given, str) or given.lower() != carried.hex():
        yield Mismatch("transactionId", str(given), carried.hex().upper())


_CARRIERS: dict[str, Callable[[list[Call]], Iterator[Mismatch]]] = {
    "ES9+.InitiateAuthentication": _initiate("ES9+.InitiateAuthentication"),
    "ES11.InitiateAuthentication": _initiate("ES11.InitiateAuthentication"),
    "ES11.AuthenticateClient": _to_json(
        "ES10b.AuthenticateServer", "ES11.AuthenticateClient", ("authenticateServerResponse", bytes)
    ),
    "ES10b.AuthenticateServer": _to_card(
        "ES*.InitiateAuthentication", "ES10b.AuthenticateServer",
        "serverSigned1", "serverSignature1", "euiccCiPKIdToBeUsed", "serverCertificate",
    ),
    "ES9+.AuthenticateClient": _to_json(
        "ES10b.AuthenticateServer", "ES9+.AuthenticateClient", ("authenticateServerResponse", bytes)
    ),
    "ES10b.PrepareDownload": _to_card(
        "ES9+.AuthenticateClient", "ES10b.PrepareDownload", "smdpSigned2", "smdpSignature2", "smdpCertificate"
    ),
    "ES9+.GetBoundProfilePackage": _to_json(
        "ES10b.PrepareDownload", "ES9+.GetBoundProfilePackage", ("prepareDownloadResponse", bytes)
    ),
    LOAD: _segments,
    "ES9+.CancelSession": _to_json(
        "ES10b.CancelSession", "ES9+.CancelSession", ("cancelSessionResponse", bytes)
    ),
    "ES9+.HandleNotification": _notification,
}  # fmt: skip
