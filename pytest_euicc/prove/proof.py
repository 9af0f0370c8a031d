"""What the runs of one side show: which sequences kill which mutant, which fail on a permitted variant."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.prove.enough import Pair, pairs
from pytest_euicc.prove.permitted import Permitted
from pytest_euicc.prove.runner import Job, Outcome, by_id
from pytest_euicc.prove.targets import Side
from pytest_euicc.prove.workers import Portion, Workers
from pytest_euicc.simulator.defect import Defect
from pytest_euicc.simulator.variant import Variant

MANY = 20
"""A mutant that this number of sequences kill disturbs nearly everything."""
_PORTION = 40
"""Runs of a portion: small enough that workers end together, large enough that handing out costs nothing."""
_OFTEN = 25
_MINIMISED = 20
"""Combinations that are made smaller; more of them have the same causes."""


@dataclass
class Proof:
    """The proof of one side.

    Attributes:
        cases: the sequences that were chosen, with their cases.
        targets: names of the declared implementations, in order of preference.
        defects: the defects that were chosen, each a mutant of the simulator.
        variants: the permitted variants that were chosen.
        alone: variants are switched on one by one as well as in combinations.
        enough: run what is enough to know what holds: fewer pairs, variants in groups (prove/enough.py).
        judges_mutants: all sequences ran, or the defects were named: a mutant that survives is a hole.
        judges_sequences: all defects were switched on, or the sequences were named: one that kills none is idle.
        judges_variants: all sequences ran with all variants: a variant that none reaches is open.
        baseline: outcomes of the simulator as it is, by target and sequence.
        runs: outcomes with a mutant, by mutant and sequence; pairs that never meet are not run.
    """

    side: Side
    cases: tuple[Case, ...]
    targets: tuple[str, ...]
    defects: Mapping[str, Defect]
    variants: Mapping[str, Variant] = field(default_factory=dict)
    combinations: Sequence[tuple[str, ...]] = ()
    seed: str = ""
    alone: bool = True
    enough: bool = False
    judges_mutants: bool = True
    judges_sequences: bool = True
    judges_variants: bool = True
    baseline: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    runs: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    complete: bool = False
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.sequences = by_id(self.cases)
        self.permitted = Permitted(
            self.variants, self.combinations, self.seed, self.baseline, alone=self.alone, enough=self.enough
        )

    # ------------------------------------------------------------------ running

    def run(self, workers: Workers, every_pair: bool, tell: Callable[[int, int, str], None]) -> None:
        """Run everything; the results up to an interruption are kept.

        Args:
            every_pair: also the pairs whose mutant the sequence never reaches.
        """
        done = 0

        def outcomes(jobs: Iterable[Job], what: str) -> Iterator[Outcome]:
            nonlocal done
            ordered = list(jobs)
            for at, outcome in enumerate(workers.work(_portions(ordered)), 1):
                if at % _OFTEN == 0:
                    tell(at, len(ordered), f"{self.side}, runs {what}")
                yield outcome
            done += len(ordered)

        everywhere = (Job(name, target=target) for target in self.targets for name in self.sequences)
        for outcome in outcomes(everywhere, "as it is"):
            self.baseline[outcome.job.target, outcome.sequence] = outcome
        mutated = {(name, job.sequence): job for name in self.defects for job in self._mutant_jobs(name, every_pair)}
        for jobs in self._rounds(mutated) if self.enough else [mutated.values()]:
            for outcome in outcomes(jobs, "mutated"):
                self.runs[outcome.job.mutant or "", outcome.sequence] = outcome
        for outcome in outcomes(self.permitted.jobs(self.green), "varied"):
            self.permitted.keep(outcome)
        for outcome in outcomes(self.permitted.one_by_one(), "with one variant each"):
            self.permitted.keep(outcome)
        for outcome in self.permitted.unexplained[:_MINIMISED]:
            self.permitted.minimal[outcome.job] = self._smallest(workers, outcome.job)
        self.complete = True

    def _mutant_jobs(self, defect: str, every_pair: bool) -> Iterator[Job]:
        """Where a sequence passed as it is, it is run with a mutant."""
        for name in self.green:
            clean = self.clean(name)
            if clean is not None and (every_pair or defect in clean.reached):
                yield Job(name, defect, clean.target)

    def _rounds(self, mutated: Mapping[Pair, Job]) -> Iterator[list[Job]]:
        """The runs of each round, chosen by what the rounds before have shown."""
        met: dict[str, list[str]] = {}
        for defect, sequence in mutated:
            met.setdefault(defect, []).append(sequence)
        clauses = {name: set(case.clause_list(sequence)) for name, (case, sequence) in self.sequences.items()}
        alike = {pair for pair in mutated if _clause(self.defects[pair[0]]) in clauses[pair[1]]}
        for number in count():
            killed = {pair for pair, outcome in self.runs.items() if outcome.verdict is Verdict.FAIL}
            chosen = pairs(met, alike, number, self.runs.keys(), killed)
            if not chosen:
                return
            yield [mutated[pair] for pair in chosen]

    def _smallest(self, workers: Workers, job: Job) -> Job:
        """A run with as few of the variants as go wrong together."""
        smaller = list(self.permitted.smaller(job))
        wrong = [outcome.job for outcome in workers.work([tuple(smaller)]) if outcome.wrong]
        return self._smallest(workers, wrong[0]) if wrong else job

    # ------------------------------------------------------------------ the simulator as it is

    def clean(self, sequence: str) -> Outcome | None:
        """The outcome on the first target on which a sequence runs; not applicable where it runs on none."""
        found = [self.baseline[key] for target in self.targets if (key := (target, sequence)) in self.baseline]
        ran = [outcome for outcome in found if outcome.verdict is not Verdict.NOT_APPLICABLE]
        applicable = [outcome for outcome in found if outcome.target]
        return next(iter(ran or applicable or found), None)

    @property
    def green(self) -> list[str]:
        """Sequences that pass on the simulator as it is."""
        return [name for name in self.sequences if (o := self.clean(name)) is not None and o.passed]

    @property
    def not_green(self) -> list[Outcome]:
        """Runs on a declared implementation that failed or were inconclusive."""
        return [outcome for outcome in self.baseline.values() if outcome.wrong]

    @property
    def nowhere(self) -> list[Outcome]:
        """Sequences that every target rules out: one that does not is missing."""
        return [outcome for outcome in self._not_applicable() if not outcome.target]

    @property
    def lacking(self) -> list[Outcome]:
        """Sequences that were not run because something from outside was not given, such as a published profile."""
        return [outcome for outcome in self._not_applicable() if outcome.target]

    def _not_applicable(self) -> list[Outcome]:
        found = (self.clean(name) for name in self.sequences)
        return [o for o in found if o is not None and o.verdict is Verdict.NOT_APPLICABLE]

    # ------------------------------------------------------------------ mutants

    def killed_by(self, defect: str) -> list[str]:
        """Sequences that fail with a mutant and pass without."""
        return self._with(defect, (Verdict.FAIL,))

    def inconclusive_with(self, defect: str) -> list[str]:
        """Sequences that cannot be judged with a mutant: inconclusive, or not applicable to what the card says then."""
        return self._with(defect, (Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE))

    def _with(self, defect: str, verdicts: tuple[Verdict, ...]) -> list[str]:
        return [n for n in self.sequences if (o := self.runs.get((defect, n))) is not None and o.verdict in verdicts]

    def reached_by(self, defect: str) -> list[str]:
        """Sequences during which the simulator asks for a defect."""
        return [name for name in self.sequences if (o := self.clean(name)) is not None and defect in o.reached]

    @property
    def inconclusive(self) -> list[Outcome]:
        """Runs with a mutant that could not be judged, by defect."""
        return [self.runs[defect, name] for defect in self.defects for name in self.inconclusive_with(defect)]

    def kills(self, sequence: str) -> list[str]:
        """Mutants that a sequence kills."""
        return [d for d in self.defects if (o := self.runs.get((d, sequence))) and o.verdict is Verdict.FAIL]

    @property
    def survived(self) -> list[str]:
        """Mutants that no sequence kills."""
        return [name for name in self.defects if not self.killed_by(name)]

    @property
    def idle(self) -> list[str]:
        """Sequences that pass on the simulator as it is and kill no mutant."""
        return [name for name in self.green if not self.kills(name)]

    def rarest(self, sequence: str) -> int:
        """How many sequences kill the mutant of this one that the fewest do; 0 if it kills none.

        1: it is the only one that kills some mutant. A high number: it kills only what disturbs nearly everything,
        and would not be missed.
        """
        return min((len(self.killed_by(defect)) for defect in self.kills(sequence)), default=0)

    @property
    def blunt(self) -> list[str]:
        """Sequences that kill mutants, but only ones that many others kill as well."""
        return [name for name in self.green if self.rarest(name) >= MANY]

    # ------------------------------------------------------------------ all together

    @property
    def holds(self) -> bool:
        """Everything was run, all is green, and nothing that was to be judged is open."""
        mutants = self.survived if self.judges_mutants else []
        sequences = self.idle if self.judges_sequences else []
        variants = self.permitted.unreached if self.judges_variants else []
        open_lists = (self.not_green, self.nowhere, mutants, sequences, self.permitted.wrong, variants)
        return self.complete and not any(open_lists)

    def data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "side": self.side,
            "complete": self.complete,
            "holds": self.holds,
            "enough": self.enough,
            "seconds": round(self.seconds, 3),
            "runs": len(self.baseline) + len(self.runs) + len(self.permitted.runs),
            "not_green": [
                {"sequence": o.sequence, "target": o.target, "verdict": str(o.verdict), "reason": o.reason}
                for o in self.not_green
            ],
            "mutants": [
                {
                    "name": name,
                    "sentence": defect.sentence,
                    "clause": defect.clause,
                    "killed_by": self.killed_by(name),
                    "inconclusive": {s: self.runs[name, s].reason for s in self.inconclusive_with(name)},
                    "reached_by": len(self.reached_by(name)),
                }
                for name, defect in self.defects.items()
            ],
            "sequences": [
                {
                    "id": name,
                    "title": sequence.title,
                    "clauses": case.clause_list(sequence),
                    "target": clean.target,
                    "targets": [t for t in self.targets if (o := self.baseline.get((t, name))) and o.passed],
                    "verdict": str(clean.verdict),
                    "reason": clean.reason,
                    "kills": self.kills(name),
                    "rarest": self.rarest(name),
                }
                for name, (case, sequence) in self.sequences.items()
                if (clean := self.clean(name)) is not None
            ],
            "survived": self.survived if self.judges_mutants else None,
            "idle": self.idle if self.judges_sequences else None,
            "permitted": self.permitted.data(),
        }


def _clause(defect: Defect) -> str:
    """The clause of a defect as a list of clauses has it; those of SGP.22 are without its name."""
    return f"SGP.22 {defect.clause}" if defect.clause[:1].isdigit() else defect.clause


def _portions(jobs: Iterable[Job]) -> Iterator[Portion]:
    ordered = list(jobs)
    for at in range(0, len(ordered), _PORTION):
        yield tuple(ordered[at : at + _PORTION])
