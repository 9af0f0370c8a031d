"""The bench of the session, as states and actions of an LPA under test use it."""

from __future__ import annotations

from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.peers.lpa.bench import LpaBench


def bench_of(context: Context) -> LpaBench:
    """The bench; raises VectorMistake where the session is not one with an LPA."""
    bench = context.session.bench
    if not isinstance(bench, LpaBench):
        raise VectorMistake("states and actions of lpad are for cases with iut: lpa")
    return bench
