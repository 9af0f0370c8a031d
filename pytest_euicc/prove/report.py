"""The proof for people and programs: a table for the terminal, prove.json, prove.html."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from pytest_euicc.prove.permitted import repeat
from pytest_euicc.prove.proof import MANY, Proof
from pytest_euicc.prove.runner import Outcome
from pytest_euicc.reporting.page import page

FORMAT = 2
_SHOWN = 3


def lines(proof: Proof, *, matrix: bool) -> Iterator[str]:
    """The proof of one side for a terminal; ``matrix`` names every sequence instead of the first few."""
    pairs = len(proof.green) * len(proof.defects)
    why = "enough to kill each mutant and to use each sequence" if proof.enough else "the others never meet"
    few = f", {why}" if len(proof.runs) < pairs else ""
    permitted = proof.permitted
    yield (
        f"{proof.side}: {len(proof.sequences)} sequences on {len(proof.targets)} declared implementations, "
        f"{len(proof.defects)} mutants, {len(proof.variants)} permitted variants; {proof.seconds:.1f} s"
    )
    yield f"  mutants: {len(proof.runs)} of {pairs} pairs run{few}"
    if proof.judges_mutants and proof.defects:
        killed = len(proof.defects) - len(proof.survived)
        yield f"  mutation score of the vectors: {killed} of {len(proof.defects)}"
    singles = sum(len(job.variants) == 1 for job in permitted.runs)
    yield (
        f"  variants: {singles} runs with one, {len(permitted.runs) - singles} with one of "
        f"{len(permitted.combinations)} combinations (seed {permitted.seed}); "
        f"{len(permitted.wrong)} fail or are inconclusive"
    )
    if not proof.complete:
        yield "  interrupted: what follows is incomplete"
    if proof.judges_mutants:
        width = max(map(len, proof.defects), default=0)
        for name in proof.defects:
            killed_by = proof.killed_by(name)
            yield f"  {name:<{width}}  {len(killed_by):>3}  {_names(killed_by, matrix)}".rstrip()
    if matrix or (proof.defects and not proof.judges_mutants):
        width = max(map(len, proof.sequences), default=0)
        for name in proof.green:
            kills = proof.kills(name)
            yield f"  {name:<{width}}  {len(kills):>3}  {_names(kills, everything=True)}"
    yield from _open_ends(proof, matrix)


def _names(names: Sequence[str], everything: bool) -> str:
    shown = names if everything else names[:_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return ", ".join(shown) + more


def _open_ends(proof: Proof, matrix: bool) -> Iterator[str]:
    yield from _listed("do not pass on the simulator as it is", map(_reported, proof.not_green))
    yield from _listed("are applicable on no declaration", map(_reported, proof.nowhere))
    yield from _listed("were not run", map(_reported, proof.lacking))
    if proof.judges_mutants:
        yield from _listed("survive", (_mutant(proof, name) for name in proof.survived), "mutants")
    if proof.judges_sequences and proof.defects:
        titles = {name: sequence.title for name, (_, sequence) in proof.sequences.items()}
        yield from _listed("kill no mutant", (f"{name}: {titles[name]}" for name in proof.idle))
        if proof.enough:
            pass  # Who else kills a mutant is not known.
        elif matrix:
            blunt = (f"{name}: {titles[name]}" for name in proof.blunt)
            yield from _listed(f"kill only mutants that {MANY} or more sequences kill", blunt)
        elif proof.blunt:
            yield f"{len(proof.blunt)} sequences kill only mutants that {MANY} or more sequences kill (--matrix: which)"
    if matrix:
        odd = [f"{o.sequence} with {o.job.mutant}: {o.reason.partition(chr(10))[0]}" for o in proof.inconclusive]
    else:
        counts = Counter(outcome.job.mutant for outcome in proof.inconclusive)
        odd = [f"{defect}: {count} sequences" for defect, count in counts.items()]
    if odd:
        yield f"{len(proof.inconclusive)} runs with a mutant cannot be judged, which does not count as killed:"
        yield from (f"  {entry}" for entry in odd)
    yield from _permitted(proof)


def _permitted(proof: Proof) -> Iterator[str]:
    permitted = proof.permitted
    for name, variant in permitted.variants.items():
        wrong = permitted.wrong_with(name)
        if wrong:
            allowed = f"{variant.sentence} ({variant.clause})"
            yield f"{name}: {allowed}; it is permitted, and {len(wrong)} sequences do not pass:"
            yield from (f"  {_reported(outcome)}\n    repeat: {repeat(outcome.job)}" for outcome in wrong)
    unexplained = (f"{_reported(o)}\n    repeat: {repeat(permitted.shown(o))}" for o in permitted.unexplained)
    yield from _listed("with combinations of permitted variants do not pass", unexplained, "runs")
    if proof.judges_variants:
        yield from _listed("are reached by no run", permitted.unreached, "variants")


def _listed(what: str, entries: Iterable[str], kind: str = "sequences") -> Iterator[str]:
    found = list(entries)
    if found:
        yield f"{len(found)} {kind} {what}:"
        yield from (f"  {entry}" for entry in found)


def _reported(outcome: Outcome) -> str:
    indented = outcome.reason.replace("\n", "\n    ")
    on = f" on {outcome.target}" if outcome.target else ""
    return f"{outcome.sequence}{on}: {outcome.verdict}: {indented}"


def _mutant(proof: Proof, name: str) -> str:
    defect = proof.defects[name]
    reached = len(proof.reached_by(name))
    hint = f"{reached} sequences reach it" if reached else "no sequence reaches it"
    return f"{name}: {defect.sentence} ({defect.clause}); {hint}"


def write(folder: Path, proofs: Sequence[Proof]) -> None:
    """Write prove.json and prove.html."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {"format": FORMAT, "holds": all(p.holds for p in proofs), "sides": [proof.data() for proof in proofs]}
    (folder / "prove.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "prove.html").write_text(html(proofs), encoding="utf-8")


def html(proofs: Sequence[Proof]) -> str:
    """The page to read."""
    return page("prove.html", "pytest_euicc.prove", proofs=[Shown(proof) for proof in proofs], repeat=repeat)


class Shown:
    """A proof with what only its page shows."""

    def __init__(self, proof: Proof) -> None:
        self.proof = proof
        self.permitted = proof.permitted
        self._cases: Mapping[str, frozenset[str]] = {
            case.case: frozenset(case.sequence_id(sequence) for sequence in case.sequences) for case in proof.cases
        }

    def __getattr__(self, name: str) -> object:
        return getattr(self.proof, name)

    def grouped(self, sequences: Iterable[str]) -> list[tuple[str, list[str]]]:
        """Sequences as their cases with their numbers."""
        groups: dict[str, list[str]] = {}
        for name in sequences:
            case, sequence = self.proof.sequences[name]
            groups.setdefault(case.case, []).append(sequence.id)
        return list(groups.items())

    def unjudged(self) -> list[tuple[str, str, list[str]]]:
        """Runs with a mutant that could not be judged: mutant, reason, sequences."""
        groups: dict[tuple[str, str], list[str]] = {}
        for outcome in self.proof.inconclusive:
            groups.setdefault((outcome.job.mutant or "", outcome.reason), []).append(outcome.sequence)
        return [(defect, reason, sequences) for (defect, reason), sequences in groups.items()]

    def mutants_by_case(self, defect: str) -> list[tuple[int, bool]]:
        """For each case how many of its sequences kill a mutant, and whether one reaches it."""
        killed, reached = set(self.proof.killed_by(defect)), set(self.proof.reached_by(defect))
        return [(len(names & killed), bool(names & reached)) for names in self._cases.values()]

    def variants_by_case(self, variant: str) -> list[tuple[int, int]]:
        """For each case how many of its sequences ran with a variant, and how many went wrong."""
        return self.permitted.by_case(self._cases, variant)
