"""``pytest-euicc lint``."""

from __future__ import annotations

import sys
from argparse import Namespace

from pytest_euicc.conformance.reading import loader


def lint(arguments: Namespace) -> int:
    """Print every mistake in the vectors; returns the exit status."""
    for path in arguments.paths:
        if not loader.vector_files([path]):
            sys.stderr.write(f"{path}: no vectors in this folder; their files end in .yaml\n")
            return 2
    mistakes = loader.lint(arguments.paths)
    for mistake in mistakes:
        sys.stdout.write(f"{mistake}\n")
    if mistakes:
        sys.stderr.write(f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}\n")
    return 1 if mistakes else 0
