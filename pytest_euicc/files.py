"""Files that a user names, read with a limit: what has no end, or is no file, is refused before it is opened."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

LARGEST_PACKAGE = 16 << 20
"""Octets of a profile package or an icon at most; that of a Bound Profile Package is smaller by far."""


def open_file(path: Path) -> BinaryIO:
    """A regular file, for reading.

    Raises:
        OSError: there is none, or it is a folder, a FIFO or a device, which could be waited for without end.
    """
    # Without O_NONBLOCK the opening of a FIFO waits for a writer.
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    raise OSError(errno.EINVAL, "it is a FIFO, a socket or a device; name a file", str(path))


def read_file(path: Path, largest: int) -> bytes:
    """The octets of a regular file; raises OSError as `open_file` does, and for more octets than *largest*."""
    with open_file(path) as file:
        octets = file.read(largest + 1)
    if len(octets) > largest:
        raise OSError(errno.EFBIG, f"it is larger than {largest} octets", str(path))
    return octets
