"""``pytest-euicc defects`` and ``variants``: what can be switched on in the simulators, by name."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Mapping

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.simulator.defect import Defect
from pytest_euicc.simulator.variant import Variant

SIDES = ("euicc", "smdp", "lpa")
_WHAT = {"euicc": "simulated eUICC", "smdp": "simulated SM-DP+", "lpa": "built-in LPA"}


class NothingFound(PytestEuiccError):
    """No name has the text that was asked for."""


def defects(arguments: Namespace) -> int:
    """List the defects of the simulators; returns the exit status. Raises NothingFound."""
    from pytest_euicc.simulator.euicc.defects import DEFECTS as EUICC
    from pytest_euicc.simulator.lpa.defects import DEFECTS as LPA
    from pytest_euicc.simulator.smdp.defects import DEFECTS as SMDP

    return _list("defect", {"euicc": EUICC, "smdp": SMDP, "lpa": LPA}, arguments)


def variants(arguments: Namespace) -> int:
    """List the permitted variants of the simulators; returns the exit status. Raises NothingFound."""
    from pytest_euicc.simulator.euicc.variants import VARIANTS as EUICC
    from pytest_euicc.simulator.lpa.variants import VARIANTS as LPA
    from pytest_euicc.simulator.smdp.variants import VARIANTS as SMDP

    return _list("variant", {"euicc": EUICC, "smdp": SMDP, "lpa": LPA}, arguments)


def _list(kind: str, named: Mapping[str, Mapping[str, Defect | Variant]], arguments: Namespace) -> int:
    texts = [text.lower() for text in arguments.texts]
    found = 0
    for side in (arguments.side,) if arguments.side else SIDES:
        chosen = [entry for entry in named[side].values() if _has(entry, texts)]
        found += len(chosen)
        if chosen:
            sys.stdout.write(f"{_WHAT[side]} (--{side}-{kind}), {len(chosen)} of {len(named[side])}\n")
        for entry in sorted(chosen, key=lambda entry: entry.name):
            sys.stdout.write(f"  {entry.name}: {entry.sentence.rstrip('.')} ({entry.clause})\n")
    if not found:
        raise NothingFound(f"-k {' -k '.join(arguments.texts)}: no {kind} has this in its name or text")
    return 0


def _has(entry: Defect | Variant, texts: list[str]) -> bool:
    said = f"{entry.name} {entry.sentence} {entry.clause}".lower()
    return not texts or any(text in said for text in texts)
