"""Two cards against one, through a real pcscd: the same sequences on cards that take their time for every APDU.

Needs what the tests through PC/SC need (`make test` installs it), so ``python -m benchmarks rack`` measures it alone.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import yaml

from pytest_euicc import resources
from pytest_euicc.reporting.run_file import load
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc

_EIDS = ("89049032123451234512345678901235", "89049032123451234512345678901332")
_SECONDS = 0.02
"""What an APDU takes on a card in a reader, about."""
_CHOSEN = "GetEID or Nickname or EnableProfile or DisableProfile or GetProfilesInfo"


class _SlowCard:
    """The simulated eUICC, with the time of a real one."""

    def __init__(self, eid: str) -> None:
        self._euicc = SimulatedEuicc(EuiccSettings(eid=eid))

    def reset(self) -> bytes:
        return self._euicc.reset()

    def transmit(self, apdu: bytes) -> bytes:
        time.sleep(_SECONDS)
        return self._euicc.transmit(apdu)


def lines() -> Iterator[str]:
    """Wall time of pytest with one card and with two, and of the APDUs alone."""
    # It brings pcscd along, which is for tests only.
    from tests.support.pcscd import running

    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        declared = yaml.safe_load(resources.simulated_cards()[0].declaration.read_text(encoding="utf-8"))
        del declared["eid"]
        (folder / "card.yaml").write_text(yaml.safe_dump(declared | {"test_cards": list(_EIDS)}), encoding="utf-8")
        for slot, eid in enumerate(_EIDS):
            stack.enter_context(running().inserted(_SlowCard(eid), slot))
        figures = [_run(folder, count) for count in (1, 2)]
    (whole, busy, apdus), (whole_two, busy_two, apdus_two) = figures
    least = f"{_SECONDS * 1000:.0f} ms"
    yield f"one card:  {apdus} APDUs of {least} and more in {busy:.1f} s, pytest as a whole {whole:.1f} s"
    yield f"two cards: {apdus_two} APDUs in {busy_two:.1f} s, pytest as a whole {whole_two:.1f} s"
    yield f"two cards are {busy / busy_two:.2f} × as fast as one, pytest as a whole {whole / whole_two:.2f} ×"


def _run(folder: Path, count: int) -> tuple[float, float, int]:
    """Seconds of pytest as a whole and from its first APDU to its last, and the number of APDUs, with so many cards."""
    cards = [f"pcsc:eid={eid}" for eid in _EIDS[:count]]
    (folder / "rack.yaml").write_text(json.dumps([{"declaration": "card.yaml", "cards": cards}]), encoding="utf-8")
    report = folder / f"out-{count}"
    options = ["--euicc-pool", str(folder / "rack.yaml"), "--euicc-report", str(report), "-n", str(count), "-q"]
    suite = str(resources.suites() / "test_es10c.py")
    plugins = ("-p", "no:cacheprovider", "-p", "no:hypothesispytest")
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "pytest", suite, "-k", _CHOSEN, *plugins, *options],
        capture_output=True,
        text=True,
        check=False,
    )
    whole = time.perf_counter() - started
    if done.returncode:
        raise SystemExit(f"pytest ended with {done.returncode}:\n{done.stdout[-2000:]}")
    times = [
        json.loads(line)["time"]
        for file in (report / "exchanges").glob("*.jsonl")
        for line in file.open(encoding="utf-8")
    ]
    return whole, max(times) - min(times), sum(entry.apdus for entry in load(report).sequences)
