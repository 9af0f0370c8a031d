"""Runs one sequence on a simulator, with a mutant, with permitted variants, or as it is: what a worker process does."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Protocol, cast

from pytest_euicc.card.channel import Card
from pytest_euicc.card.identity import read_eid
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.runner import Runner, needs_operator, not_applicable
from pytest_euicc.conformance.files.vector import Case, Sequence
from pytest_euicc.harness import open_session
from pytest_euicc.iut.lpa.bench import SimulatedBench
from pytest_euicc.iut.lpa.own import OwnLpa, redeclared_lpa
from pytest_euicc.iut.simulated_euicc import redeclared
from pytest_euicc.iut.simulated_operator import SimulatedOperator
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.prove.targets import Side, Target
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc

SEED = "prove"
"""The same for every run, so that only the mutant or the variants make a difference."""


@dataclass(frozen=True)
class Job:
    """One run to do.

    Attributes:
        sequence: its id.
        mutant: the defect that is switched on.
        target: where to run it; empty: the first target on which it is applicable.
        variants: permitted variants that are switched on, sorted.
    """

    sequence: str
    mutant: str | None = None
    target: str = ""
    variants: tuple[str, ...] = ()

    @property
    def baseline(self) -> bool:
        """The simulator runs as it is."""
        return self.mutant is None and not self.variants


@dataclass(frozen=True)
class Outcome:
    """The result of one run.

    Attributes:
        target: where the sequence is applicable; empty if nowhere. One that is not applicable all the same lacks
            something that no declaration gives.
        verdict: inconclusive also for a run that hung, or that ended its process.
        reached: of a baseline: names of the defects and variants that the simulator asked for.
    """

    job: Job
    target: str
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0
    reached: frozenset[str] = frozenset()

    @property
    def sequence(self) -> str:
        """Id of the sequence."""
        return self.job.sequence

    @property
    def passed(self) -> bool:
        """Passed."""
        return self.verdict is Verdict.PASS

    @property
    def wrong(self) -> bool:
        """Failed or inconclusive."""
        return self.verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE)


class SequenceRunner(Protocol):
    """What runs sequences in a worker."""

    def run(self, job: Job) -> Outcome:
        """Run a sequence."""

    def close(self) -> None:
        """Close everything."""


@dataclass(frozen=True)
class Setup:
    """How a worker makes its runner."""

    side: Side
    cases: tuple[Case, ...]
    targets: tuple[Target, ...]

    def open(self) -> SequenceRunner:
        """The runner of the side."""
        runners: dict[Side, type[_SimulatorRunner]] = {"euicc": EuiccRunner, "smdp": SmdpRunner, "lpa": LpaRunner}
        return runners[self.side](self)


@dataclass
class Reached:
    """In place of a simulator's set of defects or variants: it records which names are asked for.

    Empty but for ``always``.

    A defect or variant changes nothing before the simulator asks for it. With the same seed a sequence that never asked
    for it runs the same with it switched on, so that this run can be left out. Simulators may ask by ``in`` alone;
    whatever else they did with a set would escape us, and raises TypeError.
    """

    names: set[str] = field(default_factory=set)
    always: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        self.names.add(name)
        return name in self.always

    def __bool__(self) -> bool:
        # Where a simulator first looks whether there are any at all, it has to go on and ask for them.
        return True


@dataclass(frozen=True)
class _Switches:
    """What is switched on in a run."""

    defects: frozenset[str]
    variants: frozenset[str]


def _switches(job: Job, target: Target, reached: Reached) -> _Switches:
    """What is switched on; in a baseline, what records the names that are asked for."""
    if job.baseline:
        recorder = cast("frozenset[str]", reached)
        return _Switches(recorder, recorder)
    mutants = frozenset() if job.mutant is None else frozenset({job.mutant})
    return _Switches(mutants, target.variants | frozenset(job.variants))


class _SimulatorRunner(ABC):
    """What all sides share: a session for each run, and one SM-DP+, which listens from its first use to the end."""

    def __init__(self, setup: Setup) -> None:
        self._sequences = by_id(setup.cases)
        self._targets = setup.targets
        self._pki = default_pki()
        self._smdp = SimulatedSmdp(self._pki)
        self._reasons: dict[tuple[str, str], str | None] = {}

    def run(self, job: Job) -> Outcome:
        """See SequenceRunner."""
        case, chosen = self._sequences[job.sequence]
        targets = [target for target in self._targets if job.target in ("", target.name)]
        ruled_out = {target.name: self._reason(target, case, chosen) for target in targets}
        lacking: Outcome | None = None
        for target in targets:
            if ruled_out[target.name]:
                continue
            reached = Reached(always=target.variants)
            result = Runner(self._session(target, job.sequence, _switches(job, target, reached))).run(case, chosen)
            names = frozenset(reached.names)
            outcome = Outcome(job, target.name, result.verdict, result.reason, result.seconds, names)
            if outcome.verdict is not Verdict.NOT_APPLICABLE:
                return outcome
            lacking = lacking or outcome
        reasons = "\n".join(f"{name}: {reason}" for name, reason in ruled_out.items())
        return lacking or Outcome(job, "", Verdict.NOT_APPLICABLE, reasons)

    def _reason(self, target: Target, case: Case, sequence: Sequence) -> str | None:
        key = (target.name, case.sequence_id(sequence))
        if key not in self._reasons:
            session = open_session(None, target.declaration, self._pki, self._smdp)
            self._reasons[key] = not_applicable(case, sequence, session)
        return self._reasons[key]

    @abstractmethod
    def _session(self, target: Target, sequence: str, switches: _Switches) -> Session:
        """A session for one run."""

    def close(self) -> None:
        """See SequenceRunner."""
        self._smdp.close()


class EuiccRunner(_SimulatorRunner):
    """Simulated eUICCs, a new one for every run; the SM-DP+ is for the sequences that download, as it is."""

    def _session(self, target: Target, sequence: str, switches: _Switches) -> Session:
        chance = Random(f"{SEED}:{sequence}").randbytes  # noqa: S311  (a test card: reproducible on purpose)
        euicc = SimulatedEuicc(
            target.settings, self._pki, defects=switches.defects, variants=switches.variants, random=chance
        )
        transport = SimTransport(euicc)
        card = Card(transport)
        card.connect()
        declaration = redeclared(target.declaration, euicc.settings, self._pki)
        session = open_session(card, declaration, self._pki, self._smdp, real_card=False, seed=SEED)
        if needs_operator(self._sequences[sequence][1]):
            session.eid = read_eid(transport)
            session.operator = SimulatedOperator(transport, self._pki)
        return session


class SmdpRunner(_SimulatorRunner):
    """One simulated SM-DP+, whose defects and variants are switched; every sequence finds it without orders."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        # It starts as it is: Reached is not for its constructor, which compares names with those it knows.
        self._smdp.begin(0)

    def _session(self, target: Target, sequence: str, switches: _Switches) -> Session:  # noqa: ARG002
        self._smdp.defects, self._smdp.variants = switches.defects, switches.variants
        return open_session(None, target.declaration, self._pki, self._smdp, real_card=False, seed=SEED)


class LpaRunner(_SimulatorRunner):
    """Our own LPA, whose defects and variants are switched, between card and servers of a bench."""

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._driver = OwnLpa()
        self._bench = SimulatedBench(self._driver, self._pki)

    def _session(self, target: Target, sequence: str, switches: _Switches) -> Session:  # noqa: ARG002
        self._driver.defects, self._driver.variants = switches.defects, switches.variants
        declaration = redeclared_lpa(target.declaration, switches.variants)
        return Session(declaration=declaration, real_card=False, pki=self._pki, bench=self._bench, seed=SEED)


def by_id(cases: tuple[Case, ...]) -> Mapping[str, tuple[Case, Sequence]]:
    """Sequences with their cases."""
    return {case.sequence_id(sequence): (case, sequence) for case in cases for sequence in case.sequences}
