"""Going on with a run that was cut short: what must be the same, and what is done already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pytest_euicc.conformance.engine.errors import Cause
from pytest_euicc.reporting import manifest
from pytest_euicc.reporting.run_file import NOT_FINISHED, RUN_FILE, Entry, RunFileError, RunRecord, load


def read(folder: Path) -> RunRecord:
    """The record of a run that can be gone on with.

    Raises:
        RunFileError: there is none, it came to its end, or its files were changed since.
    """
    if not (folder / RUN_FILE).is_file():
        raise RunFileError(f"{folder}: no {RUN_FILE} in this folder; name the folder that --euicc-report wrote")
    run = load(folder)
    if run.finished:
        raise RunFileError(f"{folder}: that run was completed; there is nothing to resume")
    faults = list(manifest.verify(folder)) if (folder / manifest.MANIFEST).is_file() else []
    if faults:
        raise RunFileError(f"{folder}: {'; '.join(faults)}. Only an unchanged run can be resumed")
    return run


def differences(run: RunRecord, heading: Mapping[str, Any]) -> Iterator[str]:
    """What is not as it was, one line each; ``heading`` is that of the run that is about to go on."""
    then, now = run.harness.get("version"), heading["harness"]["version"]
    if then != now:
        yield f"that run was made with pytest-euicc {then}, this is {now}"
    if heading["harness"]["vectors"] != run.harness.get("vectors"):
        yield "the vectors are not those of that run (--euicc-vectors)"
    for iut, option in (("euicc", "--euicc-declaration"), ("smdp", "--smdp-declaration"), ("lpa", "--lpa-declaration")):
        before = [(each["name"], each["sha256"]) for each in run.declarations if each.get("iut") == iut]
        declared = [(each["name"], each["sha256"]) for each in heading["declarations"] if each["iut"] == iut]
        if before != declared:
            names = " and ".join(name for name, _ in before) or "none"
            yield f"the declaration is not that of that run, {names}, or was changed since ({option})"
    if heading["seed"] != run.seed:
        yield f"the seed of that run is {run.seed}, not {heading['seed']}; omit --euicc-seed"
    if heading["pki"] != run.pki:
        yield "the certificates are not those of that run (--euicc-pki)"
    for option, names in heading["deviations"].items():
        if names != run.deviations.get(option, []):
            yield f"that run had {option} {', '.join(run.deviations.get(option, [])) or 'off'}"


def done(run: RunRecord) -> dict[str, Entry]:
    """The sequences that need not run again, by key: those that ended while there was something to test."""
    lost = str(Cause.NOT_REACHABLE)
    return {
        entry.key: entry
        for entry in run.sequences
        if entry.verdict != NOT_FINISHED and not (entry.verdict == "inconclusive" and lost in entry.reason)
    }
