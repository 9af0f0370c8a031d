"""What the Rules Authorisation Table of an eUICC allows (SGP.22 2.9.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PPRS = ("pprUpdateControl", "ppr1", "ppr2")
"""Bits of PprIds in their order (SGP.22 2.4a.1)."""


def rule_names(bits: tuple[bytes, int]) -> frozenset[str]:
    """The rules of a PprIds value that are set; bits without a name are left out."""
    octets, size = bits
    return frozenset(name for bit, name in enumerate(PPRS[:size]) if octets[bit // 8] >> (7 - bit % 8) & 1)


def authorises(rat: Sequence[Mapping[str, Any]], rule: str, owner: Mapping[str, bytes] | None) -> bool:
    """True if a rule of the table allows a profile policy rule for an owner.

    Args:
        rat: RulesAuthorisationTable as the codec has it.
        rule: ``ppr1`` or ``ppr2``.
        owner: profileOwner of the profile; None where it names none.
    """
    return any(
        rule in rule_names(entry["pprIds"]) and any(_matches(operator, owner) for operator in entry["allowedOperators"])
        for entry in rat
    )


def _matches(allowed: Mapping[str, bytes], owner: Mapping[str, bytes] | None) -> bool:
    """Whether an entry of allowedOperators stands for an owner (SGP.22 2.9.2.1).

    Digit E of mccMnc stands for any. An empty gid stands for any; one that is left out only for owners without it.
    """
    if owner is None:
        return False
    digits = zip(allowed["mccMnc"].hex(), owner["mccMnc"].hex(), strict=True)
    if any(wanted not in ("e", digit) for wanted, digit in digits):
        return False
    return all(allowed.get(gid) in (b"", owner.get(gid)) for gid in ("gid1", "gid2"))
