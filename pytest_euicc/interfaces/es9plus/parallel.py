"""RSP sessions of several eUICCs side by side with one SM-DP+: in turns, or at the same moment (SGP.22 3.1.2)."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import Field

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.arguments import Makes, Uses
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import NotReachable, VectorMistake
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action, state
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import NUMBER, OCTETS, TEXT, listing, mapping
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.es9.binding import Es9Reply, HttpExchange, encode
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import ConnectionBroken, Es9Error
from pytest_euicc.interfaces.es9plus.answers import status_of, value_of
from pytest_euicc.interfaces.es9plus.states import Orders
from pytest_euicc.peers.euicc import EuiccPeer
from pytest_euicc.text import closest

_EIN_DIGITS, _NUMBER_DIGITS = 8, 22
"""What an EID consists of before its two check digits (SGP.29): the number of the EUM, and what it numbers."""
_FIRST = 100
_FUNCTION = "initiateAuthentication"
_ANSWER = mapping("answer", status=TEXT, transactionId=OCTETS)
_ANSWERS = mapping("answers", count=NUMBER, answers=listing(_ANSWER))


def further_eid(own: bytes, number: int) -> bytes:
    """The EID of a further eUICC of the same EUM, whose certificate permits no other; as a number it is 1 modulo 97."""
    digits = int(f"{own.hex()[:_EIN_DIGITS]}{_FIRST + number:0{_NUMBER_DIGITS}}00")
    return bytes.fromhex(str(digits + 98 - digits % 97))


@dataclass
class Euiccs:
    """The eUICCs of a sequence by the names of their orders."""

    by_order: dict[str, EuiccPeer] = field(default_factory=dict)


@state("euiccs")
def euiccs(
    context: Context,
    *,
    orders_: Annotated[list[str], Uses("order"), Makes("eUICC")],
    connections: Literal["one", "each"] = "one",
) -> Generator[None, None, None]:
    """One simulated eUICC of the tester for each of these orders.

    Args:
        orders: names of orders, which become the names of the eUICCs.
        connections: all over ``one`` connection, or ``each`` over its own.
    """
    known, peer = context.part(Orders).by_name, context.part(EuiccPeer)
    made = context.part(Euiccs).by_order
    for number, name in enumerate(orders_, 1):
        if name not in known:
            raise VectorMistake(f"no order is called {name!r}{closest(name, known)}")
        client = context.smdp.new_client(peer.curve) if connections == "each" else None
        made[name] = EuiccPeer(
            peer.pki,
            context.random,
            peer.access,
            own_eid=further_eid(peer.eid, number),
            own_client=client,
            order=known[name],
        )
    yield
    for each in made.values():
        if each.own_client is not None:
            each.own_client.close()


@action("euicc.switch")
def switch(context: Context, _message: Message, *, to: Annotated[str, Uses("eUICC")]) -> Outcome:
    """Continue with the eUICC of another order; sessions of the others stay open.

    Args:
        to: the name of an order listed in the state ``euiccs``.
    """
    made = context.part(Euiccs).by_order
    if to not in made:
        raise VectorMistake(f"no eUICC is called {to!r}{closest(to, made)}; name it in the state euiccs")
    context.put_part(made[to])
    return Outcome()


@dataclass
class _Call:
    """One of several InitiateAuthentications, with a client of its own."""

    client: Es9Client
    body: dict[str, str]
    challenge: bytes
    reply: Es9Reply | None = None
    fault: Es9Error | None = None
    exchanges: list[HttpExchange] = field(default_factory=list)

    def connect(self) -> None:
        """Have the connection open before the moment comes, by a request that any server answers."""
        self.client.listener = self.exchanges.append
        self._send()

    def run(self, ready: threading.Barrier) -> None:
        ready.wait()
        self._send()

    def _send(self) -> None:
        try:
            self.reply = self.client.send(_FUNCTION, json.dumps(self.body).encode())
        except Es9Error as error:
            self.fault = error


@action("es9plus.initiate_at_once", response=_ANSWERS)
def initiate_at_once(context: Context, _message: Message, *, count: Annotated[int, Field(ge=2, le=64)] = 8) -> Outcome:
    """InitiateAuthentication over several connections at the same time; each answer must belong to its request.

    Args:
        count: number of connections.

    Returns:
        ``count`` is the number of answers.
    """
    calls = [_prepared(context) for _ in range(count)]
    try:
        for call in calls:
            call.connect()
        _raise_faults(calls)
        ready = threading.Barrier(count)
        with ThreadPoolExecutor(count) as pool:
            list(pool.map(lambda call: call.run(ready), calls))
        _raise_faults([call for call in calls if not isinstance(call.fault, ConnectionBroken)])
    finally:
        for call in calls:
            call.client.close()
            for exchange in call.exchanges:
                if context.on_http is not None:
                    context.on_http(exchange)
    return _outcome(calls)


def _prepared(context: Context) -> _Call:
    peer = context.part(EuiccPeer)
    request = peer.initiate_request()
    body = {
        "euiccChallenge": encode(request["euiccChallenge"]),
        "smdpAddress": request["smdpAddress"],
        "euiccInfo1": encode(codec.encode("EUICCInfo1", request["euiccInfo1"])),
    }
    return _Call(peer.access.new_client(peer.curve), body, request["euiccChallenge"])


def _raise_faults(calls: list[_Call]) -> None:
    for call in calls:
        if call.fault is not None:
            raise NotReachable(str(call.fault)) from call.fault


def _outcome(calls: list[_Call]) -> Outcome:
    answers: list[dict[str, Any]] = []
    mismatches: list[Mismatch] = []
    for number, call in enumerate(calls):
        if call.fault is not None or call.reply is None:
            answers.append({"status": "closed", "transactionId": None})
            continue
        value, faults = value_of(call.reply)
        mismatches += faults
        answers.append({"status": status_of(call.reply), "transactionId": value.get("transactionId")})
        echoed = (value.get("serverSigned1") or {}).get("euiccChallenge")
        if echoed != call.challenge:
            path = f"answers.{number}.serverSigned1.euiccChallenge"
            mismatches.append(Mismatch(path, f"{describe(call.challenge)} of its request", describe(echoed)))
    identifiers = [answer["transactionId"] for answer in answers]
    if len(set(identifiers)) != len(calls):
        mismatches.append(Mismatch("transactionId", f"{len(calls)} different ones", describe(identifiers)))
    value = {"count": len(answers), "answers": answers}
    return Outcome(value=value, shape=_ANSWERS, mismatches=tuple(mismatches))
