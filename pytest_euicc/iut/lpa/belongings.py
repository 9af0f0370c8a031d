"""What a program under test writes beside its standard output: a folder for each sequence, and its log."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from pytest_euicc.iut.lpa.driver_file import DriverFile
from pytest_euicc.iut.lpa.words import filled

_STANDARD_ERROR = "standard error"
_LARGEST = 64 << 20


class Belongings:
    """The folder that a driver file calls ``{folder}``, and the log that it names.

    Attributes:
        places: ``folder`` where the file has a use for it.
    """

    def __init__(self, file: DriverFile) -> None:
        self._log = file.log
        self._wanted = file.writes_to_folder
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._errors: IO[bytes] | None = None
        self.places: dict[str, str] = {}

    @property
    def errors(self) -> IO[bytes] | int:
        """Where standard error goes."""
        return self._errors if self._errors is not None else subprocess.DEVNULL

    @property
    def errors_written(self) -> int:
        """Octets that have come on standard error so far."""
        return os.fstat(self._errors.fileno()).st_size if self._errors is not None else 0

    def errors_from(self, start: int) -> str:
        """What has come on standard error from a place on."""
        # Not by seek: the program that still runs has the same position in the file.
        octets = os.pread(self._errors.fileno(), _LARGEST, start) if self._errors is not None else b""
        return octets.decode("utf-8", "replace")

    def renew(self) -> None:
        """A sequence begins: an empty folder, an empty log."""
        self.close()
        if self._wanted:
            self._folder = tempfile.TemporaryDirectory(prefix="pytest-euicc-lpa-")
            self.places = {"folder": self._folder.name}
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (closed when the next sequence begins)

    def log(self) -> str | None:
        """The log so far; None where the driver file names none."""
        if self._log == _STANDARD_ERROR:
            return self.errors_from(0)
        path = self._log_path()
        if path is None:
            return None
        return path.read_bytes()[:_LARGEST].decode("utf-8", "replace") if path.is_file() else ""

    def files(self) -> Mapping[str, bytes] | None:
        """What is in the folder without the log; None where the driver file has no use for it."""
        if self._folder is None:
            return None
        root, log = Path(self._folder.name), self._log_path()
        there = sorted(path for path in root.rglob("*") if path.is_file() and path != log)
        return {str(path.relative_to(root)): path.read_bytes()[:_LARGEST] for path in there}

    def close(self) -> None:
        """Take the folder away."""
        if self._folder is not None:
            self._folder.cleanup()
        if self._errors is not None:
            self._errors.close()
        self._folder, self._errors, self.places = None, None, {}

    def _log_path(self) -> Path | None:
        return Path(filled(self._log, self.places)) if self._log and self._log != _STANDARD_ERROR else None
