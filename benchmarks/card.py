"""What the eUICC suite asks of a card: with snapshots, and of a card in a reader, that only commands put back."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.harness import Harness, open_harness
from pytest_euicc.iut.inputs import load_cases
from pytest_euicc.lab.card_time import CardTime, CardWork, Counting
from pytest_euicc.lab.order import for_card
from pytest_euicc.options import Options
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport

_SEED = "bench"
_SHOWN = 25


class _InReader:
    """The simulated eUICC without its snapshots."""

    def __init__(self, inner: SimTransport) -> None:
        self._inner = inner
        self.description, self.protocol = inner.description, inner.protocol

    @property
    def atr(self) -> bytes:
        return self._inner.atr

    def connect(self) -> None:
        self._inner.connect()

    def transmit(self, apdu: bytes) -> bytes:
        return self._inner.transmit(apdu)

    def reset(self) -> bytes:
        return self._inner.reset()

    def close(self) -> None:
        self._inner.close()


def opened(*, snapshots: bool) -> Harness:
    """A session with the simulated eUICC, or with one that knows neither snapshots nor commands that put it back."""
    harness = open_harness(Options(seed=_SEED))
    if not snapshots:
        session, transport = harness.session, harness.card.transport
        assert isinstance(transport, SimTransport)
        session.declaration = session.declaration.model_copy(update={"restore": []})
        session.card = Card(_InReader(transport))
        session.card.connect()
    return harness


def count(*, snapshots: bool) -> Counting:
    """The eUICC suite; a card in a reader gets it in the order that takes least from it, as by ``--euicc-order``."""
    harness, counting = opened(snapshots=snapshots), Counting()
    runner = Runner(harness.session, [counting])
    try:
        pairs = [(case, one) for case in load_cases(Options()) if case.iut == "euicc" for one in case.sequences]
        for case, sequence in pairs if snapshots else for_card(pairs, lambda pair: pair[1]):
            result = runner.run(case, sequence)
            if result.verdict is Verdict.NOT_APPLICABLE and not result.apdus:
                del counting.by_sequence[result.id]
            elif result.verdict not in (Verdict.PASS, Verdict.NOT_APPLICABLE):
                raise SystemExit(f"{result.id}: {result.verdict}: {result.reason}")
    finally:
        harness.close()
    return counting


def lines() -> Iterator[str]:
    """Figures of one run each."""
    kept, reader = count(snapshots=True), count(snapshots=False)
    yield from _figures("with snapshots", kept)
    yield from _figures("in a reader", reader)
    more, less = reader.total, kept.total
    yield f"in a reader / with snapshots: APDUs {more.apdus / less.apdus:.2f} ×, loads {more.loads / less.loads:.2f} ×"
    yield f"    {'by cause: APDUs, sessions, loads':<52}{'with snapshots':>20}{'in a reader':>20}"
    causes = sorted(
        reader.by_cause.keys() | kept.by_cause.keys(), key=lambda name: -CardTime().seconds(reader.by_cause[name])
    )
    for name in causes[:_SHOWN]:
        yield f"    {name:<52}{_shown(kept.by_cause[name]):>20}{_shown(reader.by_cause[name]):>20}"


def _figures(what: str, counting: Counting) -> Iterator[str]:
    total, sequences = counting.total, len(counting.by_sequence)
    yield (
        f"{what}: {sequences} sequences, {total.apdus} APDUs ({total.apdus / sequences:.1f} each), "
        f"{total.authentications} RSP sessions, {total.loads} loads: {CardTime().seconds(total) / 60:.1f} min on a card"
    )


def _shown(work: CardWork) -> str:
    return f"{work.apdus} {work.authentications} {work.loads}"
