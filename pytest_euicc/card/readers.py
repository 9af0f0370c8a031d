"""One reader, one user: locks between the processes of one machine (workers of pytest-xdist, several runs)."""

from __future__ import annotations

import getpass
import hashlib
import os
import tempfile
from pathlib import Path

from filelock import FileLock, Timeout

from pytest_euicc.card.errors import CardError
from pytest_euicc.files import private_folder


class ReaderLock:
    """Holds one PC/SC reader for this process until `release`, or until the process ends in any way."""

    def __init__(self, reader: str) -> None:
        # Readers of the same name behind two pcscd services are two readers.
        service = os.environ.get("PCSCLITE_CSOCK_NAME", "")
        name = hashlib.sha256(f"{service}\0{reader}".encode()).hexdigest()[:16]
        user = os.getuid() if hasattr(os, "getuid") else getpass.getuser()
        folder = Path(tempfile.gettempdir()) / f"pytest-euicc-readers-{user}"
        try:
            private_folder(folder)
        except OSError as fault:
            raise CardError(f"no lock for the reader: {folder}: {fault.strerror}") from None
        self._lock = FileLock(folder / f"{name}.lock", thread_local=False)
        self._holder = folder / f"{name}.holder"

    def acquire(self) -> bool:
        """Take the reader if nobody has it; False when another process, or another transport of this one, does."""
        try:
            self._lock.acquire(timeout=0)
        except Timeout:
            return False
        self._holder.write_text(f"{os.getpid()}\n")
        return True

    @property
    def holder(self) -> str:
        """The process that has it, for people."""
        try:
            return f"process {self._holder.read_text().strip()}"
        except OSError:
            return "another process"

    def release(self) -> None:
        """Give it back; harmless when it is not held."""
        if self._lock.is_locked:
            self._holder.unlink(missing_ok=True)
            self._lock.release()
