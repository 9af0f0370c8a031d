"""A whole download over HTTPS on the simulated pair: in process, and with the card behind pcscd."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.shares import ASN1, CERTIFICATES, CRYPTOGRAPHY, TLS, measured
from pytest_euicc.card.channel import Card
from pytest_euicc.card.transport import Transport, TransportOptions, open_transport
from pytest_euicc.conformance.files.orders import OrderWish
from pytest_euicc.es9.client import Es9Client
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.lpa import Lpa
from pytest_euicc.rsp import profile_package
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.pcscd import PcscdMissing, installed

_ROUNDS = 15
_PROFILE = profile_package.build(bytes.fromhex("98999010325476981032"), filler=10_000)
_RESTORE = bytes.fromhex("80FC000000")


@dataclass
class _Pair:
    """A card that downloads again and again from one server; each time the card is put back first."""

    card: Card
    smdp: SimulatedSmdp

    def download(self, *, fresh: bool) -> float:
        """Seconds of the processor for one download, both sides; ``fresh``: over a new TLS connection."""
        self.smdp.begin(1)
        held = self.smdp.offer(OrderWish(package=_PROFILE))
        self.card.reset()
        self.card.transmit(_RESTORE)
        isdr = Isdr(self.card.open_channel())
        isdr.select()
        kept = self.smdp.client("nist")
        client = Es9Client(*self.smdp.endpoint("nist")) if fresh else kept
        lpa = Lpa(isdr, lambda _address: client)
        started = time.process_time()
        lpa.download(f"1${self.smdp.address}${held.matching_id}")
        taken = time.process_time() - started
        if fresh:
            client.close()
        return taken


def _middle(work: Callable[[], float]) -> float:
    work()
    return statistics.median(work() for _ in range(_ROUNDS))


def lines() -> Iterator[str]:
    """Medians of some downloads."""
    smdp = SimulatedSmdp(default_pki())
    try:
        pair = _Pair(_opened(SimTransport(SimulatedEuicc())), smdp)
        kept = _middle(lambda: pair.download(fresh=False))
        fresh = _middle(lambda: pair.download(fresh=True))
        with measured() as shares:
            for _ in range(_ROUNDS):
                pair.download(fresh=True)
        seconds = {name: taken / _ROUNDS for name, taken in shares.seconds.items()}
        own, tls, operations = seconds[CRYPTOGRAPHY], seconds[TLS], shares.calls[CRYPTOGRAPHY] // _ROUNDS
        yield f"a download of {len(_PROFILE)} octets over HTTPS: {fresh * 1e3:.1f} ms"
        ratio = f"{fresh / own:.1f} × that (goal: 4 ×)"
        yield f"    {operations} cryptographic operations: {own * 1e3:.1f} ms; the download is {ratio}"
        yield f"    certificates {seconds[CERTIFICATES] / fresh:.0%}, ASN.1 {seconds[ASN1] / fresh:.0%} of it"
        yield f"    TLS handshake, both sides: {tls * 1e3:.1f} ms; {fresh / (own + tls):.1f} × with it"
        yield f"    on a kept connection: {kept * 1e3:.1f} ms, {kept / own:.1f} ×"
        yield from _behind_pcscd(smdp, kept)
    finally:
        smdp.close()


def _opened(transport: Transport) -> Card:
    card = Card(transport)
    card.connect()
    return card


def _behind_pcscd(smdp: SimulatedSmdp, in_process: float) -> Iterator[str]:
    try:
        pcscd: Any = _service()
    except LookupError as error:
        yield f"through pcscd: not measured: {error}"
        return
    try:
        with pcscd.inserted(SimulatedEuicc()):
            pair = _Pair(_opened(open_transport("pcsc:0", TransportOptions())), smdp)
            through = _middle(lambda: pair.download(fresh=False))
            pair.card.close()
        yield f"    the same through pcscd and vpcd: {through * 1e3:.1f} ms, {through / in_process:.1f} × in process"
    finally:
        pcscd.stop()


def _service() -> Any:
    """The private pcscd of the tests; LookupError says what is missing."""
    sys.path.insert(0, str(Path(__file__).parent.parent))
    try:
        import smartcard  # noqa: F401

        from tests.support.pcscd import Pcscd
    except ImportError as error:
        raise LookupError(f"{error}; make test sets pyscard up") from None
    try:
        installed()
    except PcscdMissing as error:
        raise LookupError(str(error)) from None
    return Pcscd()
