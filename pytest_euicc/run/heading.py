"""What is known of a run when it begins: versions, options, declarations, certificates, deviations."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import fields
from typing import Any

from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.features import OPTIONS
from pytest_euicc.conformance.files.sides import NAMES, PREFIXES
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.iut.inputs import load_declarations, read_pki
from pytest_euicc.options import Options
from pytest_euicc.reporting.run_file import NOTICE

_DEVIATIONS = {
    "defects": "--euicc-defect",
    "variants": "--euicc-variant",
    "smdp_defects": "--smdp-defect",
    "smdp_variants": "--smdp-variant",
    "lpa_defects": "--lpa-defect",
    "lpa_variants": "--lpa-variant",
}
_NOT_TOLD = ("provision", "claims", "tell", "ask", "resume", "report", "worker", "seed", "tester", *_DEVIATIONS)


def heading(options: Options, cases: Sequence[Case], seed: str, products: Sequence[Options] = ()) -> dict[str, Any]:
    """The heading of a run's record (see RunRecord).

    Args:
        products: the options of every product, where there are several.

    Raises:
        OptionError: what an option names cannot be read.
    """
    from pathlib import Path

    from pytest_euicc.reporting.run_folder import harness

    sides = products or [options]
    # What is no eUICC is declared once.
    loaded = [load_declarations(side) for side in sides]
    declarations = [each["euicc"] for each in loaded] + [d for iut, d in loaded[0].items() if iut != "euicc"]
    trusted = {(ci.subject_key_id or b"").hex().upper() for side in sides for ci in read_pki(side).trust()}
    ids = [case.sequence_id(sequence) for case in cases for sequence in case.sequences]
    files = sorted({Path(case.file) for case in cases if case.file})
    return {
        "seed": options.seed or seed,
        "tester": options.tester,
        "harness": harness(files, len(ids)),
        "options": _given(options),
        "declarations": list(map(_declared, declarations)),
        "pki": sorted(trusted),
        "deviations": {flag: list(getattr(options, name)) for name, flag in _DEVIATIONS.items()},
        "known": ids,
    }


def environment(reported: dict[str, Any], started: str) -> dict[str, str]:
    """A heading in a few lines of text, for Allure; ``started`` is when the run began."""
    found = {"started": started, "harness": f"pytest-euicc {reported['harness']['version']}", "notice": NOTICE}
    if reported["tester"]:
        found["tested by"] = reported["tester"]
    for declared in reported["declarations"]:
        side = NAMES[declared["iut"]]
        found[f"SGP.22 of the {side}"] = str(declared["version"])
    found |= {option.lstrip("-"): ", ".join(names) for option, names in reported["deviations"].items() if names}
    return found


def _given(options: Options) -> dict[str, Any]:
    """Options that differ from their defaults, as text."""
    reported = {}
    for entry in fields(options):
        value = getattr(options, entry.name)
        if entry.name not in _NOT_TOLD and value != entry.default:
            reported[entry.name] = value.hex().upper() if isinstance(value, bytes) else _plain(value)
    return reported


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return value if isinstance(value, bool | int | float | str) else str(value)


def _declared(declaration: Declaration) -> dict[str, Any]:
    """A declaration with the meaning of its options, and the SHA-256 of what it says."""
    content = declaration.model_dump(mode="json", exclude_defaults=True, exclude={"inventory", "es2plus"})
    side = PREFIXES[declaration.iut]
    known = [name for name in OPTIONS if name.startswith(side) or name in declaration.options]
    return {
        "iut": declaration.iut,
        "name": declaration.name,
        "version": declaration.version,
        "sha256": hashlib.sha256(declaration.model_dump_json().encode()).hexdigest(),
        "content": content,
        "options": [
            {"name": name, "held": declaration.options.get(name, False), "meaning": OPTIONS[name]} for name in known
        ],
    }
