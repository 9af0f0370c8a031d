"""ES10b.LoadCRL: the tester takes the place of the CI and issues the lists; arguments say what is to be wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import SetupIncomplete
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action
from pytest_euicc.conformance.files.orders import Curve
from pytest_euicc.interfaces.es10.functions import outcome_of
from pytest_euicc.peers.smdp.session import SmdpPeer
from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.rsp.crl import issue_crl
from pytest_euicc.rsp.issuing import Identity

Revocable = Literal["dpauth", "dppb", "second-dpauth", "second-dppb"]
"""Certificates of the two test SM-DP+ of the tester."""
Malformed = Literal["no-number", "no-issuer-key", "unknown-critical-extension", "not-a-list"]
_MOST_IN_A_SEQUENCE = 100
_MOST_SEQUENCES = 100
_NOT_A_LIST = bytes.fromhex("3003020105")


@action("es10b.load_crl", request="LoadCRLRequest", response="LoadCRLResponse", changes=True)
def load_crl(
    context: Context,
    message: Message,
    *,
    number: Annotated[int, Field(ge=0, lt=_MOST_IN_A_SEQUENCE)] = 1,
    revoked: list[Revocable] | None = None,
    issuer: Literal["ci", "unknown"] = "ci",
    curve: Curve | None = None,
    part: Annotated[int, Field(ge=1)] | None = None,
    parts: Annotated[int, Field(ge=1)] | None = None,
    base: Annotated[int, Field(ge=0, lt=_MOST_IN_A_SEQUENCE)] | None = None,
    lifted: list[Revocable] | None = None,
    break_signature: bool = False,
    malformed: Malformed | None = None,
) -> Outcome:
    """ES10b.LoadCRL of a CRL issued for the step (SGP.22 5.7.12).

    Args:
        number: the CRL number, counted within the sequence. The number sent is higher than those of all earlier
            sequences and runs, so that a card which keeps its CRLs accepts it.
        revoked: certificates of the tester's two SM-DP+ that the CRL lists.
        issuer: the CI, or one that the eUICC does not know.
        curve: of the CI; by default that of the session.
        part: number of a partial CRL.
        parts: how many partial CRLs there are; by default ``part``.
        base: makes it a delta CRL to the CRL of this number.
        lifted: certificates that a delta CRL removes from the list.
        break_signature: ``true``: the signature is wrong.
        malformed: what else is wrong with the CRL.
    """
    peer, curve = context.part(SmdpPeer), curve or context.declaration.curve
    numbers = context.part(_Numbers)
    first = numbers.run + numbers.sequence
    crl = issue_crl(
        _authority(peer, issuer, curve),
        [_certificate(peer, name, curve) for name in revoked or []],
        number=None if malformed == "no-number" else first + number,
        part=None if part is None else (part, parts or part),
        base=None if base is None else first + base,
        lifted=[_certificate(peer, name, curve) for name in lifted or []],
        at=context.session.started - timedelta(days=1) + timedelta(seconds=numbers.sequence + number),
        name_issuer=malformed != "no-issuer-key",
        unknown_extension=malformed == "unknown-critical-extension",
        break_signature=break_signature,
    )
    request = message.encode("LoadCRLRequest", {"crl": _NOT_A_LIST if malformed == "not-a-list" else crl})
    return outcome_of(context.isdr(message.channel).send("load_crl", request.octets), request.value)


@dataclass(frozen=True)
class _Numbers:
    """CRL numbers below those of this sequence: by the start of the run, and within it."""

    run: int
    sequence: int

    @classmethod
    def start(cls, context: Context) -> _Numbers:
        """By the number of the sequence, so that a part of a recording can be replayed; higher after a later one."""
        digits = context.sequence_id.rpartition("_")[2]
        own = int(digits) % _MOST_SEQUENCES if digits.isdecimal() else 0
        place = context.session.lists_issued = max(own, context.session.lists_issued + 1)
        run = int(context.session.started.timestamp()) * _MOST_SEQUENCES
        return cls(run * _MOST_IN_A_SEQUENCE, place * _MOST_IN_A_SEQUENCE)


def _authority(peer: SmdpPeer, issuer: str, curve: str) -> Identity:
    try:
        return peer.pki.authority(curve, 1 if issuer == "ci" else 2)
    except Exception as error:
        raise SetupIncomplete(f"no list of the CI on {curve} can be issued: {error}") from error


def _certificate(peer: SmdpPeer, name: str, curve: str) -> Certificate:
    role = Role.DP_PB if name.endswith("dppb") else Role.DP_AUTH
    try:
        return peer.pki.server(role, curve, 2 if name.startswith("second") else 1).certificate
    except Exception as error:
        raise SetupIncomplete(f"no certificate {name} on {curve} to revoke: {error}") from error
