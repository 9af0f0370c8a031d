"""A pcscd with the virtual readers of vsmartcard (vpcd), private to one process, beside whatever runs on the machine.

pcscd has its socket's path compiled in, but takes a socket that its parent has opened (systemd's socket activation),
and its clients take the path from PCSCLITE_CSOCK_NAME.
"""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

from pytest_euicc.errors import PytestEuiccError

DRIVERS = ("/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "/usr/lib64/pcsc/drivers/serial/libifdvpcd.so")
SLOTS = 2
_NAME = "Virtual PCD"
_ENDS_WITHIN = 5.0

# Runs in a process of its own, which becomes pcscd: the socket is descriptor 3, as systemd hands it over. It ends with
# its parent, however that ends (PR_SET_PDEATHSIG of Linux). The socket has its name once clients can connect to it.
_ACTIVATE = """
import ctypes, os, signal, socket, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1] + ".new")
listener.listen(16)
os.rename(sys.argv[1] + ".new", sys.argv[1])
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], [sys.argv[2], "--foreground", "--config", sys.argv[3]])
"""


class PcscdMissing(PytestEuiccError):
    """pcscd or its driver vpcd is not installed."""


class PrivatePcscd:
    """The service, and its two readers ``Virtual PCD 00 00`` and ``Virtual PCD 00 01``; it runs until `stop`.

    Attributes:
        socket: where its clients find it.
        port: where the first reader waits for a software card on loopback; the second has the port after it.

    Raises:
        PcscdMissing: it is not installed.
    """

    def __init__(self) -> None:
        program, driver = installed()
        self._folder = Path(tempfile.mkdtemp(prefix="pcscd-"))
        self.socket = self._folder / "pcscd.comm"
        self.port = _free_ports(SLOTS)
        config = self._folder / "reader.conf.d"
        config.mkdir()
        (config / "vpcd").write_text(
            f'FRIENDLYNAME "{_NAME}"\nDEVICENAME /dev/null:{self.port:#x}\nLIBPATH {driver}\nCHANNELID {self.port:#x}\n'
        )
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(  # noqa: S603  (this interpreter, which becomes pcscd)
            [sys.executable, "-c", _ACTIVATE, str(self.socket), program, str(config)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        atexit.register(self.stop)

    @property
    def environment(self) -> dict[str, str]:
        """What its clients need in their environment."""
        return {"PCSCLITE_CSOCK_NAME": str(self.socket)}

    @staticmethod
    def reader(slot: int = 0) -> str:
        """Name of a reader in PC/SC."""
        return f"{_NAME} 00 {slot:02d}"

    def state(self) -> str:
        """Whether it runs and what it wrote last, for messages."""
        status = self._process.poll()
        log = (self._folder / "log").read_text(encoding="utf-8", errors="replace") if self._folder.exists() else ""
        return f"pcscd {'runs' if status is None else f'ended with status {status}'}: {log[-2000:]}"

    def stop(self) -> None:
        """End it; stopping twice does no harm."""
        atexit.unregister(self.stop)
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_ENDS_WITHIN)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def installed() -> tuple[str, str]:
    """Paths of pcscd and of its driver; raises PcscdMissing."""
    driver = next((path for path in DRIVERS if Path(path).exists()), None)
    program = shutil.which("pcscd") or shutil.which("pcscd", path="/usr/sbin:/sbin")
    if driver is None or program is None:
        raise PcscdMissing("pcscd and vpcd are not installed (Debian: apt-get install pcscd vsmartcard-vpcd)")
    return program, driver


def _free_ports(count: int) -> int:
    """The first of *count* neighbouring TCP ports that nobody listens on; below the range the kernel gives out."""
    first = 20000 + os.getpid() % 500 * 20
    for port in range(first, 32000, count):
        taken = []
        try:
            for number in range(port, port + count):
                listener = socket.socket()
                taken.append(listener)
                listener.bind(("", number))
        except OSError:
            continue
        else:
            return port
        finally:
            for listener in taken:
                listener.close()
    raise PcscdMissing("no two neighbouring ports are free for vpcd between 20000 and 32000")
