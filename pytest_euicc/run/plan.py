"""The plan of a run of pytest: of the sequences that it has chosen, product by product."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Protocol

from pytest_euicc.options import SIMULATED, Options
from pytest_euicc.run import cards as pool_cards

if TYPE_CHECKING:
    from pathlib import Path

    from pytest_euicc.conformance.files.declaration import Declaration
    from pytest_euicc.conformance.files.vector import Case, Sequence
    from pytest_euicc.reporting.run_file import RunRecord


class Planning(Protocol):
    """What of a run its plan is made from."""

    @property
    def seed(self) -> str:
        """Of the run."""

    @property
    def options(self) -> Options:
        """Of the run, or of its first product."""

    @property
    def products(self) -> list[Options]:
        """The options of every product."""

    @property
    def cases(self) -> list[Case]:
        """All vectors."""

    @property
    def sequences(self) -> dict[str, tuple[Case, Sequence]]:
        """All sequences by their names."""

    @property
    def declarations(self) -> dict[str, dict[str, Declaration]]:
        """By product and ``iut``."""


def applies(run: Planning, found: tuple[Case, Sequence], product: str) -> bool:
    """Whether a sequence applies to what is declared of a product, and somebody does what it needs a person for."""
    from pytest_euicc.lab import planning

    return planning.applies(*found, run.declarations[product], operator=run.options.has_operator)


def lines(run: Planning, parameters: Iterable[str], *, earlier: Path | None, cards: int) -> list[str]:
    """The plan, in brief.

    Args:
        parameters: what the tests have in brackets in their names.
        earlier: folder of the run before, whose times count if it was of the same declarations.
        cards: how many workers there are.
    """
    from pytest_euicc.lab import planning

    chosen: dict[str, list[tuple[Case, Sequence]]] = {}
    for parameter in parameters:
        found = run.sequences.get(pool_cards.sequence_of(parameter))
        if found is not None:
            chosen.setdefault(pool_cards.product_of(f"[{parameter}]"), []).append(found)
    options, reported = run.options, []
    for product, sequences in (chosen or {"": []}).items():
        reported += [f"product {product}"] if product else []
        test_cards = run.declarations[product]["euicc"].test_cards
        planned = planning.plan(
            sequences,
            run.declarations[product],
            last := _last(run, earlier),
            simulated=options.kind == SIMULATED,
            operator=options.has_operator,
            permitted=not options.real_card or options.allow_destructive or bool(test_cards),
        )
        reported += planning.lines(planned, brief=True, last=last, cards=cards)
    return reported


def weights(run: Planning, names: Iterable[str]) -> dict[str, float]:
    """Seconds that sequences take by the model of a card."""
    from pytest_euicc.lab import planning

    found = [run.sequences[name] for name in names if name in run.sequences]
    return planning.weights(found, run.declarations[""])


def _last(run: Planning, earlier: Path | None) -> RunRecord | None:
    """The run before, if it was of the same declarations."""
    from pytest_euicc.reporting.run_file import RunFileError, load
    from pytest_euicc.run.heading import heading

    try:
        record = load(earlier) if earlier is not None else None
    except RunFileError:
        return None
    now = heading(run.options, run.cases, run.seed, run.products)["declarations"]
    alike = record is not None and [e["sha256"] for e in now] == [e.get("sha256") for e in record.declarations]
    return record if alike else None
