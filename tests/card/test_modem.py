"""A card behind a modem: the quirks of modems, channels that are lost, and answers that never end."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pytest_euicc import interfaces  # noqa: F401  (what a run in this process imports stays imported)
from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import (
    ByTheDevice,
    CardError,
    CardMute,
    MalformedAnswer,
    NoCard,
    NoReader,
    ReaderBusy,
    ReaderGone,
    UnknownTransport,
)
from pytest_euicc.card.identity import ISDR_AID, read_eid
from pytest_euicc.card.recording import open_replay, record
from pytest_euicc.card.transport import TransportOptions, open_transport
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.reporting.run_file import load
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.modem import ModemPort, Quirks, SimulatedModem
from tests.support.plugin_runs import run

EID = "89049032123451234512345678901235"


@contextmanager
def modem(quirks: Quirks | None = None) -> Iterator[tuple[SimulatedModem, str]]:
    """A modem with a simulated eUICC, and the name of its port."""
    simulated = SimulatedModem(SimulatedEuicc(EuiccSettings(eid=EID)), quirks)
    port = ModemPort(simulated.answer, quirks)
    port.start()
    try:
        yield simulated, port.device
    finally:
        port.stop()


@contextmanager
def opened(device: str, options: str = "", seconds: float = 5.0) -> Iterator[Card]:
    card = Card(open_transport(f"at:{device}{options}", TransportOptions(timeout=seconds)))
    card.connect()
    try:
        yield card
    finally:
        card.close()


QUIRKS = {
    "none": Quirks(),
    "unsolicited": Quirks(unsolicited=("+CREG: 1", "RING", "^RSSI: 17", "+CUSD: 0,\"9000\"")),
    "pieces": Quirks(piece=7, line_end="\n"),
    "carriage returns": Quirks(line_end="\r", lower_case=True),
    "wrapped": Quirks(wrap=40, cme="number", line_end="\r\r\n"),
    "octets": Quirks(octets=True, plain_session=True, first_session=7),
    "large sessions": Quirks(first_session=300, cme="bare"),
    "busy": Quirks(busy=2),
    "no basic channel": Quirks(basic=False),
    "no AT+CSIM": Quirks(csim=False),
    "no logical channels": Quirks(logical_channels=False),
}  # fmt: skip


@pytest.mark.parametrize("name", QUIRKS)
def test_an_eid_whatever_the_modem_is_like(name: str) -> None:
    with modem(QUIRKS[name]) as (_, device), opened(device) as card:
        assert read_eid(card.transport) == EID
        start = card.start()
        assert (start.mf.ok, start.terminal_profile) == (True, None)
        isdr = Isdr(card.open_channel(), ISDR_AID)
        assert isdr.select().data[:1] == b"\x6f"
        info = isdr.get_euicc_info2()
        assert len(info["euiccCiPKIdListForVerification"]) == 2


@pytest.mark.parametrize(("name", "command"), [("none", "AT+CGLA="), ("no logical channels", "AT+CSIM=")])
def test_how_commands_are_sent(name: str, command: str) -> None:
    with modem(QUIRKS[name]) as (simulated, device):
        with opened(device) as card:
            first, second = card.open_channel(), card.open_channel()
            assert first.select(ISDR_AID).ok
            assert second.select(ISDR_AID).ok
            assert first.number != second.number
            assert second.close().ok
            assert len(first.store_data(bytes.fromhex("BF3E035C015A")).data) > 16
        assert not simulated.sessions
        sent = [line for line in simulated.commands if "BF3E" in line]
        assert sent
        assert all(line.startswith(command) for line in sent)
    with modem() as (simulated, device), opened(device, ",mode=csim") as card:
        assert read_eid(card.transport) == EID
        assert not [line for line in simulated.commands if line.startswith('AT+CCHO="')]


def test_short_blocks_for_a_modem_with_short_lines() -> None:
    request = bytes.fromhex("BF2281E6") + bytes(230)
    with modem(Quirks(longest=300)) as (simulated, device):
        with opened(device) as card:
            channel = card.open_channel()
            channel.select(ISDR_AID)
            with pytest.raises(CardError, match=r"text string too long.*at:DEVICE,block=120 sends shorter ones"):
                channel.store_data(request)
        with opened(device, ",block=120") as card:
            channel = card.open_channel()
            channel.select(ISDR_AID)
            channel.store_data(request)
            blocks = [line for line in simulated.commands if line.partition('"')[2][2:4] == "E2"][-2:]
            assert [line.partition('"')[2][4:10] for line in blocks] == ["110078", "910172"]
            isdr = Isdr(channel, ISDR_AID)
            assert isdr.get_euicc_info2()["svn"]
            fetches = [line for line in simulated.commands if line.partition('"')[2][2:4] == "C0"]
            assert all(int(line.rstrip('"')[-2:], 16) <= 120 for line in fetches)


@pytest.mark.parametrize("name", ["none", "no logical channels"])
def test_a_channel_that_the_modem_closes(name: str) -> None:
    """What a card says on a new channel in the middle of a sequence is no verdict about it."""
    with modem(QUIRKS[name]) as (simulated, device), opened(device) as card:
        isdr = Isdr(card.open_channel(), ISDR_AID)
        isdr.select()
        isdr.get_eid()
        if name == "none":
            simulated.forget_sessions()
        else:
            simulated.card.transmit(bytes.fromhex("00708001"))
        with pytest.raises(CardError, match="the modem has closed channel 1 by itself"):
            isdr.get_eid()


@pytest.mark.parametrize("name", ["none", "no logical channels"])
def test_the_modem_answers_proactive_commands(name: str) -> None:
    """EnableProfile with refreshFlag: the modem resets the card, and its sessions are gone."""
    with modem(QUIRKS[name]) as (simulated, device), opened(device) as card:
        isdr = Isdr(card.open_channel(), ISDR_AID)
        isdr.select()
        disabled = next(each["iccid"] for each in isdr.get_profiles_info()[1] if each["profileState"] == 0)
        assert isdr.enable_profile(disabled, refresh=True) == 0
        assert not simulated.sessions
        enabled = [each["iccid"] for each in isdr.get_profiles_info()[1] if each["profileState"] == 1]
        assert enabled == [disabled]
        assert card.take_fetched() == []
        with pytest.raises(ByTheDevice, match="the device is the card's terminal"):
            card.hold_proactive()


def test_what_only_the_card_can_answer_is_not_answered_for_it() -> None:
    with modem() as (_, device), opened(device) as card:
        with pytest.raises(CardError, match="0070000500 is MANAGE CHANNEL, which the modem performs itself"):
            card.transmit(bytes.fromhex("0070000500"))
        with pytest.raises(CardError, match="channel 3 is not open"):
            card.transmit(bytes.fromhex("03A40400"))
    with modem() as (_, device), opened(device, ",mode=csim") as card:
        assert len(card.transmit(bytes.fromhex("02F2000C"))) == 2


def test_a_reset_switches_the_card_off() -> None:
    with modem() as (simulated, device):
        with opened(device) as card:
            card.open_channel()
            assert card.reset() == b""
            assert not simulated.sessions
            assert [line for line in simulated.commands if "CFUN" in line] == ["AT+CFUN=0", "AT+CFUN=1"]
        with opened(device, ",reset=channels") as card:
            card.open_channel()
            card.reset()
            assert sum("CFUN" in line for line in simulated.commands) == 2
            assert sum("CCHC=" in line and "?" not in line for line in simulated.commands) == 2


Answer = Callable[[str], list[str] | None]


@contextmanager
def answering(answer: Answer, raw: bytes | None = None) -> Iterator[str]:
    port = ModemPort(answer, raw=raw)
    port.start()
    try:
        yield port.device
    finally:
        port.stop()


def to_apdus(answer: list[str] | None, *, at: str = "AT+CGLA=1") -> Answer:
    """A modem that is well until an APDU comes."""

    def answered(line: str) -> list[str] | None:
        if line.startswith('AT+CCHO="'):
            return ["+CCHO: 1", "OK"]
        return answer if line.startswith(at) else ["OK"]

    return answered


@pytest.mark.parametrize(
    ("answer", "kind", "reported"),
    [
        (None, CardMute, r"no result of AT\+CGLA=1,42,.* within 0\.5 s; it sent nothing"),
        (["+CGLA: 4,\"9000\""], CardMute, r'the last it sent is \+CGLA: 4,"9000"'),
        (["OK"], MalformedAnswer, "OK without an answer that can be read: nothing before it"),
        (["+CGLA: 4,\"90\"", "OK"], MalformedAnswer, "announces 4 characters and has 2"),
        (["+CGLA: 3,\"900\"", "OK"], MalformedAnswer, "announces 3 characters and has 3"),
        (["+CGLA: 2,\"90\"", "OK"], MalformedAnswer, "is not a response APDU"),
        (["+CGLA: 999999999999999999999999,\"90\"", "OK"], MalformedAnswer, "OK without an answer that can be read"),
        (["+CGLA: x", "OK"], MalformedAnswer, r"OK without an answer that can be read: \+CGLA: x"),
        (["+CSIM: 4,\"9000\"", "OK"], MalformedAnswer, "OK without an answer that can be read"),
        (["+CME ERROR: SIM not inserted"], NoCard, "the modem has no card any more"),
        (["+CME ERROR: SIM busy"], CardMute, "the card stays busy"),
        (["\x1b[2J\x00\xff", "ERROR"], CardError, "the modem has closed channel 1 by itself"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none(answer: list[str] | None, kind: type[CardError], reported: str) -> None:
    with answering(to_apdus(answer)) as device, opened(device, seconds=0.5) as card:
        channel = card.open_channel()
        with pytest.raises(kind, match=reported) as raised:
            channel.select(ISDR_AID)
        assert str(raised.value).isprintable()


@pytest.mark.parametrize("noise", [b"\x00\xff" * 200_000, b"+CREG: 1\r\n" * 40_000, b"A" * 400_000])
def test_an_answer_without_end(noise: bytes) -> None:
    with answering(to_apdus(None)) as device, opened(device) as card:
        channel = card.open_channel()
        port = card.transport._port  # type: ignore[attr-defined]
        read = port._serial.read
        port._serial.read = lambda _: noise[:4096]
        with pytest.raises(MalformedAnswer, match=r"octets came after .* and no result code") as raised:
            channel.select(ISDR_AID)
        assert str(raised.value).isprintable()
        port._serial.read = read
        with pytest.raises(CardMute, match="nothing more is sent to it until a reset"):
            channel.select(ISDR_AID)
        card.reset()
        assert card.open_channel().number == 1


@pytest.mark.parametrize(
    ("answer", "kind", "reported"),
    [
        (lambda line: None, CardMute, "nothing answers to AT within 0.5 s; is it the port for AT commands"),
        (lambda line: ["OK"] if line in ("AT", "ATE0") else ["ERROR"], CardError, r"neither AT\+CSIM nor all commands"),
        (lambda line: ["+CME ERROR: 10"] if "CPIN" in line else ["OK"], NoCard, "the modem has no card"),
    ],
)  # fmt: skip
def test_a_modem_that_cannot_be_used(answer: Answer, kind: type[CardError], reported: str) -> None:
    with answering(answer) as device, pytest.raises(kind, match=reported), opened(device, seconds=0.5):
        pass


def test_a_port_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(NoReader, match="there is no such port"), opened(str(tmp_path / "tty")):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(NoReader, match="cannot be opened"), opened(str(tmp_path / "file")):
        pass
    busy = pytest.raises(ReaderBusy, match=f"in use by process {os.getpid()}")
    with modem() as (_, device), opened(device), busy, opened(device):
        pass


def test_a_modem_that_is_unplugged() -> None:
    with modem() as (_, device):
        card = Card(open_transport(f"at:{device}", TransportOptions(timeout=5)))
        card.connect()
    with pytest.raises(ReaderGone, match="the port went away while it was in use"):
        card.open_channel()
    card.close()
    with pytest.raises(ReaderGone, match="not connected"):
        card.open_channel()


@pytest.mark.parametrize(
    ("argument", "reported"),
    [("", "names no port"), ("x,bloc=1", "no option 'bloc'; available: baud, block, cla, mode, reset"),
     ("x,block=5", "block is a number from 16 to 255"), ("x,mode=fast", "mode is auto or cgla or csim"),
     ("x,reset", "reset is cfun or channels")],
)  # fmt: skip
def test_options_that_are_none(argument: str, reported: str) -> None:
    with pytest.raises(UnknownTransport, match=reported):
        open_transport(f"at:{argument}")


def test_a_recording_through_a_modem_is_replayed(tmp_path: Path) -> None:
    with modem() as (_, device):
        recorded = Card(
            record(open_transport(f"at:{device},block=100", TransportOptions(timeout=5)), tmp_path / "run.trace")
        )
        recorded.connect()
        recorded.start()
        assert read_eid(recorded.transport) == EID
        recorded.close()
    replayed = Card(open_replay(str(tmp_path / "run.trace"), TransportOptions()))
    replayed.connect()
    assert (replayed.block, replayed.start().terminal_profile) == (100, None)
    assert read_eid(replayed.transport) == EID


def test_a_sequence_that_needs_the_terminal_does_not_begin(pytester: pytest.Pytester) -> None:
    """Its profile with PPR2 could not be deleted again: only the update that needs the terminal unsets that rule."""
    pytester.makefile(
        ".yaml", card=f"version: 2.6\noptions: [O_E_NIST, O_E_BRP, O_E_OTA, O_E_RAT]\ntest_cards: ['{EID}']\n"
    )
    options = ("--euicc-declaration", "card.yaml", "--euicc-report", "out", "-k", "UpdateMetadata_04 or Profile_16")
    with modem() as (simulated, device):
        assert isinstance(simulated.card, SimulatedEuicc)
        there = simulated.card.state.profiles
        run(pytester, "es6 es10c", "--euicc", f"at:{device}", *options)
        assert simulated.card.state.profiles == there
    entries = load(pytester.path / "out").sequences
    assert [entry.id for entry in entries] == ["TC_eUICC_ES10c.EnableProfile_16", "TC_eUICC_ES6.UpdateMetadata_04"]
    assert [entry.left_behind for entry in entries] == [[], []]
    proactive, receipt = (entry.reason for entry in entries)
    assert proactive.startswith("step 2 (card.proactive): test setup incomplete: ")
    assert receipt.startswith("step 1 (es6.update_metadata): test setup incomplete: ")
    assert "to take the receipt that the card sends by SMS is not possible" in receipt


@pytest.mark.parametrize("mode", ["cgla", "csim"])
def test_sequences_on_a_card_behind_a_modem(pytester: pytest.Pytester, mode: str) -> None:
    """What only a terminal can do is inconclusive with the reason; nothing fails for the modem's sake."""
    pytester.makefile(".yaml", card=f"version: 2.6\noptions: [O_E_NIST, O_E_BRP]\ntest_cards: ['{EID}']\n")
    with modem(Quirks(unsolicited=("+CREG: 1",))) as (_, device):
        options = ["--euicc", f"at:{device},mode={mode}", "--euicc-declaration", "card.yaml", "--euicc-report", "out"]
        run(
            pytester,
            "es10c card",
            *options,
            "-k",
            "GetEID_01 or Nickname_01 or EnableProfile_01 or Selection_01 or _07",
        )
    reported = {entry.id: (entry.verdict, entry.reason) for entry in load(pytester.path / "out").sequences}
    verdicts = [verdict for verdict, _ in reported.values()]
    inconclusive = [reason for verdict, reason in reported.values() if verdict == "inconclusive"]
    assert verdicts.count("pass") >= 8
    assert "fail" not in verdicts
    assert inconclusive
    assert all("test setup incomplete" in reason for reason in inconclusive)
