"""Single operations, in units of one P-256 verification."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from pytest_euicc.asn1 import codec
from pytest_euicc.card.channel import Card
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.rsp import signatures
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc


def seconds(work: Callable[[], object], repeat: int) -> float:
    """Seconds of one call, the best of five rounds."""
    work()
    rounds = []
    for _ in range(5):
        before = time.perf_counter()
        for _ in range(repeat):
            work()
        rounds.append((time.perf_counter() - before) / repeat)
    return min(rounds)


def lines() -> Iterator[str]:
    """One line for each operation."""
    transport = SimTransport(SimulatedEuicc())
    card = Card(transport)
    card.connect()
    key = signatures.private_key_from(b"bench", signatures.CURVES["nist"])
    signature = signatures.sign(key, b"bench")
    isdr = Isdr(card.open_channel())
    isdr.select()
    info2 = isdr.call("get_euicc_info2").octets
    floor = seconds(lambda: signatures.verify(key.public_key(), b"bench", signature), 200)
    figures = {
        "one P-256 verification (the unit)": floor,
        "one P-256 signature": seconds(lambda: signatures.sign(key, b"bench"), 200),
        "EUICCInfo2 decoded": seconds(lambda: codec.decode("EUICCInfo2", info2), 200),
        "EUICCInfo2 checked for DER": seconds(lambda: codec.check_der(info2, "EUICCInfo2"), 200),
        "GetEID, harness and card": seconds(isdr.get_eid, 200),
        "snapshot and restore": seconds(lambda: transport.restore(transport.snapshot()), 500),
    }
    for name, figure in figures.items():
        yield f"{name:<40} {figure * 1e6:9.1f} µs  {figure / floor:7.2f} ×"
