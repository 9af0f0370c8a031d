"""Report files: written whole or not at all, and never over those of another run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import count
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text file by way of a temporary one beside it; what was there stays until all is on the disk.

    What UTF-8 cannot hold (a lone surrogate) is escaped.

    Raises:
        OSError: it cannot be written; nothing is left beside it.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def keep(folder: Path, names: Sequence[str]) -> Path | None:
    """Rename the files of an earlier run to ``name-1``, ``name-2`` and so on; returns the first file, None without.

    The number is taken with the first name, so two runs that end at once take different ones.
    """
    first = folder / names[0]
    if not first.is_file():
        return None
    for number in count(1):
        kept = [(folder / name).with_stem(f"{Path(name).stem}-{number}") for name in names]
        if any(path.exists() for path in kept):
            continue
        try:
            kept[0].open("x").close()
        except FileExistsError:
            continue
        for name, path in zip(names, kept, strict=True):
            if (folder / name).is_file():
                (folder / name).replace(path)
        break
    return kept[0]
