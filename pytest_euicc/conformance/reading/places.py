"""Which files are vectors."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def vector_files(paths: Iterable[Path]) -> list[Path]:
    """The vector files among ``paths``; folders are searched for ``*.yaml``, except those named ``declarations``."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(file for file in path.rglob("*.yaml") if "declarations" not in file.relative_to(path).parts)
        else:
            files.append(path)
    return list(dict.fromkeys(files))
