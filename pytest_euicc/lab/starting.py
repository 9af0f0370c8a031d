"""``pytest-euicc init``: a repository to start from, with a declaration, a vector, tests, editor settings and CI."""

from __future__ import annotations

import json
import sys
from argparse import Namespace
from pathlib import Path

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.lab import templates
from pytest_euicc.lab.schemas import SCHEMAS

_TEXTS = Path(__file__).parent / "starter"
_FILES = {
    "README.md": "README.md",
    "conftest.py": "conftest.py.txt",
    "pyproject.toml": "pyproject.toml",
    "requirements.txt": "requirements.txt",
    "tests/test_card.py": "test_card.py.txt",
    "tests/test_vectors.py": "test_vectors.py.txt",
    "vectors/own.yaml": "vector.yaml",
    ".gitignore": "gitignore.txt",
    ".github/workflows/conformance.yml": "github.yml",
    ".gitlab-ci.yml": "gitlab.yml",
    ".vscode/extensions.json": "extensions.json",
    ".vscode/settings.json": "vscode.json",
}
_SCHEMAS = ("vectors", "declaration")
_EDITORS = "# yaml-language-server: $schema=schemas/declaration.json\n"
"""Editors other than VS Code find the schema by this line."""


class CannotStart(PytestEuiccError):
    """The repository cannot be written; the message says what is in the way."""


def init(arguments: Namespace) -> int:
    """Write a starter repository; returns the exit status.

    Raises:
        CannotStart: a file is there already, or the folder cannot be written to. Nothing has been replaced.
        NoTemplate: there is no declaration of the name.
    """
    folder: Path = arguments.folder
    texts = {name: (_TEXTS / source).read_text(encoding="utf-8") for name, source in _FILES.items()}
    texts["card.yaml"] = _EDITORS + templates.template(arguments.template)
    texts |= {f"schemas/{kind}.json": f"{json.dumps(SCHEMAS[kind](), indent=1)}\n" for kind in _SCHEMAS}
    there = [name for name in texts if (folder / name).exists()]
    if there:
        raise CannotStart(
            f"{folder}: {', '.join(sorted(there))}: already there, and not overwritten; name an empty folder"
        )
    try:
        for name, text in texts.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise CannotStart(f"{error.filename or folder}: {error.strerror or error}") from None
    sys.stdout.write(f"{folder}: {len(texts)} files; continue with {folder / 'README.md'}\n")
    return 0
