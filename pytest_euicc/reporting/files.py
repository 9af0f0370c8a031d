"""Report files: written whole or not at all."""

from __future__ import annotations

import errno
import os
from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a text file by way of a temporary one beside it; what was there stays until all is on the disk.

    What UTF-8 cannot hold (a lone surrogate) is escaped.

    Raises:
        OSError: it cannot be written; nothing is left beside it.
    """
    if not path.name:
        # "" and "." are this folder, as of a variable that is not set.
        raise IsADirectoryError(errno.EISDIR, "this is no file name")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("w", encoding="utf-8", errors="backslashreplace", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
