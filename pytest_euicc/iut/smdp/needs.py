"""Which profiles an SM-DP+ must hold for a run: what the states of all applicable sequences ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import NoReturn

from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.errors import InconclusiveError, NotReachable
from pytest_euicc.conformance.engine.registry import STATES
from pytest_euicc.conformance.engine.runner import not_applicable
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.orders import Curve, HeldOrder, OrderWish
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.rsp.pki import Pki


@dataclass(frozen=True)
class Need:
    """A profile that a sequence needs."""

    sequence: str
    title: str
    wish: OrderWish


class _PlanningServer:
    """In place of an SM-DP+: records what is asked for and serves nothing."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.addresses = (address,)
        self.simulated = False
        self.wishes: list[OrderWish] = []

    def begin(self, _seed: int) -> None:
        self.wishes.clear()

    def offer(self, wish: OrderWish) -> HeldOrder:
        self.wishes.append(wish)
        return HeldOrder(wish.matching_id or "", wish.confirmation_code)

    def client(self, curve: Curve) -> NoReturn:
        raise NotReachable(f"nothing is called while a run is planned ({curve})")

    new_client = endpoint = client

    def take_missing(self) -> list[OrderWish]:
        return []

    def close(self) -> None:
        """Nothing to close."""


def needs(cases: Iterable[Case], declaration: Declaration, pki: Pki, address: str) -> list[Need]:
    """What all applicable sequences for an SM-DP+ ask for, in their order.

    Args:
        pki: whose eUICC the profiles are for.
        address: smdpAddress.
    """
    library.load()
    return list(_needs(cases, declaration, pki, address))


def _needs(cases: Iterable[Case], declaration: Declaration, pki: Pki, address: str) -> Iterator[Need]:
    server = _PlanningServer(address)
    session = Session(None, declaration, real_card=False, pki=pki, smdp=server)
    for case in cases:
        for sequence in case.sequences if case.iut == "smdp" else ():
            if not_applicable(case, sequence, session):
                continue
            name = case.sequence_id(sequence)
            context = Context(session, name)
            for call in sequence.given:
                # A state that calls the server is not reached here; it asks for its profile before that.
                with suppress(InconclusiveError):
                    next(STATES.get(call.name)(context, context.resolve(call.arguments)))
            yield from (Need(name, sequence.title, wish) for wish in server.wishes)
            server.wishes.clear()
