"""Archives with the same octets wherever and whenever they are made: names in order, one time, one mode, no owners."""

from __future__ import annotations

import gzip
import io
import tarfile
import time
import zipfile
from pathlib import Path

_FILE, _PROGRAM, _FOLDER = 0o644, 0o755, 0o755
_EXECUTABLE = 0o100
_UNIX = 3
_EARLIEST = 315532800
"""Of a ZIP archive: 1980-01-01."""


def settle(path: Path, moment: int) -> None:
    """Write a wheel or a source distribution anew.

    Args:
        moment: seconds since 1970 that every file in it is of.

    Raises:
        ValueError: it is neither.
    """
    if path.suffix == ".whl":
        _settle_wheel(path, moment)
    elif path.name.endswith(".tar.gz"):
        _settle_tar(path, moment)
    else:
        raise ValueError(f"{path} is no wheel and no source distribution")


def _settle_wheel(path: Path, moment: int) -> None:
    with zipfile.ZipFile(path) as wheel:
        # What is in .dist-info comes last, as PEP 427 recommends.
        names = sorted(wheel.namelist(), key=lambda name: (".dist-info/" in name, name.endswith("/RECORD"), name))
        held = [(name, wheel.read(name)) for name in names if not name.endswith("/")]
    when = time.gmtime(max(moment, _EARLIEST))[:6]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as wheel:
        for name, octets in held:
            entry = zipfile.ZipInfo(name, when)
            entry.external_attr, entry.compress_type, entry.create_system = (
                (0o100000 | _FILE) << 16,
                zipfile.ZIP_DEFLATED,
                3,
            )
            wheel.writestr(entry, octets)


def _settle_tar(path: Path, moment: int) -> None:
    packed = io.BytesIO()
    with tarfile.open(path) as before, tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as after:
        for entry in sorted(before.getmembers(), key=lambda each: each.name):
            file = before.extractfile(entry) if entry.isfile() else None
            mode = _FOLDER if entry.isdir() else _PROGRAM if entry.mode & _EXECUTABLE else _FILE
            settled = entry.replace(mtime=moment, mode=mode, uid=0, gid=0, uname="", gname="", deep=False)
            settled.pax_headers = {}
            after.addfile(settled, file)
    with path.open("wb") as out, gzip.GzipFile("", "wb", 9, out, mtime=moment) as compressed:
        compressed.write(packed.getvalue())
