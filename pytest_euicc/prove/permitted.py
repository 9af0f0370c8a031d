"""Permitted variants of a simulator: every sequence with each that it reaches, and with many at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from pytest_euicc.prove.enough import groups
from pytest_euicc.prove.runner import Job, Outcome
from pytest_euicc.simulator.variant import Variant, compatible

SEED = "prove"
COMBINATIONS = 240
"""Random combinations of compatible variants."""
PER_SEQUENCE = 24
"""Combinations that a sequence runs with."""
PER_SEQUENCE_ENOUGH = 8
"""The same beside groups of all variants."""
_LARGEST = 12


def combinations(variants: Mapping[str, Variant], count: int, seed: str) -> list[tuple[str, ...]]:
    """Random combinations of compatible variants, of two to twelve each; the same seed gives the same ones.

    A variant that chance has left out joins the shortest one that it is compatible with.
    """
    chance = Random(f"{seed}:combinations")  # noqa: S311  (reproducible on purpose)
    found: list[tuple[str, ...]] = []
    for _ in range(count if len(variants) > 1 else 0):
        wanted = chance.randint(2, _LARGEST)
        chosen: list[str] = []
        for name in chance.sample(sorted(variants), len(variants)):
            if len(chosen) < wanted and compatible(frozenset({*chosen, name}), dict(variants)):
                chosen.append(name)
        found.append(tuple(sorted(chosen)))
    for name in sorted(set(variants).difference(*found)) if found else ():
        fitting = [names for names in found if compatible(frozenset({*names, name}), dict(variants))]
        if fitting:
            shortest = found.index(min(fitting, key=len))
            found[shortest] = tuple(sorted((*found[shortest], name)))
    return found


@dataclass
class Permitted:
    """What the runs with variants of one side show.

    Attributes:
        variants: those that were chosen.
        combinations: those that sequences run with.
        baseline: outcomes without variants, by target and sequence.
        alone: variants are switched on one by one as well.
        enough: in place of one by one in groups, and one by one where a group does not pass.
        runs: outcomes with variants, by job.
        minimal: runs that went wrong, by what they were made smaller from.
    """

    variants: Mapping[str, Variant]
    combinations: Sequence[tuple[str, ...]]
    seed: str
    baseline: Mapping[tuple[str, str], Outcome]
    alone: bool = True
    enough: bool = False
    runs: dict[Job, Outcome] = field(default_factory=dict)
    minimal: dict[Job, Job] = field(default_factory=dict)

    def jobs(self, sequences: Sequence[str]) -> Iterator[Job]:
        """Each sequence with every variant that it reaches, and with a random choice of combinations."""
        for sequence in sequences:
            yield from self._jobs(sequence)

    def _jobs(self, sequence: str) -> Iterator[Job]:
        on = {target: o for (target, name), o in self.baseline.items() if name == sequence and o.passed}
        reached = {name: [t for t, outcome in on.items() if name in outcome.reached] for name in self.variants}
        # Where the sequence runs by default, as the outcome is easiest to read there.
        first = {name: targets[0] for name, targets in reached.items() if targets} if self.alone else {}
        if self.enough:
            for target in dict.fromkeys(first.values()):
                together = groups([name for name in first if first[name] == target], self.variants)
                yield from (Job(sequence, None, target, group) for group in together)
        else:
            yield from (Job(sequence, None, target, (name,)) for name, target in first.items())
        if not self.alone:
            yield from (Job(sequence, None, target, each) for each in self.combinations for target in on)
            return
        chance = Random(f"{self.seed}:{sequence}")  # noqa: S311
        within = [each for each in self.combinations if any(reached[name] for name in each)]
        for each in chance.sample(within, min(PER_SEQUENCE_ENOUGH if self.enough else PER_SEQUENCE, len(within))):
            yield Job(sequence, None, chance.choice(sorted(on)), each)

    def one_by_one(self) -> Iterator[Job]:
        """The variants of the groups that did not pass; which groups there were is known from ``jobs``."""
        for outcome in list(self.runs.values()):
            job = outcome.job
            if self.enough and not outcome.passed and job.variants not in self.combinations:
                yield from (Job(job.sequence, None, job.target, (name,)) for name in job.variants)

    def keep(self, outcome: Outcome) -> None:
        """Take one outcome."""
        self.runs[outcome.job] = outcome

    # ------------------------------------------------------------------ what it shows

    def reached_by(self, variant: str) -> list[str]:
        """Sequences during which the simulator asks for a variant, on any target."""
        return list(dict.fromkeys(name for (_, name), o in self.baseline.items() if variant in o.reached))

    @property
    def unreached(self) -> list[str]:
        """Variants that no run meets."""
        return [name for name in self.variants if not self.reached_by(name)]

    @property
    def wrong(self) -> list[Outcome]:
        """Runs with variants that failed or were inconclusive, single variants first."""
        found = [outcome for outcome in self.runs.values() if outcome.wrong]
        return sorted(found, key=lambda outcome: (len(outcome.job.variants) > 1, outcome.sequence))

    @property
    def unexplained(self) -> list[Outcome]:
        """Combinations with which a sequence goes wrong, while it does with none of their variants alone."""
        alone = {(o.sequence, o.job.variants[0]) for o in self.wrong if len(o.job.variants) == 1}
        return [
            outcome
            for outcome in self.wrong
            if len(outcome.job.variants) > 1
            and not any((outcome.sequence, name) in alone for name in outcome.job.variants)
        ]

    def smaller(self, job: Job) -> Iterator[Job]:
        """Runs with one variant less each."""
        for name in job.variants:
            left = tuple(other for other in job.variants if other != name)
            if left:
                yield Job(job.sequence, None, job.target, left)

    def wrong_with(self, variant: str) -> list[Outcome]:
        """Runs with this variant alone that went wrong."""
        found = [outcome for job, outcome in self.runs.items() if job.variants == (variant,) and outcome.wrong]
        return sorted(found, key=lambda outcome: outcome.sequence)

    def run_with(self, variant: str) -> int:
        """How many sequences ran with a variant, alone or in a combination."""
        return len({job.sequence for job in self.runs if variant in job.variants})

    def by_case(self, cases: Mapping[str, frozenset[str]], variant: str) -> list[tuple[int, int]]:
        """For each case how many of its sequences ran with a variant, and how many of them went wrong with it."""
        ran = {job.sequence for job in self.runs if variant in job.variants}
        wrong = {outcome.sequence for outcome in self.wrong_with(variant)}
        return [(len(ran & names), len(wrong & names)) for names in cases.values()]

    def data(self) -> dict[str, Any]:
        """Plain values for JSON."""
        singles = [job for job in self.runs if len(job.variants) == 1]
        return {
            "seed": self.seed,
            "runs": len(singles),
            "combinations": len(self.combinations),
            "combination_runs": len(self.runs) - len(singles),
            "variants": [
                {
                    "name": name,
                    "sentence": variant.sentence,
                    "clause": variant.clause,
                    "reached_by": len(self.reached_by(name)),
                    "run_with": self.run_with(name),
                    "wrong": {outcome.sequence: outcome.reason for outcome in self.wrong_with(name)},
                }
                for name, variant in self.variants.items()
            ],
            "wrong_combinations": [
                {"sequence": o.sequence, "verdict": str(o.verdict), "reason": o.reason, "repeat": repeat(self.shown(o))}
                for o in self.unexplained
            ],
            "unreached": self.unreached,
        }

    def shown(self, outcome: Outcome) -> Job:
        """The run to show: the same one with the fewest variants that still goes wrong."""
        return self.minimal.get(outcome.job, outcome.job)


def repeat(job: Job) -> str:
    """The command that repeats a run with variants."""
    target = f" --target {job.target}" if job.target else ""
    return f"pytest-euicc prove --variants {','.join(job.variants)}{target} -k {job.sequence}"
