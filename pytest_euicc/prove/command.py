"""``pytest-euicc prove``: chooses, runs, reports."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_euicc import resources
from pytest_euicc.conformance.files.document import FileMistakes
from pytest_euicc.conformance.reading import loader
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.prove import report
from pytest_euicc.prove.proof import Proof
from pytest_euicc.prove.runner import Setup
from pytest_euicc.prove.targets import SIDES, Side, variants
from pytest_euicc.prove.workers import Crew, CrewError
from pytest_euicc.simulator.defect import Defect
from pytest_euicc.simulator.euicc import defects as of_euicc
from pytest_euicc.simulator.euicc.settings import SettingsError
from pytest_euicc.simulator.smdp import defects as of_smdp

HOLDS, OPEN, INTERRUPTED = 0, 1, 130
REGISTRIES: Mapping[Side, Mapping[str, Defect]] = {"euicc": of_euicc.DEFECTS, "smdp": of_smdp.DEFECTS}


class ProveError(PytestEuiccError):
    """What was asked for cannot be proven; the message says why and what to do."""


@dataclass(frozen=True)
class Wish:
    """What to prove.

    Attributes:
        defects: names; empty for all.
        texts: parts of names or titles of sequences; empty for all.
        vectors: files or folders; empty for those of the package.
        every_pair: run also the pairs whose defect the sequence never meets.
    """

    sides: tuple[Side, ...] = SIDES
    defects: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    jobs: int = 2
    vectors: tuple[Path, ...] = ()
    every_pair: bool = False


def command(arguments: Namespace) -> int:
    """``pytest-euicc prove``; returns the exit status. Raises ProveError."""
    wish = Wish(
        sides=SIDES if arguments.side == "all" else (arguments.side,),
        defects=tuple(arguments.defect),
        texts=tuple(arguments.texts),
        jobs=max(1, arguments.jobs),
        vectors=tuple(arguments.vectors),
        every_pair=arguments.every_pair,
    )
    return prove(wish, arguments.out, matrix=arguments.matrix, say=print)


def prove(wish: Wish, folder: Path, *, matrix: bool, say: Callable[[str], None]) -> int:
    """Prove and report; returns the exit status: 0 everything holds, 1 something is open.

    When interrupted, it reports the results so far and returns 130.

    Raises:
        ProveError: what was asked for cannot be proven.
    """
    proofs: list[Proof] = []
    try:
        for proof, setup in prepared(wish):
            proofs.append(proof)
            started = time.perf_counter()
            try:
                with Crew(setup, wish.jobs) as crew:
                    proof.run(crew, wish.every_pair, _progress)
            finally:
                proof.seconds = time.perf_counter() - started
                _progress("")
    except CrewError as error:
        raise ProveError(str(error)) from None
    except KeyboardInterrupt:
        _report(proofs, folder, matrix, say)
        return INTERRUPTED
    _report(proofs, folder, matrix, say)
    return HOLDS if all(proof.holds for proof in proofs) else OPEN


def _report(proofs: Sequence[Proof], folder: Path, matrix: bool, say: Callable[[str], None]) -> None:
    report.write(folder, proofs)
    for proof in proofs:
        for line in report.lines(proof, matrix=matrix):
            say(line)
    say(f"{folder / 'prove.html'}")


def prepared(wish: Wish) -> list[tuple[Proof, Setup]]:
    """Proofs to run, with what their workers need.

    Raises:
        ProveError: nothing, or nothing that is known, was chosen; or a file has mistakes.
    """
    unknown = [name for name in wish.defects if not any(name in REGISTRIES[side] for side in wish.sides)]
    if unknown:
        known = ", ".join(sorted({name for side in wish.sides for name in REGISTRIES[side]}))
        raise ProveError(f"--defect: no defect {unknown[0]!r}; there are: {known}")
    try:
        cases = loader.load(list(wish.vectors) or [resources.vectors()])
        on = {side: tuple(variants(side)) for side in wish.sides}
    except (FileMistakes, SettingsError) as error:
        raise ProveError(str(error)) from None
    found = []
    for side in wish.sides:
        chosen = loader.chosen(cases, side, wish.texts)
        registry = REGISTRIES[side]
        defects = {name: registry[name] for name in wish.defects or registry if name in registry}
        # A side without sequences has all its defects unfound, unless it was not asked for.
        if defects and (chosen or not wish.texts):
            proof = Proof(
                side,
                chosen,
                defects,
                judges_defects=bool(wish.defects) or not wish.texts,
                judges_sequences=bool(wish.texts) or not wish.defects,
            )
            found.append((proof, Setup(side, chosen, on[side])))
    if not found:
        raise ProveError(f"no sequence of {' or '.join(wish.sides)} has {' or '.join(wish.texts)} in its name or title")
    return found


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r{text}\x1b[K\r")
