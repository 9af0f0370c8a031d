"""Commands over what is recorded: ``pytest-euicc coverage``, ``compare``, ``merge``, ``verify``."""

from __future__ import annotations

import io
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from pytest_euicc.conformance.reading import loader
from pytest_euicc.reporting import compare_formats, manifest, merging, standing, summary
from pytest_euicc.reporting import coverage as covered
from pytest_euicc.reporting.comparison import KINDS, worst
from pytest_euicc.reporting.comparison import compare as compared
from pytest_euicc.reporting.files import write_whole
from pytest_euicc.reporting.run_file import PAGE, RUN_FILE, RunFileError, load
from pytest_euicc.reporting.run_folder import OWN
from pytest_euicc.text import printable


def coverage(arguments: Namespace) -> int:
    """Print what the vectors cover, how well it is founded, or what they lack of a catalogue; returns the exit status.

    Raises:
        FileMistakes: the vectors or the catalogue cannot be read.
    """
    cases = loader.load(arguments.vectors)
    if arguments.against is None or arguments.standing:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # The page is a file of the documentation, whatever the locale.
            sys.stdout.reconfigure(encoding="utf-8")
        page = standing.page(cases) if arguments.standing else covered.page(cases)
        sys.stdout.write(f"{page.rstrip()}\n")
        return 0
    missing = covered.missing(arguments.against, cases)
    for line in missing:
        sys.stdout.write(f"{line}\n")
    if missing:
        sys.stderr.write(f"{len(missing)} sequences of {arguments.against} are missing, or are elsewhere\n")
    return 1 if missing else 0


def compare(arguments: Namespace) -> int:
    """Print what changed between runs; returns the exit status: 1 if there is a change of a kind to fail on.

    Raises:
        RunFileError: a file is no record of a run, or a report cannot be written.
    """
    kinds = arguments.fail_on.split(",") if arguments.fail_on else []
    for kind in kinds:
        if kind not in KINDS:
            raise RunFileError(f"--fail-on: no kind {kind!r}; available: {', '.join(KINDS)}")
    runs = (arguments.before, arguments.after, *arguments.more)
    _keep_records(runs, (arguments.html, arguments.json, arguments.junit, arguments.markdown))
    comparison = compared([load(path) for path in runs])
    formats = {
        arguments.html: compare_formats.html,
        arguments.json: compare_formats.as_json,
        arguments.junit: lambda made: compare_formats.junit(made, kinds),
        arguments.markdown: compare_formats.markdown,
    }
    for path, form in formats.items():
        if path is not None:
            try:
                write_whole(path, form(comparison))
            except OSError as error:
                raise RunFileError(f"{path}: {error.strerror or error}") from None
    # After the files: the reader of our output (head, less) may close it.
    for line in comparison.lines():
        sys.stdout.write(f"{line}\n")
    return 1 if worst(comparison, kinds) else 0


def _keep_records(runs: Sequence[Path], outputs: Sequence[Path | None]) -> None:
    """Raises RunFileError where a report would be written over the record of a run, or what its manifest covers."""
    records = {run.resolve() for run in runs}
    for path in filter(None, outputs):
        folder = path.resolve().parent
        own = path.name in OWN and (folder in records or (folder / RUN_FILE).is_file())
        if own or path.resolve() in records:
            raise RunFileError(f"{path}: it belongs to the record of a run; name another file")


def merge(arguments: Namespace) -> int:
    """Make one run of its parts; returns the exit status: 1 where a part did not finish.

    Raises:
        RunFileError: they are not parts of one run, or a file cannot be read or written.
    """
    run = merging.merge(arguments.runs, arguments.out)
    for line in summary.lines(run):
        sys.stdout.write(f"{line}\n")
    sys.stdout.write(f"{len(arguments.runs)} runs, {len(run.sequences)} sequences: {arguments.out / PAGE}\n")
    return 0 if run.finished else 1


def verify(arguments: Namespace) -> int:
    """Check the files of a run against its manifest; returns the exit status: 1 if something is not as it was.

    Raises:
        RunFileError: this is no folder of a run.
    """
    faults = list(manifest.verify(arguments.run))
    for fault in faults:
        sys.stdout.write(f"{printable(fault)}\n")
    if not faults:
        count = len(manifest.files_of(arguments.run))
        sys.stdout.write(f"{arguments.run}: {count} files, all unchanged since the run\n")
    return 1 if faults else 0
