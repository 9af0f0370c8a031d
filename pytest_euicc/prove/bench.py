"""Runs one sequence on a simulator with one defect, or with none: what a worker process has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol, cast

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.context import Session
from pytest_euicc.conformance.events import Result, Verdict
from pytest_euicc.conformance.model import Case, Sequence
from pytest_euicc.conformance.runner import Runner, not_applicable
from pytest_euicc.harness import open_session
from pytest_euicc.prove.asked import Asked
from pytest_euicc.prove.variants import Side, Variant
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc import SimulatedEuicc
from pytest_euicc.smdp_access import SimulatedSmdp

SEED = "prove"
"""The same for the run without defects and all others, so that only the defect makes a difference."""


@dataclass(frozen=True)
class Outcome:
    """One run.

    Attributes:
        defect: None for the run without defects.
        variant: where the sequence is applicable; empty if nowhere. One that is not applicable all the same lacks
            something that no declaration gives.
        verdict: inconclusive also for a run that hung, or that ended its process.
        met: without defects: names of the defects that the simulator asked for.
    """

    sequence: str
    defect: str | None
    variant: str
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    met: frozenset[str] = frozenset()


class Bench(Protocol):
    """What runs sequences in a worker."""

    def run(self, sequence: str, defect: str | None) -> Outcome:
        """Run a sequence by its id, on the first variant on which it is applicable."""

    def close(self) -> None:
        """Let go of everything."""


@dataclass(frozen=True)
class Setup:
    """How a worker makes its bench."""

    side: Side
    cases: tuple[Case, ...]
    variants: tuple[Variant, ...]

    def open(self) -> Bench:
        """The bench of the side."""
        return EuiccBench(self) if self.side == "euicc" else SmdpBench(self)


class _SimulatorBench:
    """What both sides share: a session for each run, and one SM-DP+, which listens from its first use to the end."""

    def __init__(self, setup: Setup) -> None:
        self._sequences = by_id(setup.cases)
        self._variants = setup.variants
        self._pki = default_pki()
        self._smdp = SimulatedSmdp(self._pki)

    def run(self, sequence: str, defect: str | None) -> Outcome:
        """See Bench."""
        case, chosen = self._sequences[sequence]
        asked = Asked()
        defects = cast("frozenset[str]", asked) if defect is None else frozenset({defect})
        reasons = []
        lacking: Outcome | None = None
        for variant in self._variants:
            session = self._session(variant, sequence, defects)
            reason = not_applicable(case, chosen, session)
            if reason:
                reasons.append(f"{variant.name}: {reason}")
                continue
            found = outcome(Runner(session).run(case, chosen), defect, variant, asked)
            if found.verdict is not Verdict.NOT_APPLICABLE:
                return found
            lacking = lacking or found
        return lacking or Outcome(sequence, defect, "", Verdict.NOT_APPLICABLE, "\n".join(reasons))

    def _session(self, variant: Variant, sequence: str, defects: frozenset[str]) -> Session:
        raise NotImplementedError

    def close(self) -> None:
        """See Bench."""
        self._smdp.close()


class EuiccBench(_SimulatorBench):
    """Simulated eUICCs, a new one for every run; the SM-DP+ is for the sequences that download, without defects."""

    def _session(self, variant: Variant, sequence: str, defects: frozenset[str]) -> Session:
        chance = Random(f"{SEED}:{sequence}").randbytes  # noqa: S311  (a test card: reproducible on purpose)
        euicc = SimulatedEuicc(variant.settings, self._pki, defects=defects, random=chance)
        card = Card(SimTransport(euicc))
        card.connect()
        return open_session(card, variant.declaration, self._pki, self._smdp, real_card=False, seed=SEED)


class SmdpBench(_SimulatorBench):
    """One simulated SM-DP+, whose defects are switched; every sequence finds it without orders and sessions."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        # It starts without defects: Asked is not for its constructor, which compares them with those it knows.
        self._smdp.begin(0)

    def _session(self, variant: Variant, sequence: str, defects: frozenset[str]) -> Session:  # noqa: ARG002
        self._smdp.defects = defects
        return open_session(None, variant.declaration, self._pki, self._smdp, real_card=False, seed=SEED)


def by_id(cases: tuple[Case, ...]) -> Mapping[str, tuple[Case, Sequence]]:
    """Sequences with their cases."""
    return {case.sequence_id(sequence): (case, sequence) for case in cases for sequence in case.sequences}


def outcome(result: Result, defect: str | None, variant: Variant, asked: Asked) -> Outcome:
    """What is kept of a result."""
    return Outcome(
        result.id, defect, variant.name, result.verdict, result.reason, result.seconds, frozenset(asked.names)
    )
