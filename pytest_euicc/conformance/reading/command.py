"""``pytest-euicc lint``: vectors, and declarations that are named."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.conformance.reading.places import vector_files
from pytest_euicc.document import Document, FileMistakes
from pytest_euicc.text import printable


def lint(arguments: Namespace) -> int:
    """Print every mistake in vectors and declarations; returns the exit status."""
    for path in arguments.paths:
        if not vector_files([path]):
            sys.stderr.write(printable(f"{path}: no vectors in this folder; their files end in .yaml\n"))
            return 2
    declared = [path for path in arguments.paths if path.is_file() and _declares(path)]
    mistakes = loader.lint([path for path in arguments.paths if path not in declared])
    for path in declared:
        try:
            Declaration.load(path)
        except FileMistakes as error:
            mistakes += error.mistakes
    for mistake in mistakes:
        sys.stdout.write(f"{printable(str(mistake))}\n")
    if mistakes:
        sys.stderr.write(f"{len(mistakes)} mistake{'s' if len(mistakes) > 1 else ''}\n")
    return 1 if mistakes else 0


def _declares(path: Path) -> bool:
    """Whether a file is a declaration: a mapping with no case in it, but a version or a name."""
    data = Document.read(path).data
    return isinstance(data, dict) and "case" not in data and bool({"version", "name"} & data.keys())
