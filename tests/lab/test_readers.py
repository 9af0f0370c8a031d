"""Readers, the choice of a card, waiting for one, and the card that is not the declared one."""

from __future__ import annotations

import io
import json
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_euicc import cli
from pytest_euicc.card import winscard
from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import NoCard, NoReader
from pytest_euicc.card.selecting import choose
from pytest_euicc.card.transport import TransportOptions, open_transport
from pytest_euicc.card.winscard import Reader, WinScard
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.lab.contradictions import refuse_other_card
from pytest_euicc.lab.readers import Found
from pytest_euicc.lab.waiting import wait_for_card
from pytest_euicc.run.terminal import Teller
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.pcscd import Pcscd
from tests.support.plugin_runs import run
from tests.support.scripted import ATR_T1, CardDouble

EID = "89049032123451234512345678901235"
FIRST, SECOND = "Virtual PCD 00 00", "Virtual PCD 00 01"
THREE = [Reader("ACS ACR39U 00", True, b"\x3b\x00"), Reader("OMNIKEY 01", True, ATR_T1), Reader("acs (2)", False, b"")]


@pytest.mark.parametrize(
    ("wanted", "numbers"),
    [("", [0, 1, 2]), ("1", [1]), ("omni", [1]), ("*ACS*", [0, 2]), ("acs", [0, 2]), ("OMNIKEY ?1", [1]),
     ("atr=3B 80", [1]), ("atr=3b00", [0]), ("eid=8904", [0, 1, 2])],
)  # fmt: skip
def test_what_may_be_meant(wanted: str, numbers: list[int]) -> None:
    assert choose(THREE, wanted) == [THREE[number] for number in numbers]


@pytest.mark.parametrize(
    ("wanted", "kind", "reported"),
    [("7", NoReader, "Available: 0: ACS"), ("*Gemalto*", NoReader, "Available"), ("atr=3B9F", NoCard, "ATR 3B9F"),
     ("atr=xy", NoReader, "in hex"), ("eid=x", NoReader, "32 digits")],
)  # fmt: skip
def test_what_cannot_be_meant(wanted: str, kind: type[Exception], reported: str) -> None:
    with pytest.raises(kind, match=reported):
        choose(THREE, wanted)


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_waiting_counts_down_and_takes_the_card_that_comes() -> None:
    clock, shown = Clock(), list[str]()

    def connect() -> str:
        if clock.now < 1.5:
            raise NoCard("reader 'R' is empty")
        return "card"

    assert wait_for_card(connect, 5, shown.append, clock=clock, sleep=clock.sleep) == "card"
    assert shown == [f"waiting for a card, {left} s left: reader 'R' is empty" for left in (5, 4)] + [""]


def test_waiting_ends_with_the_reason() -> None:
    clock = Clock()

    def connect() -> None:
        raise NoCard("reader 'R' is empty")

    with pytest.raises(NoCard, match="empty"):
        wait_for_card(connect, 3, lambda _: None, clock=clock, sleep=clock.sleep)
    assert clock.now == 3


def test_names_of_readers_are_escaped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    odd = Found(0, Reader("R\x1b[31m\u202e", False, b""), None, "no card; insert one")
    monkeypatch.setattr("pytest_euicc.lab.readers.find", lambda _aid: [odd])
    assert cli.main(["readers"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == r"pcsc:0  R\x1b[31m\u202e"


@pytest.mark.pcsc
def test_readers_tells_what_is_in_each(pcscd: Pcscd, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    declared = tmp_path / "card.yaml"
    declared.write_text(f'version: 2.6.0\neid: "{EID}"\n')
    card = SimulatedEuicc(EuiccSettings())
    before = card.snapshot()
    with pcscd.inserted(card, 1):
        assert cli.main(["readers", "--declaration", str(declared)]) == 0
    assert capsys.readouterr().out.splitlines() == [
        f"pcsc:0  {FIRST}",
        "        cannot be used: no card; insert one",
        f"pcsc:1  {SECOND}",
        f"        ATR {card.atr.hex().upper()}",
        f"        eUICC: EID {EID}, svn 2.6.0, 12 profiles",
        f"        declared in {declared}",
    ]
    assert card.snapshot() == before


@pytest.mark.pcsc
def test_readers_tells_of_a_card_that_is_no_euicc_and_of_one_that_is_held(
    pcscd: Pcscd, capsys: pytest.CaptureFixture[str]
) -> None:
    with pcscd.inserted(CardDouble(lambda _: b"\x6a\x82")), pcscd.inserted(SimulatedEuicc(EuiccSettings()), 1):
        holder = open_transport("pcsc:1")
        holder.connect()
        try:
            assert cli.main(["readers"]) == 0
        finally:
            holder.close()
    out = capsys.readouterr().out
    assert "cannot be used: " in out.partition(SECOND)[0]
    assert "is in use by process" in out.partition(SECOND)[2]


@pytest.mark.pcsc
def test_a_card_by_its_eid(pcscd: Pcscd) -> None:
    with pcscd.inserted(CardDouble(lambda _: b"\x6a\x82")), pcscd.inserted(SimulatedEuicc(EuiccSettings()), 1):
        transport = open_transport(f"pcsc:eid={EID[:10]}")
        transport.connect()
        assert transport.description == f"pcsc: {SECOND}"
        transport.close()
        with pytest.raises(NoCard, match=f"no card with EID 8910: .*not an eUICC; .*EID {EID}"):
            open_transport("pcsc:eid=8910").connect()
        with pytest.raises(NoCard, match="no card with ATR 3F"):
            open_transport("pcsc:atr=3F").connect()


@pytest.mark.pcsc
def test_a_card_that_is_put_in_while_it_is_waited_for(pcscd: Pcscd) -> None:
    shown: list[str] = []
    transport = open_transport("pcsc:0", TransportOptions(timeout=10))
    done = threading.Event()

    def insert() -> None:
        with pcscd.inserted(CardDouble()):
            done.wait(20)

    hand = threading.Timer(0.1, insert)

    def tell(text: str) -> None:
        # Only once nothing was found in the reader the card is put in.
        if not shown:
            hand.start()
        shown.append(text)

    try:
        wait_for_card(transport.connect, 20, tell)
        assert transport.atr == ATR_T1
        assert "is empty" in shown[0]
    finally:
        transport.close()
        done.set()
        hand.join()


def test_another_card_than_the_declared_one_ends_the_run(pytester: pytest.Pytester) -> None:
    declared = pytester.path / "card.yaml"
    declared.write_text('version: 2.6.0\neid: "89049032010000000000000000000138"\n')
    trace = pytester.path / "run.trace"
    result = run(pytester, "es10c", "-k", "GetEID", "--euicc-declaration", declared, "--euicc-record", trace)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    reported = f"declares the card with EID 89049032010000000000000000000138, but the card in * has EID {EID}"
    result.stdout.fnmatch_lines([f"*{reported}*"])
    commands = [line.split()[1] for line in trace.read_text().splitlines() if line.startswith(">")]
    asked = [f"{int(command[:2], 16) & 0xFC:02X}{command[2:4]}" for command in commands]
    assert asked == ["0070", "00A4", "00C0", "80E2", "00C0"], "nothing but the question for the EID"


def test_what_the_declaration_gets_wrong_is_told_before_the_run(pytester: pytest.Pytester) -> None:
    declared = pytester.path / "card.yaml"
    declared.write_text("version: 2.4\nsvn: 2.4.0\nrsp_capability: [additionalProfile]\noptions: [O_E_LPAe]\n")
    result = run(pytester, "es10c", "-k", "GetEID", "--euicc-declaration", declared, "--euicc-report", "out")
    record = json.loads((pytester.path / "out/run.json").read_text())
    assert "svn: declared 2.4.0" in record["card"]["the declaration contradicts the card"]
    result.stdout.fnmatch_lines(["the declaration contradicts the card: svn: declared 2.4.0, the card has 2.6.0; *"])
    out = result.stdout.str()
    assert "O_E_CRL: declared false, the card has true (rspCapability crlSupport)" in out
    assert "version: declared 2.4.0, the card follows 2.6.0" in out


def test_what_the_declaration_gets_wrong_is_a_result(pytester: pytest.Pytester) -> None:
    """An observation of a sequence, in the summary, Allure and JUnit XML; a failure if the declaration says so."""
    declared = pytester.path / "card.yaml"
    declared.write_text("version: 2.6\nsvn: 2.4.0\n")
    chosen = ("es10b", "-k", "DeclaredCapabilities_11", "--euicc-declaration", declared, "--euicc-report", "out")
    result = run(pytester, *chosen, "--alluredir", "allure", "--junitxml", "junit.xml")
    result.assert_outcomes(passed=1)
    reported = "svn: declared 2.4.0, the card has 2.6.0"
    (entry,) = json.loads((pytester.path / "out/run.json").read_text())["sequences"]
    assert [(each["kind"], each["text"]) for each in entry["observations"]] == [("contradiction", reported)]
    assert reported in (pytester.path / "out/summary.html").read_text()
    assert reported in (pytester.path / "junit.xml").read_text()
    assert any(reported in path.read_text() for path in (pytester.path / "allure").glob("*-attachment.txt"))
    declared.write_text("version: 2.6\nsvn: 2.4.0\nobservations: { contradiction: fail }\n")
    run(pytester, *chosen).assert_outcomes(failed=1)


@pytest.mark.parametrize("real", [True, False])
def test_restore_is_for_the_declared_card_alone(real: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    declaration = Declaration(eid=EID, restore=["80FC000000"])
    card = Card(open_transport("sim"))
    card.connect()
    session = Session(card, declaration, real_card=real)
    refuse_other_card(session, "card.yaml")
    assert session.declaration.restore == ["80FC000000"]
    monkeypatch.setattr("pytest_euicc.lab.contradictions.read_eid", lambda *_: "")
    refuse_other_card(session, "card.yaml")
    assert session.declaration.restore == ([] if real else ["80FC000000"])


@pytest.mark.pcsc
def test_readers_tells_that_another_program_holds_a_card(pcscd: Pcscd, capsys: pytest.CaptureFixture[str]) -> None:
    other = WinScard()
    card = CardDouble()
    try:
        with pcscd.inserted(card):
            handle, _ = other.connect(FIRST, None)
            assert cli.main(["readers"]) == 0
            assert card.received == []
            other.disconnect(handle)
    finally:
        other.close()
    assert "another program holds it exclusively" in capsys.readouterr().out.partition(SECOND)[0]


def test_a_countdown_that_is_wider_than_the_terminal() -> None:
    """It stays one line: the reason is shown once above it, and again where the card is waited for again."""
    shown = io.StringIO()
    reporter = SimpleNamespace(
        isatty=True,
        _tw=SimpleNamespace(fullwidth=40),
        rewrite=lambda line, erase=False: shown.write("\r" + (line.ljust(39) if erase else line)),
        write_line=lambda line: shown.write(f"{line}\n"),
        ensure_newline=lambda: None,
        flush=lambda: None,
    )
    plugins = {"terminalreporter": reporter}
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(get_plugin=plugins.get))
    teller, empty = Teller(config), "reader 'R' is empty: insert the card"
    for left, reason in ((3, empty), (2, empty), (1, "short")):
        teller.show(f"waiting for a card, {left} s left: {reason}")
    teller.show("")
    assert shown.getvalue().endswith(" \r"), "what comes next begins at the left"
    teller.show(f"waiting for a card, 9 s left: {empty}")
    written = [line.strip() for line in shown.getvalue().splitlines() if line.strip()]
    assert written == [
        empty,
        *(f"waiting for a card, {left} s left" for left in (3, 2)),
        "waiting for a card, 1 s left: short",
        empty,
        "waiting for a card, 9 s left",
    ]


def test_brackets_in_a_pattern_stand_for_themselves() -> None:
    readers = [
        Reader("Alcor Micro 01", has_card=True, atr=b""),
        Reader("Gem PC [CCID Interface] 01", has_card=True, atr=b""),
    ]
    assert choose(readers, "*[CCID Interface]*01") == readers[1:]


def binding(names: list[str] | None) -> SimpleNamespace:
    """pyscard, for readers of these names; like it, it refuses names that are not ASCII, and fails for None."""

    def listed(_context: int, _groups: list[str]) -> tuple[int, list[str]]:
        if names is None:
            raise SystemError("returned a result with an exception set")
        return 0, names

    def changed(_context: int, _wait: int, states: list[tuple[str, int]]) -> tuple[int, list[Any]]:
        return 0, [(name.encode("ascii").decode(), 0x22, list(ATR_T1)) for name, _ in states]

    codes = ("E_NO_SERVICE", "E_SERVICE_STOPPED", "E_NO_READERS_AVAILABLE", "E_UNKNOWN_READER", "E_READER_UNAVAILABLE")
    return SimpleNamespace(
        **{f"SCARD_{name}": number for number, name in enumerate(codes, 1)},
        SCARD_S_SUCCESS=0,
        SCARD_SCOPE_SYSTEM=2,
        SCARD_STATE_UNAWARE=0,
        SCARD_STATE_PRESENT=0x20,
        SCardEstablishContext=lambda _scope: (0, 1),
        SCardReleaseContext=lambda _context: 0,
        SCardListReaders=listed,
        SCardGetStatusChange=changed,
    )


def test_readers_whose_names_are_not_ascii(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(winscard, "_api", lambda: binding(["R\u00e4der 00", "ACS 01"]))
    scard = WinScard()
    assert scard.readers() == [
        Reader("R\u00e4der 00", has_card=False, atr=b""),
        Reader("ACS 01", has_card=True, atr=ATR_T1),
    ]
    scard.close()
    with pytest.raises(NoCard, match="reader 'R\u00e4der 00' cannot be used: the name of a reader must be ASCII"):
        open_transport("pcsc:0", TransportOptions()).connect()
    monkeypatch.setattr(winscard, "_api", lambda: binding(["R\u00e4der 00"]))
    assert cli.main(["readers"]) == 0
    assert "        cannot be used: the name of a reader must be ASCII" in capsys.readouterr().out
    monkeypatch.setattr(winscard, "_api", lambda: binding(None))
    assert cli.main(["readers"]) == cli.WRONG_USE
    assert "one of the readers cannot be used: the name of a reader must be ASCII" in capsys.readouterr().err
