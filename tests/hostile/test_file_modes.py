"""Files that are none, have no end, or are made to take for ever: one message, at once."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from pytest_euicc.card.errors import TraceError
from pytest_euicc.card.recording import open_replay
from pytest_euicc.card.trace import Trace
from pytest_euicc.card.transport import TransportOptions
from pytest_euicc.cli import main
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.document import Document, FileMistakes
from pytest_euicc.files import new_file, read_file
from pytest_euicc.reporting import manifest, run_file
from pytest_euicc.reporting.run_file import RunFileError
from pytest_euicc.traces import reading
from pytest_euicc.traces.reading import TraceTextError
from tests.support.bounded import bounded


def special(kind: str, folder: Path) -> Path:
    if kind == "FIFO":
        path = folder / "fifo.yaml"
        os.mkfifo(path)
        return path
    return {"device": Path("/dev/zero"), "terminal": Path("/dev/null"), "folder": folder}[kind]


@pytest.mark.parametrize("kind", ["FIFO", "device", "terminal", "folder"])
def test_what_is_no_file(kind: str, tmp_path: Path) -> None:
    path = special(kind, tmp_path)
    with pytest.raises(OSError, match=r"FIFO|directory"):
        bounded(lambda: read_file(path, 100))
    document = bounded(lambda: Document.read(path))
    assert document.data is None
    assert document.mistakes
    with pytest.raises(FileMistakes, match="cannot be read"):
        bounded(lambda: Declaration.load(path))
    with pytest.raises(TraceError, match="cannot be read"):
        bounded(lambda: open_replay(str(path), TransportOptions()))


def test_a_file_that_is_too_large(tmp_path: Path) -> None:
    path = tmp_path / "icon"
    path.write_bytes(bytes(101))
    assert read_file(path, 101) == bytes(101)
    with pytest.raises(OSError, match="larger than 100 octets"):
        read_file(path, 100)


def merges(levels: int, empty: bool) -> str:
    lines = ["l0: &l0 {}" if empty else "l0: &l0 {a: 1}"]
    lines += [f"l{level}: &l{level} {{<<: [{', '.join([f'*l{level - 1}'] * 6)}]}}" for level in range(1, levels)]
    return "\n".join(lines)


@pytest.mark.parametrize("empty", [True, False])
@pytest.mark.parametrize("levels", [3, 9, 12, 50])
def test_merges_of_merges(levels: int, empty: bool) -> None:
    document = bounded(lambda: Document.parse(merges(levels, empty)))
    assert document.mistakes == []
    assert document.data[f"l{levels - 1}"] == ({} if empty else {"a": 1})
    assert bounded(lambda: document.line((f"l{levels - 1}", "no such place"))) == levels


def test_merges_of_many_keys() -> None:
    wide = "a: &a {" + ", ".join(f"k{number}: 1" for number in range(2000)) + "}\n"
    text = wide + "".join(f"m{number}: {{<<: *a}}\n" for number in range(2000))
    document = bounded(lambda: Document.parse(text))
    assert "more than 200000 values" in document.mistakes[0].message


@pytest.mark.parametrize(
    "text",
    [
        "a: &a {<<: *a}",
        "a: &a [*a]",
        "<<: 1\na: 2",
        "? [1]\n: 2",
        "{" * 500,
        "[" * 50_000,
        "a: !!python/name:os 1",
        "\0",
        "%",
    ],
)
def test_odd_yaml(text: str) -> None:
    bounded(lambda: Document.parse(text))


def test_a_long_trace_is_not_held(tmp_path: Path) -> None:
    """Sections are read when they are played, in any order."""
    path = tmp_path / "long.trace"
    with path.open("w") as file:
        file.write("# protocol: T=1\n# atr: 3B00\n")
        for number in range(200):
            file.write(f"# section: s{number}\n# atr: 3B00\n> 00A4{number:04X}\n< {number:04X}9000\n")
    trace = Trace.load(path)
    assert len(trace.sections) == 201
    replay = open_replay(str(path), TransportOptions())
    replay.connect()
    for number in (199, 0, 77):
        replay.section(f"s{number}")  # type: ignore[attr-defined]
        replay.reset()
        assert replay.transmit(bytes.fromhex(f"00A4{number:04X}")) == number.to_bytes(2) + b"\x90\0"


def test_a_line_without_end(tmp_path: Path) -> None:
    path = tmp_path / "wide.trace"
    path.write_text("# atr: 3B00\n> " + "00" * 400_000 + "\n")
    with pytest.raises(TraceError, match="a line of more than"):
        Trace.load(path)


@pytest.mark.parametrize("kind", ["FIFO", "device", "terminal"])
def test_no_file_as_a_record_or_a_trace(kind: str, tmp_path: Path) -> None:
    path = special(kind, tmp_path)
    with pytest.raises(RunFileError, match="FIFO"):
        bounded(lambda: run_file.load(path))
    with pytest.raises(TraceTextError, match="FIFO"):
        bounded(lambda: list(reading.read(path)))


@pytest.mark.parametrize("name", ["run.json", "manifest.json", "sequences/main.jsonl"])
def test_no_file_in_the_folder_of_a_run(name: str, tmp_path: Path) -> None:
    (tmp_path / "sequences").mkdir()
    (tmp_path / "run.json").write_text('{"schema": 2, "finished": false}')
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    try:
        reported = bounded(lambda: [*manifest.verify(tmp_path), str(run_file.load(tmp_path))])
    except RunFileError as error:
        reported = [str(error)]
    assert any("FIFO" in line or "no run.json in this folder" in line for line in reported)


@pytest.mark.parametrize(
    "files", ["[" * 99_999, "[]", "5", '{"files": 5}', '{"files": ["a"]}', '{"files": {"a": []}}', "9" * 9999]
)
def test_an_odd_manifest(files: str, tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"schema": 2}')
    (tmp_path / "manifest.json").write_text(files)
    assert any("manifest.json was changed after the run" in line for line in manifest.verify(tmp_path))


def test_a_log_without_end(tmp_path: Path) -> None:
    """What is no APDU by its length is passed over; the next line is read."""
    path = tmp_path / "log"
    path.write_bytes(b"\0" * 10_000_000 + b" > " + b"00" * 1_000_000 + b"\n> 00A40004023F00\n< 9000\n")
    (exchange,) = reading.read(path)
    assert (exchange.command.hex(), exchange.line) == ("00a40004023f00", 2)


def test_an_apdu_that_no_packet_takes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, capture = tmp_path / "log", tmp_path / "x.pcap"
    path.write_text(f"> 00A40004023F00\n< 9000\n> 00{'00' * 65_600}\n< 9000\n")
    assert main(["trace", str(path), "--pcap", str(capture)]) == 2
    assert "line 3: a packet takes 65491 octets, this APDU has 65603; choose --lines" in capsys.readouterr().err
    assert not capture.exists()
    assert main(["trace", str(path), "--pcap", str(capture), "--lines", "1-2"]) == 0
    assert main(["lint", os.fsdecode(b"caf\xe9\x1b[31m")]) == 1
    assert "caf\\udce9\\x1b[31m:1:1: " in capsys.readouterr().out


def test_nothing_of_the_users_is_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace, run = tmp_path / "run.trace", tmp_path / "run"
    trace.write_text("> 00A40004023F00\n< 9000\n")
    run.mkdir()
    (run / "run.json").write_text('{"schema": 2, "finished": false}')
    before = trace.read_bytes(), (run / "run.json").read_bytes()
    assert main(["trace", str(trace), "--pcap", str(trace)]) == 2
    assert main(["compare", str(run), str(run), "--json", str(run / "run.json")]) == 2
    assert main(["compare", str(run / "run.json"), str(run), "--html", str(run / "summary.html")]) == 2
    assert main(["merge", str(run), str(run), "--out", str(run)]) == 2
    reported = capsys.readouterr().err
    assert reported.count("name another") == 4, reported
    assert (trace.read_bytes(), (run / "run.json").read_bytes()) == before
    assert sorted(path.name for path in run.iterdir()) == ["run.json"]


def test_a_file_that_cannot_be_written_whole_can_be_tried_again(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"

    def half() -> None:
        with new_file(path) as file:
            file.write(b"half of ")
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        half()
    assert not path.exists()
    with new_file(path) as file:
        file.write(b"all of it")
    with pytest.raises(FileExistsError), new_file(path) as file:
        file.write(b"another")
    assert path.read_bytes() == b"all of it"
