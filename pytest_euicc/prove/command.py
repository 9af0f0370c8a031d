"""``pytest-euicc prove``: chooses, runs, reports."""

from __future__ import annotations

import shutil
import sys
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pytest_euicc import resources
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.conformance.reading import loader
from pytest_euicc.document import FileMistakes
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.extras import need
from pytest_euicc.prove import permitted, report
from pytest_euicc.prove.proof import Proof
from pytest_euicc.prove.runner import Setup
from pytest_euicc.prove.targets import SIDES, Side, targets
from pytest_euicc.prove.workers import Workers, WorkersError
from pytest_euicc.reporting.progress import BEHIND, Progress, fitted
from pytest_euicc.simulator.defect import Defect
from pytest_euicc.simulator.euicc import defects as of_euicc
from pytest_euicc.simulator.euicc import variants as permitted_of_euicc
from pytest_euicc.simulator.euicc.settings import SettingsError
from pytest_euicc.simulator.lpa import defects as of_lpa
from pytest_euicc.simulator.lpa import variants as permitted_of_lpa
from pytest_euicc.simulator.smdp import defects as of_smdp
from pytest_euicc.simulator.smdp import variants as permitted_of_smdp
from pytest_euicc.simulator.variant import UnknownVariant, Variant, known_variants
from pytest_euicc.text import closest

HOLDS, OPEN, INTERRUPTED = 0, 1, 130
REGISTRIES: Mapping[Side, Mapping[str, Defect]] = {
    "euicc": of_euicc.DEFECTS,
    "smdp": of_smdp.DEFECTS,
    "lpa": of_lpa.DEFECTS,
}
VARIANTS: Mapping[Side, Mapping[str, Variant]] = {
    "euicc": permitted_of_euicc.VARIANTS,
    "smdp": permitted_of_smdp.VARIANTS,
    "lpa": permitted_of_lpa.VARIANTS,
}


class ProveError(PytestEuiccError):
    """What was asked for cannot be proven; the message says why and what to do."""


@dataclass(frozen=True)
class Wish:
    """What to prove.

    Attributes:
        defects: names; empty for all.
        texts: parts of names or titles of sequences; empty for all.
        vectors: files or folders; empty for those of the package.
        enough: run what is enough to know what holds, without the whole matrices.
        every_pair: run also the pairs whose defect the sequence never meets.
        variants: permitted variants that are switched on together, and no mutants; empty for all that there is.
        target: the declared implementation to run on; empty for all.
        seed: of the random combinations.
    """

    sides: tuple[Side, ...] = SIDES
    defects: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    jobs: int = 2
    vectors: tuple[Path, ...] = ()
    enough: bool = False
    every_pair: bool = False
    variants: tuple[str, ...] = ()
    target: str = ""
    combinations: int = permitted.COMBINATIONS
    seed: str = permitted.SEED


def command(arguments: Namespace) -> int:
    """``pytest-euicc prove``; returns the exit status. Raises ProveError."""
    need("pytest-euicc prove", "report", "jinja2")
    if arguments.side != "euicc":
        need(f"pytest-euicc prove --side {arguments.side}", "smdp")
    wish = Wish(
        sides=SIDES if arguments.side == "all" else (arguments.side,),
        defects=tuple(arguments.defect),
        texts=tuple(arguments.texts),
        jobs=max(1, arguments.jobs),
        vectors=tuple(arguments.vectors),
        enough=arguments.enough,
        every_pair=arguments.every_pair,
        variants=tuple(name.strip() for text in arguments.variants for name in text.split(",") if name.strip()),
        target=arguments.target,
        combinations=max(0, arguments.combinations),
        seed=arguments.seed,
    )
    return prove(wish, arguments.out, matrix=arguments.matrix, say=print)


def prove(wish: Wish, folder: Path, *, matrix: bool, say: Callable[[str], None]) -> int:
    """Prove and report; returns the exit status: 0 everything holds, 1 something is open.

    When interrupted, it reports the results so far and returns 130.

    Raises:
        ProveError: what was asked for cannot be proven.
    """
    proofs: list[Proof] = []
    progress = _Shown()
    try:
        for proof, setup in prepared(wish):
            proofs.append(proof)
            started = time.perf_counter()
            try:
                with Workers(setup, wish.jobs) as workers:
                    proof.run(workers, wish.every_pair, progress)
            finally:
                proof.seconds = time.perf_counter() - started
                progress.clear()
    except WorkersError as error:
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
        hint = closest(unknown[0], {name for side in wish.sides for name in REGISTRIES[side]})
        raise ProveError(f"--defect: no defect {unknown[0]!r}{hint or '; `pytest-euicc defects` lists them'}")
    try:
        cases = loader.load(list(wish.vectors) or [resources.vectors()])
        on = {side: tuple(t for t in targets(side) if wish.target in ("", t.name)) for side in wish.sides}
    except (FileMistakes, SettingsError) as error:
        raise ProveError(str(error)) from None
    if wish.target and not any(on.values()):
        known = ", ".join(target.name for side in wish.sides for target in targets(side))
        raise ProveError(f"--target: no declared implementation {wish.target!r}; available: {known}")
    together = _together(wish)
    found = []
    for side in wish.sides:
        chosen = loader.chosen(cases, side, wish.texts)
        if (chosen or not wish.texts) and on[side]:
            proof = _proof(side, chosen, tuple(target.name for target in on[side]), wish, together)
            if proof is not None:
                found.append((proof, Setup(side, chosen, on[side])))
    if not found:
        raise ProveError(f"no sequence of {' or '.join(wish.sides)} has {' or '.join(wish.texts)} in its name or title")
    return found


def _together(wish: Wish) -> Mapping[Side, tuple[str, ...]]:
    """The variants that were named, by the side that has them all; raises ProveError."""
    faults = []
    for side in wish.sides:
        try:
            return {side: tuple(sorted(known_variants("--variants", wish.variants, VARIANTS[side])))}
        except UnknownVariant as error:
            faults.append(str(error))
    raise ProveError("\n".join(dict.fromkeys(faults)))


def _proof(
    side: Side, chosen: tuple[Case, ...], names: tuple[str, ...], wish: Wish, together: Mapping[Side, tuple[str, ...]]
) -> Proof | None:
    """The proof of a side; None where nothing of it was asked for."""
    if wish.variants:
        if side not in together:
            return None
        variants = {name: VARIANTS[side][name] for name in together[side]}
        return Proof(
            side,
            chosen,
            names,
            {},
            variants,
            [together[side]],
            wish.seed,
            alone=False,
            judges_mutants=False,
            judges_sequences=False,
            judges_variants=False,
        )
    defects = {name: REGISTRIES[side][name] for name in wish.defects or REGISTRIES[side] if name in REGISTRIES[side]}
    # A side without sequences lets all its mutants survive, unless it was not asked for.
    if not defects:
        return None
    variants = {} if wish.defects else dict(VARIANTS[side])
    return Proof(
        side,
        chosen,
        names,
        defects,
        variants,
        permitted.combinations(variants, wish.combinations, wish.seed),
        wish.seed,
        enough=wish.enough,
        judges_mutants=bool(wish.defects) or not (wish.texts or wish.target),
        judges_sequences=bool(wish.texts) or not wish.defects,
        judges_variants=not (wish.texts or wish.target or wish.defects),
    )


class _Shown:
    """Where a long proof is: one line that moves on a terminal, a line twice a minute in a log."""

    _SECONDS = 30.0

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._what = ""
        self._progress = Progress(0)

    def __call__(self, done: int, total: int, what: str) -> None:
        """So many of *total* runs of *what* have ended."""
        if what != self._what:
            self._what, self._progress = what, Progress(total)
        self._progress.reached(done)
        text = self._progress.line(what)
        if sys.stderr.isatty():
            room = shutil.get_terminal_size().columns - 1
            sys.stderr.write(BEHIND.format(fitted(text, room)))
        elif time.monotonic() - self._last >= self._SECONDS:
            self._last = time.monotonic()
            sys.stderr.write(f"{text}\n")
        sys.stderr.flush()

    def clear(self) -> None:
        """The line of before goes."""
        if sys.stderr.isatty():
            sys.stderr.write(BEHIND.format(""))
            sys.stderr.flush()
