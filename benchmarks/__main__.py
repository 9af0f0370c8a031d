"""``python -m benchmarks``: where the time of a run goes."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from pytest_euicc import resources
from pytest_euicc.asn1 import codec
from pytest_euicc.card.channel import Card
from pytest_euicc.conformance import loader
from pytest_euicc.conformance.context import Session
from pytest_euicc.conformance.declaration import Declaration
from pytest_euicc.conformance.runner import Runner
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc import SimulatedEuicc
from pytest_euicc.smdp_access import SimulatedSmdp


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


def main() -> int:
    """Measure and print."""
    euicc = SimulatedEuicc()
    transport = SimTransport(euicc)
    card = Card(transport)
    card.connect()
    key = signatures.private_key_from(b"bench", signatures.CURVES["nist"])
    signature = signatures.sign(key, b"bench")
    isdr = Isdr(card.open_channel())
    isdr.select()
    info2 = isdr.call("get_euicc_info2").octets
    before = transport.snapshot()
    floor = seconds(lambda: signatures.verify(key.public_key(), b"bench", signature), 200)
    figures = {
        "one P-256 verification (the unit)": floor,
        "one P-256 signature": seconds(lambda: signatures.sign(key, b"bench"), 200),
        "EUICCInfo2 decoded": seconds(lambda: codec.decode("EUICCInfo2", info2), 200),
        "EUICCInfo2 checked for DER": seconds(lambda: codec.check_der(info2, "EUICCInfo2"), 200),
        "GetEID, harness and card": seconds(isdr.get_eid, 200),
        "snapshot and restore": seconds(lambda: transport.restore(transport.snapshot()), 500),
    }
    transport.restore(before)
    for name, figure in figures.items():
        sys.stdout.write(f"{name:<40} {figure * 1e6:9.1f} µs  {figure / floor:7.2f} ×\n")
    cases = loader.load([resources.vectors()])
    declaration = Declaration.load(resources.declarations() / "simulated.yaml")
    pki = default_pki()
    smdp = SimulatedSmdp(pki)
    session = Session(card, declaration, real_card=False, trust=pki.trust(), services={"pki": pki, "smdp": smdp})
    runner = Runner(session)
    started = time.perf_counter()
    results = [runner.run(case, sequence) for case in cases for sequence in case.sequences]
    elapsed = time.perf_counter() - started
    smdp.close()
    card_time = sum(result.transport_seconds for result in results)
    apdus = sum(result.apdus for result in results)
    sys.stdout.write(
        f"{len(results)} sequences, {apdus} APDUs: {len(results) / elapsed:.0f} sequences/s; "
        f"{card_time / elapsed:.0%} of the time in the simulated card, "
        f"{(elapsed - card_time) / apdus * 1e6:.0f} µs of harness per APDU\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
