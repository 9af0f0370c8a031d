"""Which of the collected tests a run has, and in which order."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pytest_euicc import options
from pytest_euicc.errors import OptionError
from pytest_euicc.run import cards

if TYPE_CHECKING:
    from pytest_euicc.conformance.files.vector import Case, Sequence
    from pytest_euicc.run.inputs import Inputs


WITH_SERVER = ("ES9+", "procedures")
"""Interfaces whose sequences all need an SM-DP+."""
_OURS = ("euicc", "smdp", "lpa")
"""Implementations (``iut``) that this package has itself."""


def leave_out_unserved(config: pytest.Config, inputs: Inputs, items: list[pytest.Item]) -> None:
    """Take out sequences for which there is no SM-DP+; raises OptionError where no test is left."""
    if not inputs.server_missing:
        return
    known = inputs.interfaces
    dropped = [item for item in items if known.get(cards.sequence_of(parameter(item.nodeid))) in WITH_SERVER]
    if dropped and len(dropped) == len(items) and not inputs.in_worker:
        raise OptionError(f"every chosen sequence needs an SM-DP+: {inputs.server_missing}")
    items[:] = [item for item in items if item not in dropped]
    if dropped:
        config.hook.pytest_deselected(items=dropped)


def select(config: pytest.Config, inputs: Inputs, items: list[pytest.Item]) -> None:
    """Deselect tests that the user did not choose, and order the others.

    A shard is a part of what was chosen by ``-k`` and the like, so this comes last.
    """

    def keep(kept: Iterable[pytest.Item]) -> None:
        chosen = list(kept)
        dropped = set(items).difference(chosen)
        items[:] = chosen
        if dropped:
            config.hook.pytest_deselected(items=list(dropped))

    items[:] = _without_repeated(inputs, items)
    if inputs.resumed is None:
        keep(_of_named(inputs, items))
    if inputs.options.applicable_only:
        keep(item for item in items if _applies(inputs, item))
    if inputs.resumed is not None:
        keep(item for item in items if _was_chosen(inputs, item))
    items[:] = _ordered(config, inputs, items)
    if inputs.options.shard is not None:
        keep(inputs.options.shard.divide(items)[0])


def plan_lines(config: pytest.Config, inputs: Inputs, nodeids: list[str], earlier: Path | None) -> list[str]:
    """The plan of the chosen sequences; empty where none is wanted.

    Args:
        earlier: folder of the run before.
    """
    if not (options.given(config) and inputs.options.plan):
        return []
    from pytest_euicc.run import plan

    workers = len(config.getoption("tx", None) or []) if config.getoption("dist", "no") != "no" else 1
    return plan.lines(inputs, map(parameter, nodeids), earlier=earlier, cards=workers)


def parameter(nodeid: str) -> str:
    """What a test has in brackets in its name: for a sequence its id, and its product where there are several."""
    return nodeid.partition("[")[2].removesuffix("]")


def _of_item(inputs: Inputs, item: pytest.Item) -> tuple[Case, Sequence] | None:
    """The sequence of a test; None for another test."""
    callspec = getattr(item, "callspec", None)
    name = callspec.params.get("sequence") if callspec is not None else None
    return inputs.sequences.get(name) if isinstance(name, str) else None


def _without_repeated(inputs: Inputs, items: list[pytest.Item]) -> list[pytest.Item]:
    """Tests without those of an SM-DP+ that a suite has again for each product."""
    names = inputs.pool.names[1:] if inputs.pool is not None else []
    found = ((item, _of_item(inputs, item)) for item in items) if names else ()
    repeated = {item for item, of in found if of and of[0].iut != "euicc" and cards.product_of(item.nodeid) in names}
    return [item for item in items if item not in repeated]


def _of_named(inputs: Inputs, items: list[pytest.Item]) -> list[pytest.Item]:
    """Tests without those of what is simulated, where a card, a server or an LPA is named.

    A report on a card has no verdicts on the simulated SM-DP+, unless nothing else was chosen.
    """
    if not inputs.named:
        return items
    sides = {id(item): found[0].iut if (found := _of_item(inputs, item)) is not None else "" for item in items}
    if inputs.named.isdisjoint(sides.values()):
        return items
    simulated = set(_OURS) - inputs.named
    return [item for item in items if sides[id(item)] not in simulated]


def _applies(inputs: Inputs, item: pytest.Item) -> bool:
    """Whether a test is none of a sequence, or of one that applies to its product."""
    from pytest_euicc.run import plan

    found = _of_item(inputs, item)
    return found is None or plan.applies(inputs, found, cards.product_of(item.nodeid))


def _was_chosen(inputs: Inputs, item: pytest.Item) -> bool:
    """Whether a test is none of a sequence, or of one that the run which is gone on with had chosen."""
    resumed = inputs.resumed
    return resumed is None or _of_item(inputs, item) is None or resumed.chose(parameter(item.nodeid))


def _ordered(config: pytest.Config, inputs: Inputs, items: list[pytest.Item]) -> list[pytest.Item]:
    """Tests in the order that takes least from a card in a reader; as they are where the user chose an order."""
    chosen = config.pluginmanager.hasplugin("randomly") or any("::" in each for each in config.args)
    if chosen or inputs.options.order != "card" or inputs.options.kind in ("sim", "replay"):
        return items
    from pytest_euicc.lab.order import for_card

    found = {id(item): _of_item(inputs, item) for item in items}
    return for_card(items, lambda item: each[1] if (each := found[id(item)]) is not None else None)
