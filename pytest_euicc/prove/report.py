"""The proof for people and programs: a table for the terminal, prove.json, prove.html."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pytest_euicc.prove.proof import MANY, Proof
from pytest_euicc.prove.runner import Outcome
from pytest_euicc.reporting.page import page

FORMAT = 1
_SHOWN = 3


def lines(proof: Proof, *, matrix: bool) -> Iterator[str]:
    """The proof of one side for a terminal; ``matrix`` names every sequence instead of the first few."""
    pairs = len(proof.green) * len(proof.defects)
    few = ", in the others the defect has no effect" if len(proof.runs) < pairs else ""
    yield (
        f"{proof.side}: {len(proof.clean)} sequences, {len(proof.defects)} defects, {len(proof.runs)} of {pairs} pairs "
        f"run{few}; {proof.seconds:.1f} s"
    )
    if not proof.complete:
        yield "  interrupted: what follows is incomplete"
    if proof.judges_defects:
        width = max(map(len, proof.defects), default=0)
        for name in proof.defects:
            found = proof.found_by(name)
            yield f"  {name:<{width}}  {len(found):>3}  {_names(found, matrix)}".rstrip()
    if not proof.judges_defects or matrix:
        width = max(map(len, proof.sequences), default=0)
        for name in proof.green:
            found = proof.finds(name)
            yield f"  {name:<{width}}  {len(found):>3}  {_names(found, everything=True)}"
    yield from _open_ends(proof, matrix)


def _names(names: Sequence[str], everything: bool) -> str:
    shown = names if everything else names[:_SHOWN]
    more = f" and {len(names) - len(shown)} more" if len(shown) < len(names) else ""
    return ", ".join(shown) + more


def _open_ends(proof: Proof, matrix: bool) -> Iterator[str]:
    yield from _listed("do not pass without any defect", map(_told, proof.not_green))
    yield from _listed("are applicable on no declaration", map(_told, proof.nowhere))
    yield from _listed("were not run", map(_told, proof.lacking))
    if proof.judges_defects:
        yield from _listed("are found by no sequence", (_defect(proof, name) for name in proof.unfound), "defects")
    if proof.judges_sequences:
        titles = {name: sequence.title for name, (_, sequence) in proof.sequences.items()}
        yield from _listed("find no defect", (f"{name}: {titles[name]}" for name in proof.idle))
        if matrix:
            blunt = (f"{name}: {titles[name]}" for name in proof.blunt)
            yield from _listed(f"find only defects that {MANY} or more sequences find", blunt)
        elif proof.blunt:
            yield f"{len(proof.blunt)} sequences find only defects that {MANY} or more sequences find (--matrix: which)"
    if matrix:
        odd = [f"{o.sequence} with {o.defect}: {o.reason.partition(chr(10))[0]}" for o in proof.inconclusive]
    else:
        counts = Counter(outcome.defect for outcome in proof.inconclusive)
        odd = [f"{defect}: {count} sequences" for defect, count in counts.items()]
    if odd:
        yield f"{len(proof.inconclusive)} runs with a defect are inconclusive, which does not count as found:"
        yield from (f"  {entry}" for entry in odd)


def _listed(what: str, entries: Iterable[str], kind: str = "sequences") -> Iterator[str]:
    found = list(entries)
    if found:
        yield f"{len(found)} {kind} {what}:"
        yield from (f"  {entry}" for entry in found)


def _told(outcome: Outcome) -> str:
    indented = outcome.reason.replace("\n", "\n    ")
    return f"{outcome.sequence}: {outcome.verdict}: {indented}"


def _defect(proof: Proof, name: str) -> str:
    defect = proof.defects[name]
    met = len(proof.met_by(name))
    hint = f"{met} sequences reach it" if met else "no sequence reaches it"
    return f"{name}: {defect.sentence} ({defect.clause}); {hint}"


def write(folder: Path, proofs: Sequence[Proof]) -> None:
    """Write prove.json and prove.html."""
    folder.mkdir(parents=True, exist_ok=True)
    data = {"format": FORMAT, "holds": all(p.holds for p in proofs), "sides": [proof.data() for proof in proofs]}
    (folder / "prove.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    (folder / "prove.html").write_text(html(proofs), encoding="utf-8")


def html(proofs: Sequence[Proof]) -> str:
    """The page to read."""
    return page("prove.html", "pytest_euicc.prove", proofs=proofs)
