"""The runs that are enough to prove everything: mutants until each is killed, variants many at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from pytest_euicc.simulator.variant import Variant, compatible

Pair = tuple[str, str]
"""A defect and a sequence."""
GROUP = 12
"""Variants that are switched on together."""
_FIRST = 2
"""Pairs that are tried for a mutant or a sequence in the first round; each round tries twice as many."""


def pairs(
    met: Mapping[str, Sequence[str]],
    alike: Collection[Pair],
    round_: int,
    tried: Collection[Pair],
    killed: Collection[Pair],
) -> list[Pair]:
    """The pairs of the next round: for mutants that nothing has killed, and for sequences that killed none.

    Args:
        met: the sequences that reach each defect, by defect; all pairs there are.
        alike: pairs whose sequence and defect name the same clause; they are tried first.
        round_: 0 for the first one.
        tried, killed: pairs that were run, and those of them that failed.

    Returns:
        Empty when nothing more can be shown: what is left was tried with everything that it meets.
    """
    meets: dict[str, list[str]] = {}
    for defect, sequences in met.items():
        for sequence in sequences:
            meets.setdefault(sequence, []).append(defect)
    dead, useful = {defect for defect, _ in killed}, {sequence for _, sequence in killed}

    def promising(pair: Pair) -> tuple[bool, int]:
        # Who meets little is made for it.
        return pair not in alike, len(met[pair[0]]) * len(meets[pair[1]])

    chosen: dict[Pair, None] = {}
    rows = [[(defect, sequence) for sequence in met[defect]] for defect in met if defect not in dead]
    rows += [[(defect, sequence) for defect in meets[sequence]] for sequence in meets if sequence not in useful]
    for row in rows:
        left = sorted((pair for pair in row if pair not in tried), key=promising)
        chosen.update(dict.fromkeys(left[: _FIRST << round_]))
    return list(chosen)


def groups(names: Sequence[str], variants: Mapping[str, Variant]) -> Iterator[tuple[str, ...]]:
    """Variants in groups of compatible ones, each in one group."""
    found: list[list[str]] = []
    for name in names:
        fitting = (g for g in found if len(g) < GROUP and compatible(frozenset({*g, name}), variants))
        group = next(fitting, None)
        if group is None:
            found.append([name])
        else:
            group.append(name)
    return (tuple(sorted(group)) for group in found)
