"""A real pcscd with the virtual reader of vsmartcard (vpcd), private to this process.

pcscd has its socket's path compiled in, but takes a socket that its parent has opened (systemd's socket activation),
and its clients take the path from PCSCLITE_CSOCK_NAME. So every test process has a service of its own, with its own
ports, beside whatever runs on the machine and beside the other workers of pytest-xdist.
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
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_euicc.card.pcsc import list_readers
from pytest_euicc.simulator.vpcd import CardServer, SoftwareCard

DRIVERS = ("/usr/lib/pcsc/drivers/serial/libifdvpcd.so", "/usr/lib64/pcsc/drivers/serial/libifdvpcd.so")
SLOTS = 2
PATIENCE = 20.0

# Runs in a process of its own, which becomes pcscd: the socket is descriptor 3, as systemd hands it over.
_ACTIVATE = """
import os, socket, sys
listener = socket.socket(socket.AF_UNIX)
listener.bind(sys.argv[1])
listener.listen(16)
if listener.fileno() != 3:
    os.dup2(listener.fileno(), 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], [sys.argv[2], "--foreground", "--config", sys.argv[3]])
"""


class Pcscd:
    """The service, and its two readers ``Virtual PCD 00 00`` and ``Virtual PCD 00 01``."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="pcscd-"))
        self.socket = self._folder / "pcscd.comm"
        self.port = _free_ports(SLOTS)
        driver = next((path for path in DRIVERS if Path(path).exists()), None)
        program = shutil.which("pcscd") or shutil.which("pcscd", path="/usr/sbin:/sbin")
        if driver is None or program is None:
            pytest.fail(
                "these tests need pcscd and vpcd (Debian: apt-get install pcscd vsmartcard-vpcd)", pytrace=False
            )
        config = self._folder / "reader.conf.d"
        config.mkdir()
        (config / "vpcd").write_text(
            'FRIENDLYNAME "Virtual PCD"\n'
            f"DEVICENAME /dev/null:{self.port:#x}\nLIBPATH {driver}\nCHANNELID {self.port:#x}\n"
        )
        self._log = (self._folder / "log").open("wb")
        self._process = subprocess.Popen(
            [sys.executable, "-c", _ACTIVATE, str(self.socket), program, str(config)],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
        )
        atexit.register(self.stop)
        os.environ["PCSCLITE_CSOCK_NAME"] = str(self.socket)
        _wait(lambda: self.socket.exists() and len(list_readers()) == SLOTS, self._state)

    def stop(self) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def inserted(self, card: SoftwareCard, slot: int = 0) -> Iterator[CardServer]:
        """*card* in a reader for the length of the block; ``.stop()`` of what it gives pulls it out before."""
        server = CardServer(card, port=self.port + slot)
        server.start()
        try:
            _wait(lambda: list_readers()[slot].has_card, self._state)
            yield server
        finally:
            server.stop()
            _wait(lambda: not list_readers()[slot].has_card, self._state)

    def _state(self) -> str:
        return f"pcscd {self._process.poll()}: {(self._folder / 'log').read_text(errors='replace')[-2000:]}"


_running: list[Pcscd] = []


def running() -> Pcscd:
    """The service of this process, started when it is first asked for; libpcsclite remembers one socket a process."""
    if not _running:
        _running.append(Pcscd())
    return _running[0]


@pytest.fixture(scope="session")
def pcscd() -> Pcscd:
    """A running pcscd with two empty virtual readers."""
    return running()


def _wait(reached: object, state: object) -> None:
    assert callable(reached)
    assert callable(state)
    until = time.monotonic() + PATIENCE
    while not reached():
        assert time.monotonic() < until, f"pcscd did not get there in {PATIENCE} s: {state()}"
        time.sleep(0.02)


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
    raise RuntimeError("no free ports for vpcd")
