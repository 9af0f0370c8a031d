"""What the runs of one side show: which sequences find which defect, and what is left open."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.prove.runner import Job, Outcome, by_id
from pytest_euicc.prove.targets import Side
from pytest_euicc.prove.workers import Crew, Portion
from pytest_euicc.simulator.defect import Defect

MANY = 20
"""A defect found by this number of sequences disturbs nearly everything."""
_PORTION = 40
"""Runs of a portion: small enough that workers end together, large enough that handing out costs nothing."""


@dataclass
class Proof:
    """The proof of one side.

    Attributes:
        cases: the sequences that were chosen, with their cases.
        defects: the defects that were chosen.
        judges_defects: all sequences ran, or the defects were named: a defect that none finds is a hole.
        judges_sequences: all defects were switched on, or the sequences were named: one that finds none is idle.
        clean: outcomes without defects, by sequence.
        runs: outcomes with a defect, by defect and sequence; pairs that never meet are not run.
    """

    side: Side
    cases: tuple[Case, ...]
    defects: Mapping[str, Defect]
    judges_defects: bool = True
    judges_sequences: bool = True
    clean: dict[str, Outcome] = field(default_factory=dict)
    runs: dict[tuple[str, str], Outcome] = field(default_factory=dict)
    complete: bool = False
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.sequences = by_id(self.cases)

    # ------------------------------------------------------------------ running

    def run(self, crew: Crew, every_pair: bool, tell: Callable[[str], None]) -> None:
        """Run everything; the results up to an interruption are kept.

        Args:
            every_pair: also the pairs whose defect the sequence never meets.
        """
        for outcome in crew.work(_portions(Job(name) for name in self.sequences)):
            self.clean[outcome.sequence] = outcome
        jobs = [job for defect in self.defects for job in self._jobs(defect, every_pair)]
        for outcome in crew.work(_portions(jobs)):
            self.runs[outcome.defect or "", outcome.sequence] = outcome
            if len(self.runs) % 100 == 0:
                tell(f"{self.side}: {len(self.runs)} of {len(jobs)} runs")
        self.complete = True

    def _jobs(self, defect: str, every_pair: bool) -> Iterator[Job]:
        """Where a sequence passed without defects, it is run with one."""
        for name in self.green:
            if every_pair or defect in self.clean[name].met:
                yield Job(name, defect, self.clean[name].variant)

    # ------------------------------------------------------------------ what it shows

    @property
    def green(self) -> list[str]:
        """Sequences that pass without defects."""
        return [name for name in self.sequences if self._clean_verdict(name) is Verdict.PASS]

    @property
    def not_green(self) -> list[Outcome]:
        """Runs without defects that failed or were inconclusive."""
        wrong = (Verdict.FAIL, Verdict.INCONCLUSIVE)
        return [self.clean[name] for name in self.sequences if self._clean_verdict(name) in wrong]

    @property
    def nowhere(self) -> list[Outcome]:
        """Sequences that every variant rules out: one that does not is missing."""
        return [outcome for outcome in self._not_applicable() if not outcome.variant]

    @property
    def lacking(self) -> list[Outcome]:
        """Sequences that were not run because something from outside was not given, such as a published profile."""
        return [outcome for outcome in self._not_applicable() if outcome.variant]

    def _not_applicable(self) -> list[Outcome]:
        return [self.clean[n] for n in self.sequences if self._clean_verdict(n) is Verdict.NOT_APPLICABLE]

    def _clean_verdict(self, sequence: str) -> Verdict | None:
        """None before it ran."""
        return self.clean[sequence].verdict if sequence in self.clean else None

    def found_by(self, defect: str) -> list[str]:
        """Sequences that fail with a defect and pass without."""
        return self._with(defect, (Verdict.FAIL,))

    def inconclusive_with(self, defect: str) -> list[str]:
        """Sequences that cannot be judged with a defect: inconclusive, or not applicable to what the card says then."""
        return self._with(defect, (Verdict.INCONCLUSIVE, Verdict.NOT_APPLICABLE))

    def _with(self, defect: str, verdicts: tuple[Verdict, ...]) -> list[str]:
        return [
            name
            for name in self.sequences
            if (outcome := self.runs.get((defect, name))) is not None and outcome.verdict in verdicts
        ]

    def met_by(self, defect: str) -> list[str]:
        """Sequences during which the simulator asks for a defect."""
        return [name for name in self.sequences if name in self.clean and defect in self.clean[name].met]

    @property
    def inconclusive(self) -> list[Outcome]:
        """Runs with a defect that could not be judged, by defect."""
        return [self.runs[defect, name] for defect in self.defects for name in self.inconclusive_with(defect)]

    def grouped(self, sequences: Iterable[str]) -> list[tuple[str, list[str]]]:
        """Sequences as their cases with their numbers."""
        groups: dict[str, list[str]] = {}
        for name in sequences:
            case, sequence = self.sequences[name]
            groups.setdefault(case.case, []).append(sequence.id)
        return list(groups.items())

    def unjudged(self) -> list[tuple[str, str, list[str]]]:
        """The same in groups: defect, reason, sequences."""
        groups: dict[tuple[str, str], list[str]] = {}
        for outcome in self.inconclusive:
            groups.setdefault((outcome.defect or "", outcome.reason), []).append(outcome.sequence)
        return [(defect, reason, sequences) for (defect, reason), sequences in groups.items()]

    def by_case(self, defect: str) -> list[tuple[int, bool]]:
        """For each case how many of its sequences find a defect, and whether one meets it."""
        found, met = set(self.found_by(defect)), set(self.met_by(defect))
        ours = [{case.sequence_id(sequence) for sequence in case.sequences} for case in self.cases]
        return [(len(names & found), bool(names & met)) for names in ours]

    def finds(self, sequence: str) -> list[str]:
        """Defects that a sequence finds."""
        return [d for d in self.defects if (o := self.runs.get((d, sequence))) and o.verdict is Verdict.FAIL]

    @property
    def unfound(self) -> list[str]:
        """Defects that no sequence finds."""
        return [name for name in self.defects if not self.found_by(name)]

    @property
    def idle(self) -> list[str]:
        """Sequences that pass without defects and find none."""
        return [name for name in self.green if not self.finds(name)]

    def rarest(self, sequence: str) -> int:
        """How many sequences find the rarest defect that this one finds; 0 if it finds none.

        1: it is the only one that finds some defect. A high number: it finds only what disturbs nearly everything,
        and would not be missed.
        """
        return min((len(self.found_by(defect)) for defect in self.finds(sequence)), default=0)

    @property
    def blunt(self) -> list[str]:
        """Sequences that find defects, but only ones that many others find as well."""
        return [name for name in self.green if self.rarest(name) >= MANY]

    @property
    def holds(self) -> bool:
        """Everything was run, all is green, and nothing that was to be judged is open."""
        open_defects = self.unfound if self.judges_defects else []
        open_sequences = self.idle if self.judges_sequences else []
        return self.complete and not (self.not_green or self.nowhere or open_defects or open_sequences)

    def data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "side": self.side,
            "complete": self.complete,
            "holds": self.holds,
            "seconds": round(self.seconds, 3),
            "runs": len(self.clean) + len(self.runs),
            "defects": [
                {
                    "name": name,
                    "sentence": defect.sentence,
                    "clause": defect.clause,
                    "found_by": self.found_by(name),
                    "inconclusive": {s: self.runs[name, s].reason for s in self.inconclusive_with(name)},
                    "met_by": len(self.met_by(name)),
                }
                for name, defect in self.defects.items()
            ],
            "sequences": [
                {
                    "id": name,
                    "title": sequence.title,
                    "clauses": case.clause_list(sequence),
                    "variant": self.clean[name].variant,
                    "verdict": str(self.clean[name].verdict),
                    "reason": self.clean[name].reason,
                    "finds": self.finds(name),
                    "rarest": self.rarest(name),
                }
                for name, (case, sequence) in self.sequences.items()
                if name in self.clean
            ],
            "unfound": self.unfound if self.judges_defects else None,
            "idle": self.idle if self.judges_sequences else None,
        }


def _portions(jobs: Iterable[Job]) -> Iterator[Portion]:
    ordered = list(jobs)
    for at in range(0, len(ordered), _PORTION):
        yield tuple(ordered[at : at + _PORTION])
