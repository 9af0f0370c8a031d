"""``pytest-euicc coverage`` and ``pytest-euicc compare``."""

from __future__ import annotations

import io
import sys
from argparse import Namespace

from pytest_euicc.conformance.reading import loader
from pytest_euicc.reporting import coverage as covered
from pytest_euicc.reporting.compare import compare as compared
from pytest_euicc.reporting.summary import Summary


def coverage(arguments: Namespace) -> int:
    """Print what the vectors cover, or what they lack of a catalogue; returns the exit status.

    Raises:
        FileMistakes: the vectors or the catalogue cannot be read.
    """
    cases = loader.load(arguments.vectors)
    if arguments.against is None:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # The page is a file of the documentation, whatever the locale.
            sys.stdout.reconfigure(encoding="utf-8")
        sys.stdout.write(f"{covered.page(cases).rstrip()}\n")
        return 0
    missing = covered.missing(arguments.against, cases)
    for line in missing:
        sys.stdout.write(f"{line}\n")
    if missing:
        sys.stderr.write(f"{len(missing)} sequences of {arguments.against} are missing, or stand elsewhere\n")
    return 1 if missing else 0


def compare(arguments: Namespace) -> int:
    """Print what changed between two runs; returns the exit status: 1 if something got worse.

    Raises:
        SummaryError: a file is no summary.
    """
    comparison = compared(Summary.load(arguments.before), Summary.load(arguments.after))
    for line in comparison.lines():
        sys.stdout.write(f"{line}\n")
    return 1 if comparison.worse else 0
