"""Pool files, leases, and which worker gets the tests of which product."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_euicc.card.errors import CardMute, ReaderBusy
from pytest_euicc.document import FileMistakes
from pytest_euicc.errors import OptionError
from pytest_euicc.lab.leasing import Lease, NoFreeCard, NotTheSame, check_same, lease
from pytest_euicc.lab.pool import Pool
from pytest_euicc.options import Options
from pytest_euicc.run import cards
from pytest_euicc.run.scheduling import ProductScheduling

EIDS = ("89049032123451234512345678901235", "89049032123451234512345678901332")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.yaml").write_text(f"version: 2.6\ntest_cards: {list(EIDS)}\n")
    (tmp_path / "one.yaml").write_text(f"version: 2.4\neid: '{EIDS[0]}'\n")
    (tmp_path / "none.yaml").write_text("version: 2.4\n")
    (tmp_path / "smdp.yaml").write_text("version: 2.4\niut: smdp\n")
    return tmp_path


def pool_of(folder: Path, text: str) -> Pool:
    (folder / "rack.yaml").write_text(text)
    return Pool.load(folder / "rack.yaml")


def test_a_pool_of_two_products(folder: Path) -> None:
    pool = pool_of(
        folder,
        """
- declaration: a.yaml
- {name: old, declaration: none.yaml, cards: [pcsc:0, {card: "pcsc:1", host: lab2}], pki: sgp26, isdr_aid: A000}
""",
    )
    first, second = pool.products
    assert pool.names == ["a", "old"]
    assert first.on("") == [f"pcsc:eid={eid}" for eid in EIDS]
    assert (second.on(""), second.on("lab2"), pool.cards_on("")) == (["pcsc:0"], ["pcsc:1"], 3)
    options = cards.options_of(Options(tester="me"), second, "pcsc:0")
    assert (options.euicc, options.declaration, options.pki) == ("pcsc:0", folder / "none.yaml", folder / "sgp26")
    assert (options.isdr_aid, options.tester) == (b"\xa0\x00", "me")


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("a.yaml", ":1:1: a pool must be a list of products"),
        ("- {declaration: a.yaml, card: pcsc}", ":1:25: unknown key 'card'; did you mean 'cards'"),
        ("- {cards: [pcsc]}", ":1:3: key 'declaration' is missing"),
        ("- {declaration: a.yaml, cards: [pcs:0]}", ":1:33: no transport 'pcs'; did you mean 'pcsc'"),
        ("- {declaration: a.yaml, name: a b}", "'a b' cannot be a name"),
        ("- {declaration: a.yaml}\n- {declaration: a.yaml}", "2 products are called 'a'"),
        ("- {declaration: none.yaml}", "where are its cards"),
        ("- {declaration: smdp.yaml, cards: [sim]}", "declares iut: smdp"),
        ("- {declaration: one.yaml, cards: [sim, sim]}", "2 cards, but .*declares one by its eid"),
        ("- {declaration: gone.yaml}", "gone.yaml:1:1: cannot be read"),
    ],
)
def test_a_pool_with_a_mistake(folder: Path, text: str, reported: str) -> None:
    with pytest.raises(FileMistakes, match=reported):
        pool_of(folder, text)


class Rack:
    """Cards by name: free, or why not; ``at`` names the moment from which a busy one is free."""

    def __init__(self, **states: Any) -> None:
        self.states, self.now = states, 0.0
        self.asked: list[str] = []

    def open(self, _number: int, card: str) -> str:
        self.asked.append(card)
        state = self.states[card]
        if isinstance(state, Exception):
            raise state
        if self.now < state:
            raise ReaderBusy(f"{card} is in use")
        return card

    def lease(self, **more: Any) -> str:
        return lease("acme", list(self.states), self.open, clock=lambda: self.now, sleep=self.sleep, **more)

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_the_first_free_card_is_leased() -> None:
    rack = Rack(a=99, b=CardMute("b is mute"), c=0)
    assert (rack.lease(), rack.asked, rack.now) == ("c", ["a", "b", "c"], 0)
    rack = Rack(a=0, b=0, c=0)
    assert rack.lease(first=4) == "b"


def test_a_card_in_use_is_waited_for() -> None:
    rack = Rack(a=5, b=CardMute("b is mute"))
    assert rack.lease() == "a"
    assert 5 <= rack.now < 6


def test_no_card_is_free() -> None:
    rack = Rack(a=99, b=CardMute("b is mute"))
    with pytest.raises(NoFreeCard, match=r"acme: none of its cards can be used:\n  a: a is in use\n  b: b is mute"):
        rack.lease(patience=10)
    broken = Rack(b=CardMute("b is mute"))
    with pytest.raises(NoFreeCard):
        broken.lease()
    assert broken.now == 0
    with pytest.raises(NoFreeCard, match="no card on this host"):
        Rack().lease()


def test_a_lease_excludes_the_others(tmp_path: Path) -> None:
    first = Lease(tmp_path, "acme", 0).take()
    with pytest.raises(ReaderBusy, match="in use by another worker"):
        Lease(tmp_path, "acme", 0).take()
    Lease(tmp_path, "acme", 1).take().release()
    first.release()
    Lease(tmp_path, "acme", 0).take().release()
    Lease(None, "acme", 0).take().release()


def test_cards_of_a_product_are_the_same(tmp_path: Path) -> None:
    check_same(tmp_path, "acme", {"svn": "2.6.0", "firmware": "1.0.0", "eid": EIDS[0]})
    check_same(tmp_path, "acme", {"svn": "2.6.0", "firmware": "1.0.0", "eid": EIDS[1]})
    check_same(tmp_path, "other", {"svn": "2.6.0", "firmware": "2.0.0"})
    with pytest.raises(NotTheSame, match=r"EID 8904\d+ has firmware 1\.1\.0, not 1\.0\.0 as the first card of acme"):
        check_same(tmp_path, "acme", {"svn": "2.6.0", "firmware": "1.1.0", "eid": EIDS[1]})
    check_same(None, "acme", {})


def spec(host: str = "") -> SimpleNamespace:
    return SimpleNamespace(ssh=host or None, socket=None)


TWO = """
- {name: a, declaration: none.yaml, cards: [sim, sim, {card: sim, host: lab2}]}
- {name: b, declaration: none.yaml, cards: [sim]}
"""


def test_no_more_workers_than_cards(folder: Path) -> None:
    pool = pool_of(folder, TWO)
    cards.check_workers(pool, [spec(), spec(), spec(), spec("lab2")])
    with pytest.raises(OptionError, match=r"4 workers on this host, but .*rack\.yaml has 3 cards there"):
        cards.check_workers(pool, [spec()] * 4)
    with pytest.raises(OptionError, match=r"2 workers on lab2, but"):
        cards.check_workers(pool, [spec(), spec("lab2"), spec("lab2")])
    with pytest.raises(OptionError, match="no worker runs where a card of b is: this host"):
        cards.check_workers(pool, [spec("lab2")])


class Worker:
    """Stands for a worker of pytest-xdist: it runs a test when it knows the next, or that there is none."""

    def __init__(self, host: str = "") -> None:
        self.gateway = SimpleNamespace(spec=spec(host), id="gw")
        self.given: list[int] = []
        self.ran: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, indices: Sequence[int]) -> None:
        assert not self.shutting_down
        self.given += indices

    def shutdown(self) -> None:
        self.shutting_down = True

    def step(self, scheduler: Any) -> bool:
        if not self.given or (len(self.given) == 1 and not self.shutting_down):
            return False
        self.ran.append(self.given.pop(0))
        scheduler.mark_test_complete(self, self.ran[-1])
        return True


def scheduled(pool: Pool, workers: list[Worker], tests: list[str]) -> Any:
    scheduler: Any = ProductScheduling(pool, len(workers))
    for worker in workers:
        scheduler.add_node(worker)
    for worker in workers:
        assert not scheduler.collection_is_completed
        scheduler.add_node_collection(worker, tests)
    scheduler.schedule()
    return scheduler


def to_the_end(scheduler: Any, workers: list[Worker]) -> None:
    moved = True
    while moved:
        moved = sum(worker.step(scheduler) for worker in workers) > 0


TESTS = [*(f"t[S{n}-@a]" for n in range(30)), *(f"t[S{n}-@b]" for n in range(30)), *(f"t[P{n}]" for n in range(7))]


def products(worker: Worker, tests: Sequence[str] = TESTS) -> list[str]:
    """Of the tests that it ran, in their order, each once in a row."""
    ran = [cards.product_of(tests[index]) for index in worker.ran]
    return [name for number, name in enumerate(ran) if number == 0 or ran[number - 1] != name]


@pytest.mark.parametrize("hosts", [[""], ["", ""], ["", "", ""], ["", "", "", "lab2"]])
def test_every_test_runs_once_on_a_card_of_its_product(folder: Path, hosts: list[str]) -> None:
    pool = pool_of(folder, TWO)
    workers = [Worker(host) for host in hosts]
    scheduler = scheduled(pool, workers, TESTS)
    to_the_end(scheduler, workers)
    assert sorted(index for worker in workers for index in worker.ran) == list(range(len(TESTS)))
    assert scheduler.tests_finished
    assert not scheduler.has_pending
    for worker in workers:
        assert worker.shutting_down
        assert len(worker.ran) >= 8
        with_card = [name for name in products(worker) if name]
        assert len(with_card) == len(set(with_card)), "a worker changed its card more often than it had to"
        if worker.gateway.spec.ssh:
            assert set(with_card) == {"a"}
    if len(hosts) > 1:
        assert sum("b" in products(worker) for worker in workers) == 1, "there is one card of this product"


def test_what_a_dead_worker_had_is_run_by_the_next(folder: Path) -> None:
    workers = [Worker(), Worker()]
    scheduler = scheduled(pool_of(folder, TWO), workers, TESTS)
    for _ in range(3):
        for worker in workers:
            worker.step(scheduler)
    dead, other = workers
    lost = dead.given[0]
    assert scheduler.remove_node(dead) == TESTS[lost]
    new = Worker()
    scheduler.add_node(new)
    scheduler.add_node_collection(new, TESTS)
    scheduler.schedule()
    to_the_end(scheduler, [other, new])
    ran = sorted([*dead.ran, *other.ran, *new.ran, lost])
    assert ran == list(range(len(TESTS)))


def test_workers_that_collect_different_tests_are_told(folder: Path) -> None:
    scheduler: Any = ProductScheduling(pool_of(folder, TWO), 2)
    one, two = Worker(), Worker()
    scheduler.add_node_collection(one, TESTS)
    with pytest.raises(RuntimeError, match="worker gw has collected other tests"):
        scheduler.add_node_collection(two, TESTS[1:])


def test_names_of_tests() -> None:
    assert cards.product_of("suites/test_es10c.py::test_sequence[TC_ES10c.GetEID_01-@acme]") == "acme"
    assert cards.product_of("suites/test_es9plus.py::test_sequence[TC_SM-DP+_ES9+.X_01]") == ""
    assert cards.sequence_of("TC_ES10c.GetEID_01-@acme") == "TC_ES10c.GetEID_01"
