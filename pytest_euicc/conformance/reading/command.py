"""``pytest-euicc lint`` and ``pytest-euicc schema``."""

from __future__ import annotations

import json
import sys
from argparse import Namespace

from pytest_euicc.conformance.reading import loader
from pytest_euicc.conformance.reading.json_schema import json_schema


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


def schema(_: Namespace) -> int:
    """Print the JSON Schema of vectors; returns the exit status."""
    sys.stdout.write(f"{json.dumps(json_schema(), indent=1)}\n")
    return 0
