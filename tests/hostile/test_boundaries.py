"""What is read from outside, changed at random: each reader gives its answer or its own error, nothing else.

``EUICC_CHANGES=5000`` in the environment tries so many changes at each boundary.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc import resources
from pytest_euicc.card.channel import Card
from pytest_euicc.card.recording import Replay
from pytest_euicc.card.recording import record as record_apdus
from pytest_euicc.card.trace import Trace
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.reporting.comparison import compare
from pytest_euicc.reporting.run_file import load as load_run
from pytest_euicc.reporting.summary import html
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.smdp.orders import inventory
from pytest_euicc.simulator.smdp.orders.orders import OrderBook
from pytest_euicc.simulator.smdp.orders.store import Store
from pytest_euicc.traces import explaining, reading

CHANGES = int(os.environ.get("EUICC_CHANGES", "60"))
ICCID = bytes.fromhex("98001032547698103254")
_ODD = [
    *(b"", b"\x00", b"\xff", b"\xed\xa0\x80", b"\x1b[31m", b"null", b"[]", b"{}", b"-1", b"1e999", b"\n", b"'", b'"'),
    *(b": ", b"- ", b"&a ", b"*a", b"!!python/object:os.system ", b"<<: ", b"0" * 400, b"[" * 3000, b"\xd9\xa0"),
    *(b"2021-13-45", b"true", b"~", b"\t", b"#", b"<", b">", b"ZZ", b"9" * 5000),
]


def changed(octets: bytes, chance: random.Random) -> bytes:
    """One to three places taken away, doubled, turned, or replaced by something odd."""
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(octets) + 1)
        to = min(len(octets), at + chance.choice((0, 1, 1, 2, 5, 30)))
        match chance.randrange(5):
            case 0:
                octets = octets[:at] + octets[to:]
            case 1:
                octets = octets[:to] + octets[at:]
            case 2:
                octets = octets[:at] + bytes(each ^ 1 << chance.randrange(8) for each in octets[at:to]) + octets[to:]
            case 3:
                octets = octets[:at]
            case _:
                octets = octets[:at] + chance.choice(_ODD) + octets[to:]
    return octets


def tried(valid: bytes, read: Callable[[bytes], Any]) -> None:
    """Read what is valid, then what was changed; the error that is not documented comes with what caused it."""
    read(valid)
    chance = random.Random(11)
    for number in range(CHANGES):
        octets = changed(valid, chance)
        try:
            read(octets)
        except PytestEuiccError:
            pass
        except Exception as error:
            pytest.fail(f"change {number}: {type(error).__name__}: {error}\n{octets[:3000]!r}")


# ---------------------------------------------------------------- files that a person writes


def by_file(path: Path, read: Callable[[Path], Any]) -> Callable[[bytes], Any]:
    def through(octets: bytes) -> Any:
        path.write_bytes(octets)
        return read(path)

    return through


DECLARATION = b"""
name: A card
iut: euicc
version: "2.6.0"
options: [O_E_NIST, O_E_BRP]
eid: "89049032123451234512345678901235"
"""
SERVER = b"""
name: A server
iut: smdp
version: "2.6.0"
options: [O_P_NIST]
addresses: {smdp: a.example.com, nist: "https://a.example.com", resolve: {a.example.com: 127.0.0.1}}
inventory:
  - {matching_id: A, confirmation_code: "77", iccid: "8900012345678901234", metadata: {name: Gold, class: test}}
"""
HELD = b"""
profiles:
  - {matching_id: A, confirmation_code: "77", iccid: "8999000000000100001", tries: 3, expires: 2121-01-01T00:00:00Z}
  - {eid: "89049032123451234512345678901235", iccid: "8999000000000100002", metadata: {name: Gold, class: test}}
"""
SETTINGS = b"""
eid: "89049032123451234512345678901235"
profiles:
  - {iccid: "98990000000001000010", name: One}
"""


def readable(content: bytes, path: Path, read: Callable[[Path], Any]) -> bytes:
    """A file to start from, which has to be valid."""
    path.write_bytes(content)
    try:
        read(path)
    except PytestEuiccError as error:
        pytest.fail(f"not a valid file to start from: {error}")
    return content


@pytest.mark.parametrize("content", [DECLARATION, SERVER])
def test_declarations(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "declaration.yaml"
    tried(readable(content, path, Declaration.load), by_file(path, Declaration.load))


def test_inventories(tmp_path: Path) -> None:
    path = tmp_path / "inventory.yaml"
    tried(readable(HELD, path, inventory.load), by_file(path, inventory.load))


def test_settings(tmp_path: Path) -> None:
    path = tmp_path / "settings.yaml"
    tried(readable(SETTINGS, path, EuiccSettings.load), by_file(path, EuiccSettings.load))


def test_vectors(tmp_path: Path) -> None:
    path = tmp_path / "vectors.yaml"
    source = next(each for each in sorted(resources.vectors().rglob("*.yaml")) if b"get_eid" in each.read_bytes())
    tried(source.read_bytes()[:6000].rpartition(b"\n  - id")[0], by_file(path, lambda each: loader.load([each])))


# ---------------------------------------------------------------- files that a program writes


def record(**reported: Any) -> bytes:
    entry = {
        "id": "TC_A_01",
        "case": "TC_A",
        "interface": "ES10c",
        "title": "One",
        "verdict": "fail",
        "reason": "sw",
        "clauses": ["SGP.22 5.7.20"],
        "seconds": 1.0,
        "transport_seconds": 0.5,
        "left_behind": ["x"],
        "observations": [{"kind": "a", "text": "b", "clause": "c"}],
        "steps": [{"number": 1, "action": "a", "passed": False, "problems": []}],
    }
    heading: dict[str, Any] = {
        "schema": 2,
        "notice": "",
        "finished": True,
        "started": "2026-01-01T00:00:00+00:00",
        "seed": "a",
    }
    return json.dumps(
        heading | {"card": {"eid": "89"}, "sequences": [entry, entry | {"id": "TC_A_02"}]} | reported
    ).encode()


def test_records_of_runs(tmp_path: Path) -> None:
    path, other = tmp_path / "run.json", tmp_path / "other.json"
    other.write_bytes(record())
    before = load_run(other)

    def read(each: Path) -> None:
        run = load_run(each)
        html(run)
        str(compare([before, run]))

    tried(record(), by_file(path, read))


def test_records_of_killed_runs(tmp_path: Path) -> None:
    (tmp_path / "sequences").mkdir()
    (tmp_path / "run.json").write_bytes(record(finished=False, sequences=[]))
    lines = b"\n".join(json.dumps(each).encode() for each in json.loads(record())["sequences"]) + b"\n"
    tried(lines, by_file(tmp_path / "sequences" / "main.jsonl", lambda _path: html(load_run(tmp_path))))


TRACE = b"""> 00A40004023F00
< 621D8202782183023F00A5038001718A01058B032F0601C60690010083010190009000
> 81E2910006BF3E035C015A
< BF3E125A10890490321234512345123456789012359000
> 81E2910003BF2D00
< 6120
"""


def test_traces(tmp_path: Path) -> None:
    def read(path: Path) -> None:
        for message in reading.messages(reading.read(path)):
            explaining.name_of(message)
            list(explaining.lines(message))

    tried(TRACE, by_file(tmp_path / "trace.txt", read))


def test_rows_of_a_store(tmp_path: Path) -> None:
    (tmp_path / "held.yaml").write_bytes(HELD)
    path, kept = tmp_path / "store.db", tmp_path / "kept.db"
    _, orders = inventory.load(tmp_path / "held.yaml")
    book = OrderBook()
    store = Store(kept)
    store.attach(book)
    for order in orders:
        book.add(order)
        store._save(order)
    store.close()
    connection = sqlite3.connect(kept)
    (iccid, state), *_ = connection.execute("SELECT iccid, state FROM orders").fetchall()
    connection.close()

    def read(octets: bytes) -> None:
        shutil.copy(kept, path)
        changes = sqlite3.connect(path)
        changes.execute("UPDATE orders SET state = ? WHERE iccid = ?", (octets.decode("utf-8", "replace"), iccid))
        changes.commit()
        changes.close()
        again = OrderBook()
        for order in inventory.load(tmp_path / "held.yaml")[1]:
            again.add(order)
        opened = Store(path)
        try:
            opened.attach(again)
        finally:
            opened.close()

    tried(state.encode(), read)


# ---------------------------------------------------------------- answers of a card


class Lying(SimTransport):
    """A card whose answers are changed, from a certain one on."""

    lie: Callable[[bytes], bytes] | None = None

    def transmit(self, command: bytes) -> bytes:
        answer = super().transmit(command)
        return answer if self.lie is None or len(answer) < 3 else self.lie(answer[:-2]) + answer[-2:]


def functions(isdr: Isdr) -> Iterator[Callable[[], Any]]:
    yield from (isdr.get_eid, isdr.get_euicc_info1, isdr.get_euicc_info2, isdr.get_rat, isdr.get_euicc_challenge)
    yield from (isdr.get_euicc_configured_addresses, isdr.get_profiles_info, isdr.list_notification)
    yield from (isdr.retrieve_notifications_list, lambda: isdr.remove_notification_from_list(1))
    yield from (lambda: isdr.set_nickname(ICCID, "x"), lambda: isdr.enable_profile(ICCID))
    yield from (lambda: isdr.disable_profile(ICCID), lambda: isdr.delete_profile(ICCID))
    yield from (lambda: isdr.set_default_dp_address("a.example.com"), lambda: isdr.cancel_session(b"\x01", "timeout"))
    yield from (lambda: isdr.euicc_memory_reset("resetDefaultSmdpAddress"), lambda: isdr.load_crl(b"\x30\x00"))


@pytest.mark.parametrize("number", range(18))
def test_answers_of_a_card(number: int) -> None:
    chance = random.Random(number)
    transport = Lying(SimulatedEuicc(EuiccSettings()))
    card = Card(transport)
    card.connect()
    for _ in range(CHANGES):
        transport.lie = None
        card.reset()
        isdr = Isdr(card.open_channel())
        isdr.select()
        transport.lie = lambda answer: changed(answer, chance)[:256]
        with suppress(PytestEuiccError):
            list(functions(isdr))[number]()


def test_recordings(tmp_path: Path) -> None:
    def talk(card: Card) -> None:
        card.connect()
        isdr = Isdr(card.open_channel())
        isdr.select()
        isdr.get_eid()
        isdr.get_profiles_info()

    path = tmp_path / "run.trace"
    recorder = record_apdus(SimTransport(SimulatedEuicc(EuiccSettings())), path)
    talk(Card(recorder))
    recorder.close()
    tried(path.read_bytes(), by_file(tmp_path / "changed.trace", lambda each: talk(Card(Replay(Trace.load(each))))))
