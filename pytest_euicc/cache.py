"""The user's cache folder: what took long to make is kept for the next process, and read back only if it is genuine."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from pytest_euicc.files import private_folder, read_own_file

_DIGEST_OCTETS = 32
_LARGEST = 64 << 20


def place(name: str) -> Path | None:
    """Where the cache file with a name is; None where there is no home for it (XDG base directories)."""
    try:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        return None
    return folder / "pytest-euicc" / name


def read(path: Path | None) -> bytes | None:
    """What was written there; None where there is nothing, or it is damaged, or others may have written it.

    What is read is unpickled, and so executed: it must be the user's own.
    """
    if path is None:
        return None
    with suppress(OSError):
        stored = read_own_file(path, _LARGEST)
        digest, content = stored[:_DIGEST_OCTETS], stored[_DIGEST_OCTETS:]
        if hashlib.sha256(content).digest() == digest:
            return content
    return None


def write(path: Path | None, content: bytes) -> None:
    """Write a temporary file, then rename: no process sees half a file. A read-only home only costs time."""
    if path is None:
        return
    with suppress(OSError):
        private_folder(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(content).digest() + content)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink()
            raise


def stamp_of(folder: Path) -> str:
    """Changes when a source file in the folder does: by name, size and time, so that none has to be read."""
    found = sorted(_files(folder, (".py", ".asn")))
    return hashlib.sha256(repr(found).encode()).hexdigest()


def _files(folder: Path, endings: tuple[str, ...]) -> Iterator[tuple[str, int, int]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith((".", "__")):
                yield from _files(Path(entry.path), endings)
            elif entry.name.endswith(endings):
                state = entry.stat()
                yield entry.path, state.st_size, state.st_mtime_ns
