"""The same sequences in process, through a real pcscd, and replayed from a recording: the same verdicts."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from pytest_euicc import resources
from pytest_euicc.card.channel import Card
from pytest_euicc.card.recording import record
from pytest_euicc.card.transport import Transport, open_transport
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.covering import CHOICES, Choice
from tests.support.pcscd import Pcscd

STARTED = datetime(2026, 1, 1, tzinfo=UTC)


def verdicts(transport: Transport, choice: Choice, *, real_card: bool = False) -> dict[str, str]:
    """Verdict of each chosen sequence of those that come with the package."""
    card = Card(transport)
    card.connect()
    declaration = Declaration.load(resources.declarations() / "simulated.yaml")
    pki = default_pki()
    smdp = SimulatedSmdp(pki)
    session = Session(
        card, declaration, real_card=real_card, trust=pki.trust(), seed="parity", started=STARTED, pki=pki, smdp=smdp
    )
    runner = Runner(session)
    found = {}
    for case, sequence in choice(loader.load([resources.vectors()])):
        result = runner.run(case, sequence)
        assert not result.left_behind, result.id
        found[result.id] = str(result.verdict)
    card.close()
    smdp.close()
    return found


@pytest.fixture(scope="module", params=CHOICES)
def choice(request: pytest.FixtureRequest) -> Choice:
    """Which sequences are run."""
    chosen: Choice = request.param
    return chosen


@pytest.fixture(scope="module")
def in_process(choice: Choice) -> dict[str, str]:
    """Verdicts on the simulated eUICC in this process."""
    return verdicts(SimTransport(SimulatedEuicc()), choice)


def test_the_simulated_euicc_conforms(in_process: dict[str, str]) -> None:
    assert len(in_process) >= 120
    assert set(in_process.values()) == {"pass", "not applicable"}


def test_t1_gives_the_same(in_process: dict[str, str], choice: Choice) -> None:
    assert verdicts(SimTransport(SimulatedEuicc(EuiccSettings(protocol="T=1"))), choice) == in_process


def test_a_recording_replays_to_the_same(in_process: dict[str, str], choice: Choice, tmp_path: Path) -> None:
    trace = tmp_path / "run.trace"
    recorded = verdicts(record(SimTransport(SimulatedEuicc()), trace, {"seed": "parity"}), choice)
    assert recorded == in_process
    assert verdicts(open_transport(f"replay:{trace}"), choice) == in_process


@pytest.mark.pcsc
def test_pcscd_gives_the_same(in_process: dict[str, str], choice: Choice, pcscd: Pcscd) -> None:
    with pcscd.inserted(SimulatedEuicc()):
        assert verdicts(open_transport("pcsc:0"), choice, real_card=True) == in_process
