"""Runs one sequence on a simulator with one defect or none, in a worker process."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Protocol, cast

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Result, Verdict
from pytest_euicc.conformance.engine.runner import Runner, not_applicable
from pytest_euicc.conformance.files.vector import Case, Sequence
from pytest_euicc.harness import open_session
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.prove.targets import Side, Variant
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc

SEED = "prove"
"""The same for the run without defects and all others, so that only the defect makes a difference."""


@dataclass(frozen=True)
class Job:
    """One run to do.

    Attributes:
        sequence: its id.
        defect: None for the run without defects.
        variant: where to run it; empty: on the first one on which it is applicable.
    """

    sequence: str
    defect: str | None = None
    variant: str = ""


@dataclass(frozen=True)
class Outcome:
    """The result of one run.

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

    def run(self, job: Job) -> Outcome:
        """Run a sequence."""

    def close(self) -> None:
        """Close everything."""


@dataclass(frozen=True)
class Setup:
    """How a worker makes its bench."""

    side: Side
    cases: tuple[Case, ...]
    variants: tuple[Variant, ...]

    def open(self) -> Bench:
        """The bench of the side."""
        return EuiccBench(self) if self.side == "euicc" else SmdpBench(self)


class _SimulatorBench(ABC):
    """What both sides share: a session for each run, and one SM-DP+, which listens from its first use to the end."""

    def __init__(self, setup: Setup) -> None:
        self._sequences = by_id(setup.cases)
        self._variants = setup.variants
        self._pki = default_pki()
        self._smdp = SimulatedSmdp(self._pki)
        self._reasons: dict[tuple[str, str], str | None] = {}

    def run(self, job: Job) -> Outcome:
        """See Bench."""
        case, chosen = self._sequences[job.sequence]
        asked = Asked()
        defects = cast("frozenset[str]", asked) if job.defect is None else frozenset({job.defect})
        ruled_out = {variant.name: self._reason(variant, case, chosen) for variant in self._variants}
        lacking: Outcome | None = None
        for variant in self._variants:
            if ruled_out[variant.name] or job.variant not in ("", variant.name):
                continue
            result = Runner(self._session(variant, job.sequence, defects)).run(case, chosen)
            outcome = _outcome(result, job.defect, variant, asked)
            if outcome.verdict is not Verdict.NOT_APPLICABLE:
                return outcome
            lacking = lacking or outcome
        reasons = "\n".join(f"{name}: {reason}" for name, reason in ruled_out.items())
        return lacking or Outcome(job.sequence, job.defect, "", Verdict.NOT_APPLICABLE, reasons)

    def _reason(self, variant: Variant, case: Case, sequence: Sequence) -> str | None:
        key = (variant.name, case.sequence_id(sequence))
        if key not in self._reasons:
            session = open_session(None, variant.declaration, self._pki, self._smdp)
            self._reasons[key] = not_applicable(case, sequence, session)
        return self._reasons[key]

    @abstractmethod
    def _session(self, variant: Variant, sequence: str, defects: frozenset[str]) -> Session:
        """A session for one run."""

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


def _outcome(result: Result, defect: str | None, variant: Variant, asked: Asked) -> Outcome:
    """The part of a result that is kept."""
    return Outcome(
        result.id, defect, variant.name, result.verdict, result.reason, result.seconds, frozenset(asked.names)
    )


@dataclass
class Asked:
    """In place of a simulator's set of defects: contains none, and records which ones are asked for.

    A defect changes nothing before the simulator asks for it. With the same seed a sequence that never asked for a
    defect runs the same with it switched on, so that this run can be left out. Simulators may ask by ``in`` alone;
    whatever else they did with a set would escape us, and raises TypeError.
    """

    names: set[str] = field(default_factory=set)

    def __contains__(self, name: str) -> bool:
        self.names.add(name)
        return False

    def __bool__(self) -> bool:
        # Where a simulator first looks whether there are defects at all, it has to go on and ask for them.
        return True
