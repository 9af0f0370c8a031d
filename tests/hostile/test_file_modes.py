"""Files that are none, have no end, or are made to take for ever: one message, at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pytest_euicc.card.errors import TraceError
from pytest_euicc.card.recording import open_replay
from pytest_euicc.card.trace import Trace
from pytest_euicc.card.transport import TransportOptions
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.document import Document, FileMistakes
from pytest_euicc.files import read_file
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
