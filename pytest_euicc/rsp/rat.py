"""What the Rules Authorisation Table of an eUICC allows (SGP.22 2.9.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PPRS = ("pprUpdateControl", "ppr1", "ppr2")
"""Bits of PprIds in their order (SGP.22 2.4.a.1)."""

_ANY_OPERATOR = "eeeeee"


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
    """Digit E of mccMnc stands for any; an absent gid allows any, an empty one only an absent or empty one."""
    pattern = allowed["mccMnc"].hex()
    if pattern == _ANY_OPERATOR:
        return True
    if owner is None:
        return False
    digits = zip(pattern, owner["mccMnc"].hex(), strict=True)
    if any(wanted not in ("e", digit) for wanted, digit in digits):
        return False
    return all(gid not in allowed or allowed[gid] == owner.get(gid, b"") for gid in ("gid1", "gid2"))
