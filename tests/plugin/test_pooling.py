"""Many cards in one run: products with verdicts of their own, workers with a card each, also through a real pcscd."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from pytest_euicc import interfaces  # noqa: F401  (what a run in this process imports stays imported)
from pytest_euicc.reporting import manifest
from pytest_euicc.reporting.run_file import RunRecord, load
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.own_vectors import KILLED, SUITE, VECTOR
from tests.support.pcscd import Pcscd
from tests.support.plugin_runs import run_alone, run_process

EIDS = ("89049032123451234512345678901235", "89049032123451234512345678901332")
OPTIONS = [
    "-p",
    "no:cacheprovider",
    "--euicc-vectors",
    "own.yaml",
    "--euicc-report",
    "out",
    "--euicc-pool",
    "rack.yaml",
]


@pytest.fixture
def bench(pytester: pytest.Pytester) -> pytest.Pytester:
    """A folder with three sequences, and declarations of two cards by their EIDs."""
    pytester.makefile(".yaml", own=VECTOR)
    pytester.makepyfile(test_own=SUITE)
    for number, eid in enumerate(EIDS, 1):
        pytester.makefile(".yaml", **{f"card{number}": f"version: 2.6\nname: Card {number}\ntest_cards: ['{eid}']\n"})
    return pytester


def by_product(run: RunRecord) -> dict[tuple[str, str], str]:
    return {(entry.product, entry.id.removeprefix("TC_Own_")): entry.verdict for entry in run.sequences}


VERDICTS = {"O1": "pass", "O2": "fail", "O3": "inconclusive"}


def test_two_products_in_one_process(bench: pytest.Pytester) -> None:
    bench.makefile(".yaml", one=f"eid: '{EIDS[0]}'", two=f"eid: '{EIDS[1]}'")
    bench.makefile(
        ".yaml",
        rack="- {name: old, declaration: card1.yaml, cards: ['sim:one.yaml']}\n"
        "- {declaration: card2.yaml, cards: ['sim:two.yaml']}\n",
    )
    bench.makepyfile(
        test_python="def test_eid(isdr, declaration):\n    assert isdr.get_eid() in declaration.test_cards\n"
    )
    result = bench.runpytest_inprocess(*OPTIONS, "--euicc-plan", "-v", "--junitxml", "junit.xml")
    result.stdout.fnmatch_lines(
        ["product card2", "*test_sequence?TC_Own_O1-@old?*PASSED*", "*::test_eid?@old?*", "card2:", "own *1 pass*"]
    )
    run = load(bench.path / "out")
    assert by_product(run) == {(product, name): VERDICTS[name] for product in ("card2", "old") for name in VERDICTS}
    assert {(entry.product, entry.eid) for entry in run.sequences} == {("old", EIDS[0]), ("card2", EIDS[1])}
    assert [(card["product"], card["eid"]) for card in run.cards] == [("card2", EIDS[1]), ("old", EIDS[0])]
    assert [declared["name"] for declared in run.declarations[:2]] == ["Card 1", "Card 2"]
    assert 'name="TC_Own_O2@old"' in (bench.path / "junit.xml").read_text()
    page = (bench.path / "out" / "summary.html").read_text()
    assert 'id="TC_Own_O2@old"' in page
    assert EIDS[1] in page


def test_one_card_and_a_pool_contradict(bench: pytest.Pytester) -> None:
    bench.makefile(".yaml", rack="- {declaration: card1.yaml, cards: [sim]}")
    result = bench.runpytest_inprocess(*OPTIONS, "--euicc", "sim:x.yaml")
    result.stderr.fnmatch_lines(["*--euicc and --euicc-pool: the pool file lists the cards; omit --euicc*"])
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    bench.makefile(".yaml", rack="- {declaration: card1.yaml, cards: [pcs]}")
    result = bench.runpytest_inprocess(*OPTIONS)
    result.stderr.fnmatch_lines(["*--euicc-pool: rack.yaml:1:37: no transport 'pcs'; did you mean 'pcsc'?*"])


DYING = """
from pytest_euicc.card.errors import CardMute
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
transmit = SimTransport.transmit
gone = []
def dying(self, apdu):
    first = self.euicc.settings.eid.hex().endswith("235")
    if gone and first:
        raise CardMute("the card is mute")
    answer = transmit(self, apdu)
    if first and apdu[1] == 0xE2 and %s:
        gone.append(self)
    return answer
SimTransport.transmit = dying
import pytest
@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    pytest.second = "O2" in item.name
"""


@pytest.mark.parametrize("spare", [True, False])
def test_a_card_that_dies_is_replaced_by_a_spare_one(bench: pytest.Pytester, spare: bool) -> None:
    """Else it would get the sequences of the living cards as well, for it needs no time to run one."""
    bench.makefile(".yaml", one=f"eid: '{EIDS[0]}'", two=f"eid: '{EIDS[1]}'")
    places = ["sim:one.yaml", "sim:two.yaml"][: 1 + spare]
    bench.makefile(".yaml", rack=f"- {{declaration: card2.yaml, cards: {places}}}\n")
    bench.makeconftest(DYING % "pytest.second")
    result = run_process(bench, *OPTIONS)
    reported = [(entry.id[-2:], entry.verdict, entry.eid) for entry in load(bench.path / "out").sequences]
    if spare:
        assert reported == [("O1", "pass", EIDS[0]), ("O2", "inconclusive", EIDS[0]), ("O3", "inconclusive", EIDS[1])]
        assert [card["eid"] for card in load(bench.path / "out").cards] == list(EIDS)
    else:
        assert [entry[:2] for entry in reported] == [("O1", "pass"), ("O2", "inconclusive")]
        result.stdout.fnmatch_lines(["*card2: none of its cards can be used:*"])


def cards(pcscd: Pcscd, *eids: str) -> ExitStack:
    stack = ExitStack()
    for slot, eid in enumerate(eids):
        stack.enter_context(pcscd.inserted(SimulatedEuicc(EuiccSettings(eid=eid)), slot))
    return stack


@pytest.mark.pcsc
def test_different_cards_are_products_of_one_run(bench: pytest.Pytester, pcscd: Pcscd) -> None:
    """The cards stand in the readers in another order than in the file: they are known by their EIDs."""
    bench.makefile(".yaml", rack="- declaration: card1.yaml\n- declaration: card2.yaml\n")
    with cards(pcscd, EIDS[1], EIDS[0]):
        result = run_process(bench, *OPTIONS, "-n", "auto")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    run = load(bench.path / "out")
    assert by_product(run) == {(product, name): VERDICTS[name] for product in ("card1", "card2") for name in VERDICTS}
    assert {(entry.product, entry.eid) for entry in run.sequences} == {("card1", EIDS[0]), ("card2", EIDS[1])}
    assert {entry.evidence.file for entry in run.sequences if entry.evidence} == {
        "exchanges/gw0.jsonl",
        "exchanges/gw1.jsonl",
    }
    assert list(manifest.verify(bench.path / "out")) == []


@pytest.mark.pcsc
def test_the_card_of_a_killed_worker_is_leased_again(bench: pytest.Pytester, pcscd: Pcscd) -> None:
    bench.makefile(".yaml", rack=f"- {{declaration: card1.yaml, cards: ['pcsc:eid={EIDS[0]}']}}\n")
    bench.makeconftest(KILLED)
    with cards(pcscd, EIDS[0]):
        result = run_process(bench, *OPTIONS, "-n", "1")
    result.stdout.fnmatch_lines(["*worker 'gw0' crashed while running*"])
    run = load(bench.path / "out")
    verdicts = {
        name.removeprefix("TC_Own_"): verdict for name, verdict in {e.id: e.verdict for e in run.sequences}.items()
    }
    assert verdicts == VERDICTS | {"O2": "not finished"}
    by = {Path(entry.evidence.file).stem for entry in run.sequences if entry.evidence}
    assert by == {"gw0", "gw1"}


@pytest.fixture
def other_host(bench: pytest.Pytester) -> Iterator[str]:
    """A socket server of execnet, as on another machine: it works in a folder of its own."""
    away = bench.mkdir("away")
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    host = f"127.0.0.1:{listener.getsockname()[1]}"
    listener.close()
    server = subprocess.Popen(
        [sys.executable, "-m", "execnet.script.socketserver", host],
        cwd=away,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert server.stdout is not None
    assert b"Accept loop" in server.stdout.readline()
    yield host
    server.kill()
    server.wait()
    server.stdout.close()


def test_a_card_on_another_host(bench: pytest.Pytester, other_host: str) -> None:
    """Its evidence comes into the folder of the run, which is on this one."""
    bench.makefile(".yaml", one=f"eid: '{EIDS[0]}'", two=f"eid: '{EIDS[1]}'")
    bench.makefile(
        ".yaml",
        rack="- {declaration: card1.yaml, cards: ['sim:one.yaml']}\n"
        f"- {{declaration: card2.yaml, cards: [{{card: 'sim:two.yaml', host: '{other_host}'}}]}}\n",
    )
    for file in ("own.yaml", "rack.yaml", "card1.yaml", "card2.yaml", "one.yaml", "two.yaml"):
        shutil.copy(file, "away")
    given = ["--euicc-vectors=own.yaml", "--euicc-report=out", "--euicc-pool=rack.yaml"]
    hosts = ["--dist", "load", "--tx", "popen", "--tx", f"socket={other_host}//chdir=."]
    result = run_alone(bench, "others", *given, *hosts)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    run = load(bench.path / "out")
    assert by_product(run) == {(product, name): VERDICTS[name] for product in ("card1", "card2") for name in VERDICTS}
    assert {(entry.product, entry.eid) for entry in run.sequences} == {("card1", EIDS[0]), ("card2", EIDS[1])}
    for entry in run.sequences:
        if entry.evidence is not None:
            lines = (bench.path / "out" / entry.evidence.file).read_text().splitlines()
            exchanges = [json.loads(line) for line in lines[entry.evidence.first - 1 : entry.evidence.last]]
            assert {each["sequence"] for each in exchanges} == {entry.id}
    assert list(manifest.verify(bench.path / "out")) == []
    assert not (bench.path / "away" / "out").exists()
