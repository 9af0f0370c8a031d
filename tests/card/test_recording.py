"""Recordings: what is written, and what a replay makes of whole, changed and broken ones."""

from __future__ import annotations

import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from unittest.mock import patch

import pytest

from pytest_euicc.card.errors import CardError, CardMute, ReplayEnded, ReplayMismatch, TraceError, UnknownTransport
from pytest_euicc.card.recording import Recorder, Replay, record
from pytest_euicc.card.trace import Trace
from pytest_euicc.card.transport import SectionedTransport, SnapshotTransport, Transport, open_transport
from tests.support.scripted import ATR_T1, CardDouble, Direct

ONE, TWO, THREE = (bytes.fromhex(f"80E2910001{number:02X}") for number in (1, 2, 3))


class Restorable(Direct):
    def snapshot(self) -> object:
        return self.card.resets

    def restore(self, snapshot: object) -> None:
        assert isinstance(snapshot, int)
        self.card.resets = snapshot


def sectioned(transport: Transport, title: str) -> None:
    assert isinstance(transport, SectionedTransport)
    transport.section(title)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    path = tmp_path / "run.trace"
    recorder = record(Direct(CardDouble()), path, {"seed": "42"})
    recorder.connect()
    recorder.transmit(ONE)
    recorder.section("challenge/01")
    recorder.reset()
    recorder.transmit(TWO)
    recorder.section("challenge/02")
    recorder.transmit(THREE)
    recorder.transmit(ONE)
    recorder.close()
    return path


def replay(path: Path) -> Transport:
    transport = open_transport(f"replay:{path}")
    transport.connect()
    return transport


def test_what_is_written(trace: Path) -> None:
    assert trace.read_text().splitlines() == [
        "# trace of direct",
        "# seed: 42",
        "# protocol: T=1",
        "# atr: 3B800181",
        "> 80E291000101",
        "< 019000",
        "# section: challenge/01",
        "# atr: 3B800181",
        "> 80E291000102",
        "< 029000",
        "# section: challenge/02",
        "> 80E291000103",
        "< 039000",
        "> 80E291000101",
        "< 019000",
    ]


def test_the_same_run_again(trace: Path) -> None:
    transport = replay(trace)
    assert isinstance(transport, Replay)
    assert (transport.atr, transport.protocol, transport.notes["seed"]) == (ATR_T1, "T=1", "42")
    assert transport.transmit(ONE) == b"\x01\x90\x00"
    transport.section("challenge/01")
    assert transport.reset() == ATR_T1
    assert transport.transmit(TWO) == b"\x02\x90\x00"
    transport.section("challenge/02")
    assert [transport.transmit(THREE), transport.transmit(ONE)] == [b"\x03\x90\x00", b"\x01\x90\x00"]
    transport.close()


def test_a_part_of_the_run_in_another_order(trace: Path) -> None:
    transport = replay(trace)
    sectioned(transport, "challenge/02")
    assert transport.transmit(THREE) == b"\x03\x90\x00"
    sectioned(transport, "challenge/01")
    transport.reset()
    assert transport.transmit(TWO) == b"\x02\x90\x00"


def test_sections_of_one_title_come_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("# atr: 3B00\n# section: a\n> 00A40400\n< 9000\n# section: a\n> 00A40400\n< 6A82\n")
    transport = replay(path)
    answers = []
    for _ in range(3):
        sectioned(transport, "a")
        answers.append(transport.transmit(bytes.fromhex("00A40400")).hex())
    assert answers == ["9000", "6a82", "9000"]


def test_a_mismatch_shows_both_commands_and_the_line(trace: Path) -> None:
    transport = replay(trace)
    with pytest.raises(ReplayMismatch) as caught:
        transport.transmit(TWO)
    assert str(caught.value).splitlines()[:3] == [
        f"{trace}:5: the run is not the recorded one",
        "  recording sends    80E291000101",
        "  run       sends    80E291000102",
    ]


def test_a_reset_where_the_recording_has_a_command_and_the_other_way_round(trace: Path) -> None:
    transport = replay(trace)
    with pytest.raises(
        ReplayMismatch, match=f"{trace}:5: (.|\n)*recording sends +80E291000101\n +run +resets the card"
    ):
        transport.reset()
    sectioned(transport, "challenge/01")
    with pytest.raises(
        ReplayMismatch, match=f"{trace}:8: (.|\n)*recording resets the card\n +run +sends +80E291000102"
    ):
        transport.transmit(TWO)


def test_a_run_that_goes_on_where_the_section_ends(trace: Path) -> None:
    transport = replay(trace)
    sectioned(transport, "challenge/01")
    transport.reset()
    transport.transmit(TWO)
    with pytest.raises(ReplayEnded, match=rf"{trace}:9: .*section 'challenge/01' ends here.*sends 80E291000103"):
        transport.transmit(THREE)


def test_a_section_that_was_not_recorded(trace: Path) -> None:
    with pytest.raises(ReplayMismatch, match="no section 'challenge/03'"):
        sectioned(replay(trace), "challenge/03")


def test_a_recording_replaces_no_file(trace: Path) -> None:
    before = trace.read_bytes()
    with pytest.raises(TraceError, match="this file already exists, and a recording overwrites none"):
        record(Direct(CardDouble()), trace).connect()
    assert trace.read_bytes() == before


def test_a_second_connection_goes_on_in_the_same_file(tmp_path: Path) -> None:
    recorder = record(Direct(CardDouble()), tmp_path / "t")
    recorder.connect()
    recorder.transmit(ONE)
    recorder.connect()
    recorder.transmit(TWO)
    recorder.close()
    transport = replay(tmp_path / "t")
    transport.transmit(ONE)
    transport.connect()
    assert transport.transmit(TWO) == b"\x02\x90\x00"


def test_the_ability_to_restore_is_kept_over_recording_and_replay(tmp_path: Path) -> None:
    card = CardDouble()
    recorder = record(Restorable(card), tmp_path / "t")
    recorder.connect()
    assert isinstance(recorder, SnapshotTransport)
    card.resets = 7
    recorder.restore(recorder.snapshot())
    assert card.resets == 7
    recorder.close()
    again = replay(tmp_path / "t")
    assert isinstance(again, SnapshotTransport)
    again.restore(again.snapshot())


def test_a_card_that_cannot_be_restored_cannot_be_in_a_replay_either(trace: Path) -> None:
    assert not isinstance(record(Direct(CardDouble()), trace.with_name("other")), SnapshotTransport)
    assert not isinstance(replay(trace), SnapshotTransport)


def test_a_card_that_went_mute_is_mute_again(tmp_path: Path) -> None:
    def mute(apdu: bytes) -> bytes:
        raise CardMute("no answer\nwithin 3 s")

    recorder = record(Direct(CardDouble(mute)), tmp_path / "t")
    recorder.connect()
    with pytest.raises(CardMute):
        recorder.transmit(ONE)
    recorder.close()
    with pytest.raises(CardMute, match=r"t:\d: as recorded: no answer within 3 s"):
        replay(tmp_path / "t").transmit(ONE)


_KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.support.scripted import CardDouble, Direct
ONE, TWO = map(bytes.fromhex, sys.argv[3:])
from pytest_euicc.card.recording import record
def answer(apdu):
    if apdu == TWO:
        os.kill(os.getpid(), signal.SIGKILL)
    return b"\\x90\\x00"
recorder = record(Direct(CardDouble(answer)), Path(sys.argv[1]))
recorder.connect()
recorder.transmit(ONE)
recorder.transmit(TWO)
"""


def test_a_killed_run_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "t"
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, path, Path(__file__).parents[2], ONE.hex(), TWO.hex()], check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL
    assert path.read_text().endswith(f"> {ONE.hex().upper()}\n< 9000\n> {TWO.hex().upper()}\n")
    transport = replay(path)
    assert transport.transmit(ONE) == b"\x90\x00"
    with pytest.raises(ReplayEnded, match=rf"{path}:\d: the recording breaks off after this command"):
        transport.transmit(TWO)


@pytest.mark.parametrize("kept", [1, 4, 5])
def test_a_trace_cut_in_its_last_line(trace: Path, kept: int) -> None:
    octets = trace.read_bytes()
    trace.write_bytes(octets[: -len("< 019000\n") + kept])
    transport = replay(trace)
    sectioned(transport, "challenge/02")
    transport.transmit(THREE)
    with pytest.raises(ReplayEnded, match=f"{trace}:14: the recording breaks off"):
        transport.transmit(ONE)


@pytest.mark.parametrize(
    ("text", "line", "reported"),
    [
        ("# atr: 3B00\n> 00A4\n> 00A4\n", 3, "that of line 2 has no response"),
        ("# atr: 3B00\n< 9000\n", 2, "a response without a command"),
        ("# atr: 3B00\n> 00A4\n< 90\n", 3, "the two octets SW1 SW2"),
        ("# atr: 3B00\n> 00A\n< 9000\n", 2, "not hexadecimal, or half an octet: 00A"),
        ("# atr: 3B00\n> XY\n", 2, "not hexadecimal"),
        ("# atr: 3B00\n>\n", 2, "no octets"),
        ("# atr: 3B00\n> 00A4\n# section: x\n", 3, "a section, but the command of line 2"),
        ("# atr: 3B00\n> 00A4\n# atr: 3B00\n", 3, "a reset, but the command of line 2"),
        ("# atr:\n", 1, "no octets"),
        ("> 00A4\n", 1, "before the card was powered up"),
        ("# atr: 3B00\n80E2\n", 2, "neither"),
    ],
)
def test_broken_traces_are_told_with_their_line(tmp_path: Path, text: str, line: int, reported: str) -> None:
    path = tmp_path / "broken"
    path.write_text(text)
    with pytest.raises(TraceError) as caught:
        replay(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert reported in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe\n"])
def test_files_that_are_no_trace(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "broken"
    path.write_bytes(content)
    with pytest.raises(TraceError, match=f"^{path}: "):
        replay(path)


def test_people_may_write_between_the_lines(tmp_path: Path) -> None:
    path = tmp_path / "t"
    path.write_text("# hello\n\n# atr: 3b 00\n#no: meaning\n> 00 a4 04 00\n# seen: today\n<  90 00\n")
    assert replay(path).transmit(bytes.fromhex("00A40400")) == b"\x90\x00"


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="no such file"):
        open_transport(f"replay:{tmp_path / 'missing'}")
    with pytest.raises(UnknownTransport, match="name of a trace file"):
        open_transport("replay")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_ends_the_recording_and_not_the_use_of_the_card(tmp_path: Path) -> None:
    recorder = record(Direct(CardDouble(lambda _: bytes.fromhex("9000"))), tmp_path / "run.trace")
    recorder.connect()
    sectioned(recorder, "one")
    with Path("/dev/full").open("wb", buffering=0) as full, patch.object(recorder, "_file", full):
        assert recorder.transmit(ONE) == bytes.fromhex("9000")
        assert "run.trace" in recorder.fault
        assert "No space left" in recorder.fault
        with pytest.raises(TraceError, match="make room"):
            sectioned(recorder, "two")
    recorder.close()
    assert [section.title for section in Trace.load(tmp_path / "run.trace").sections] == ["", "one"]


def test_a_recording_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    recorder = Recorder(Direct(CardDouble()), tmp_path / "file" / "t")
    with pytest.raises(CardError, match="the recording cannot be written"):
        recorder.connect()
    assert list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_section_that_is_larger_than_what_is_kept_of_it(tmp_path: Path) -> None:
    path, exchange = tmp_path / "long.trace", f"> {ONE.hex().upper()}\n< {'00' * 200}9000\n"
    path.write_text(f"# atr: {ATR_T1.hex()}\n# section: long\n" + exchange * 4000)
    playing = Replay(Trace.load(path))
    tracemalloc.start()
    try:
        playing.section("long")
        assert all(playing.transmit(ONE)[-2:] == b"\x90\0" for _ in range(4000))
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()
    with pytest.raises(ReplayEnded, match=f"{path}:8001: the recording of section 'long' ends here"):
        playing.transmit(ONE)
