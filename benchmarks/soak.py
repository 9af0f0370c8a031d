"""``python -m benchmarks.soak [SECONDS]``: hostile traffic for a while; counts exceptions and hangs, measures memory.

In turn: APDUs at random to the simulated card, odd answers over HTTPS to the ES9+ client, power cuts in a download.
With no time given: 10⁶ APDUs, 10⁵ HTTP answers and 2,000 power cuts. Progress goes to stderr, the figures to stdout.
"""

from __future__ import annotations

import faulthandler
import json
import random
import resource
import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardError
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.es10.functions import FUNCTIONS
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.lpa import InstallationFailed, Lpa, LpaError
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.smdp.http.server import SmdpServer
from pytest_euicc.simulator.smdp.http.tls import server_context
from pytest_euicc.simulator.smdp.orders.inventory import Inventory
from pytest_euicc.simulator.smdp.service import SmdpService

APDUS, ANSWERS, CUTS = 1_000_000, 100_000, 2_000
HOST = "testsmdpplus1.example.com"
ICCID = bytes.fromhex("98001032547698103254")
_TLS = TlsSettings(default_pki().trust(), timeout=5.0, resolve={HOST: "127.0.0.1"})
_HANG = 120.0
_WAIT = 0.3
_CLIENTS = 10
"""Clients at a time: most of an odd answer is waiting for the rest of it until the time is up."""
_PROGRESS = 60.0
_ROUND = {"APDUs": 2000, "HTTP answers": 200, "power cuts": 4}
_BODY = b'{"header":{"functionExecutionStatus":{"status":"Executed-Success"}}}'
_GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)


def bent(octets: bytes, chance: random.Random) -> bytes:
    """Octets with a few of them changed, taken away or put in."""
    made = bytearray(octets)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(made) + 1)
        made[at : at + chance.randrange(3)] = chance.randbytes(chance.randrange(3))
    return bytes(made)


class Apdus:
    """Commands at random, and nearly right ones, to the simulated card."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._card = SimulatedEuicc(EuiccSettings())
        self._card.reset()
        self._requests = [
            bytes.fromhex("00A4040010A0000005591010FFFFFFFF8900000100"),
            *(bytes((0x80, 0xE2, 0x91, 0, 3)) + each.tag.to_bytes(2) + b"\0" for each in FUNCTIONS.values()),
        ]

    def once(self) -> None:
        """One command; raises what must not come."""
        if self._chance.random() < 0.3:
            command = self._chance.randbytes(self._chance.randrange(4, 40))
        else:
            command = bent(self._chance.choice(self._requests), self._chance)
        if len(self._card.transmit(command)) < 2:
            raise AssertionError(f"{command.hex()} was answered by less than a status word")


class Answers:
    """Clients, each with a server whose answers are nearly right."""

    def __init__(self, chance: random.Random) -> None:
        self.became: Counter[str] = Counter()
        self._clients = [_Rough(random.Random(chance.random()), self.became) for _ in range(_CLIENTS)]
        self._pool = ThreadPoolExecutor(_CLIENTS)

    def once(self) -> None:
        """One request of each client."""
        for _ in self._pool.map(_Rough.once, self._clients):
            pass


class _Rough:
    def __init__(self, chance: random.Random, became: Counter[str]) -> None:
        self._became = became
        self._listener = socket.create_server(("127.0.0.1", 0))
        context = server_context(default_pki().server(Role.DP_TLS), "nist")

        def answer(link: socket.socket) -> None:
            while link.recv(65536):
                if chance.random() < 0.3:
                    link.sendall(_GOOD)
                    continue
                link.sendall(bent(_GOOD, chance))
                if chance.random() < 0.8:
                    return

        def serve() -> None:
            while True:
                plain, _ = self._listener.accept()
                # The answer is not to wait for an acknowledgement of the session tickets of TLS.
                plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                try:
                    with context.wrap_socket(plain, server_side=True) as link:
                        answer(link)
                except OSError:
                    continue

        threading.Thread(target=serve, daemon=True).start()
        url = f"https://{HOST}:{self._listener.getsockname()[1]}"
        self._client = Es9Client(url, TlsSettings(_TLS.trust, timeout=_WAIT, resolve=_TLS.resolve))

    def once(self) -> None:
        """One request; an Es9Error is an answer."""
        try:
            reply = self._client.call("cancelSession", {})
            _ = reply.failed, reply.status_code, reply.message
            self._became["read"] += 1
        except Es9Error as error:
            str(error)
            self._became[type(error).__name__] += 1


class _PowerCut(CardError):
    """The card loses its power."""


class Cuts:
    """Downloads whose card loses its power at any command; afterwards the next one works."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._server = SmdpServer(SmdpService())
        self._server.start()
        self._client = Es9Client(self._server.url("nist", HOST), _TLS)
        self._euicc = SimulatedEuicc(EuiccSettings(profiles=[]))

    def once(self) -> None:
        """A download that is cut, then one that is not, whose profile is deleted."""
        for left in (self._chance.randrange(1, 40), 0):
            entry = {"octets": profile_package.build(ICCID), "matching_id": "TOKEN-1"}
            (made,) = Inventory.model_validate({"profiles": [entry]}).orders(Path())
            self._server.run(self._server.service.forget)
            self._server.run(partial(self._server.service.book.add, made))
            transport = _Cut(self._euicc, left, self._chance.random() < 0.5)
            card = Card(transport)
            card.connect()
            try:
                isdr = Isdr(card.open_channel())
                isdr.select()
                Lpa(isdr, lambda _: self._client).download(f"1${HOST}$TOKEN-1")
            except InstallationFailed as error:
                # The cut came behind the installation, or not at all.
                if error.error_reason != "installFailedDueToIccidAlreadyExistsOnEuicc":
                    raise
            except (_PowerCut, LpaError):
                if not left:
                    raise
        transport.left = 0
        for pending in isdr.list_notification()[1]:
            isdr.remove_notification_from_list(int(pending["seqNumber"]))
        if isdr.delete_profile(ICCID):
            raise AssertionError("the profile was lost")


class _Cut(SimTransport):
    def __init__(self, euicc: SimulatedEuicc, left: int, behind: bool) -> None:
        super().__init__(euicc)
        self.left, self._behind = left, behind

    def transmit(self, apdu: bytes) -> bytes:
        self.left -= 1
        if self.left == 0:
            if self._behind:
                super().transmit(apdu)
            raise _PowerCut("the power is gone")
        return super().transmit(apdu)


def memory() -> float:
    """Resident memory now, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main(seconds: float | None, seed: int = 1) -> int:
    """Print the figures as JSON; the exit status is 1 for any exception."""
    chance = random.Random(seed)
    answers = Answers(chance)
    parts: dict[str, Callable[[], None]] = {
        "APDUs": Apdus(chance).once,
        "HTTP answers": answers.once,
        "power cuts": Cuts(chance).once,
    }
    wanted = dict(zip(parts, (APDUS, ANSWERS, CUTS), strict=True))
    done: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for work in parts.values():
        work()
    started, before = time.monotonic(), memory()
    shown = started
    while (time.monotonic() - started < seconds) if seconds else any(done[name] < wanted[name] for name in parts):
        for name, work in parts.items():
            # Where something hangs, the stack says where, and the process ends.
            faulthandler.dump_traceback_later(_HANG, exit=True)
            at_once = _CLIENTS if name == "HTTP answers" else 1
            for _ in range(_ROUND[name] // at_once if seconds or done[name] < wanted[name] else 0):
                done[name] += at_once
                try:
                    work()
                except Exception as error:
                    faults[f"{name}: {type(error).__name__}: {str(error)[:200]}"] += 1
            faulthandler.cancel_dump_traceback_later()
        if time.monotonic() > shown + _PROGRESS:
            shown = time.monotonic()
            print(
                f"{shown - started:.0f} s: {dict(done)}, {len(faults)} kinds of exceptions, {memory():.0f} MB",
                file=sys.stderr,
            )
    figures = {
        "seconds": round(time.monotonic() - started),
        **done,
        "HTTP answers became": dict(answers.became),
        "exceptions": dict(faults),
        "hangs": 0,
        "memory at start, MB": round(before),
        "memory at end, MB": round(memory()),
    }
    print(json.dumps(figures, indent=1))
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]) if len(sys.argv) > 1 else None))
