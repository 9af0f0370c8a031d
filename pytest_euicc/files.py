"""Files that a user names, read with a limit: what has no end, or is no file, is refused before it is opened."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

LARGEST_PACKAGE = 16 << 20
"""Octets of a profile package or an icon at most; that of a Bound Profile Package is smaller by far."""

PUBLISHED_FOLDER = "EUICC_TS48_DIR"
"""Environment variable that names a folder of published profile packages (``*.der``)."""


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


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A file that was not there before, for writing; if it cannot be written to its end, it is removed again.

    Raises:
        OSError: it is there already (FileExistsError), or cannot be written.
    """
    file = path.open("xb")
    try:
        with file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def private_folder(path: Path) -> None:
    """Make a folder that nobody else can write to or look into, or see that it is one.

    Raises:
        OSError: it cannot be made, or it is somebody else's, or a link to somewhere else.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or not _own(found):
        raise PermissionError(errno.EPERM, "it is not a folder of this user; remove it", str(path))
    if hasattr(os, "getuid") and found.st_mode & 0o077:
        path.chmod(0o700)


def read_own_file(path: Path, largest: int) -> bytes:
    """The octets of a file that nobody else can have written.

    Raises:
        OSError: as for `read_file`; also where the file or its folder is not the user's own, or others may write there.
    """
    for place in (path.parent, path):
        found = place.stat()
        if not _own(found) or (hasattr(os, "getuid") and found.st_mode & 0o022):
            raise PermissionError(errno.EPERM, "others may have written it", str(path))
    return read_file(path, largest)


def _own(found: os.stat_result) -> bool:
    return not hasattr(os, "getuid") or found.st_uid == os.getuid()
