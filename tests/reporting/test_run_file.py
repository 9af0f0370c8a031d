"""The record of a run: read back, unfinished, damaged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_euicc.reporting import manifest
from pytest_euicc.reporting.run_file import Entry, Evidence, Problem, RunFileError, RunRecord, Step, load

ENTRY = {"id": "a", "title": "A title", "verdict": "pass", "interface": "ES10c"}


def folder(path: Path, *, finished: bool = True) -> Path:
    (path / "sequences").mkdir(parents=True)
    (path / "exchanges").mkdir()
    data = {"schema": 2, "finished": finished, "sequences": [ENTRY] if finished else []}
    (path / "run.json").write_text(json.dumps(data))
    (path / "exchanges" / "main.jsonl").write_text('{"time": 1.0}\n')
    lines = [{"id": "a", "title": "A title", "time": 1.0}, ENTRY, {"id": "b", "title": "Another", "time": 2.0}]
    (path / "sequences" / "main.jsonl").write_text(
        "".join(f"{json.dumps(line)}\n" for line in lines) + '{"id": "c", "ti'
    )
    return path


def test_a_finished_run(tmp_path: Path) -> None:
    place = folder(tmp_path / "run")
    assert [entry.id for entry in load(place).sequences] == ["a"]
    assert load(place / "run.json") == load(place)


@pytest.mark.parametrize(
    ("card", "product"),
    [
        ({"declaration": "Acme 3", "firmware": "1.0.0"}, "Acme 3, firmware 1.0.0"),
        ({"declaration": "eUICC 8904, firmware 1.0.0", "firmware": "1.0.0"}, "eUICC 8904, firmware 1.0.0"),
        ({"declaration": "Acme 3", "LPA declaration": "Acme LPA", "SM-DP+ declaration": "Acme DP"}, "Acme 3"),
        ({"LPA declaration": "Acme LPA", "SM-DP+ declaration": "Acme DP"}, "Acme DP"),
        ({"LPA": "lpac", "LPA declaration": "lpac 2.3"}, "lpac 2.3"),
        ({}, "implementation under test"),
    ],
)
def test_what_a_run_is_about(card: dict[str, str], product: str) -> None:
    assert RunRecord(card=card).product == product


def test_a_killed_run_is_complete_up_to_its_last_step(tmp_path: Path) -> None:
    run = load(folder(tmp_path / "run", finished=False))
    assert not run.finished
    assert [(entry.id, entry.verdict) for entry in run.sequences] == [("a", "pass"), ("b", "not finished")]


def test_a_summary_of_the_version_before(tmp_path: Path) -> None:
    path = tmp_path / "summary.json"
    path.write_text(json.dumps({"format": 1, "card": {"eid": "89"}, "sequences": [ENTRY]}))
    assert load(path).card == {"eid": "89"}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"{}", "not the record of a run of pytest-euicc"),
        (b"[1]", "not the record of a run of pytest-euicc"),
        (b"\xff", "not UTF-8 from octet 0"),
        (b"{", "not the record of a run"),
        (b'{"schema": 99}', "schema 99; this version reads 1 and 2"),
        (b'{"schema": 2, "sequences": [{"id": "x"}]}', "sequences.0.title: Field required"),
        (b'{"schema": 2, "sequences": ' + b"[" * 100_000, "not the record of a run"),
        (b'{"schema": 2, "sequences": [], "card": ' + b"[" * 800 + b"]" * 800 + b"}", "not the record of a run"),
    ],
)
def test_something_else(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(RunFileError) as caught:
        load(path)
    assert words in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_record_with_what_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "run.json"
    path.write_text(
        json.dumps({"schema": 2, "finished": True, "sequences": [ENTRY | {"reason": "\x1b[31m\u202e\ud800"}]})
    )
    assert load(path).sequences[0].reason == r"\x1b[31m\u202e\ud800"


def test_no_run_in_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RunFileError, match=r"no run\.json in this folder"):
        load(tmp_path)
    with pytest.raises(RunFileError, match=r"no run\.json in this folder"):
        list(manifest.verify(tmp_path))


def test_one_flipped_bit_in_any_file_is_found(tmp_path: Path) -> None:
    place = folder(tmp_path / "run")
    manifest.write(place)
    assert list(manifest.verify(place)) == []
    for name in [*manifest.files_of(place), manifest.MANIFEST]:
        path = place / name
        octets = path.read_bytes()
        for position in range(0, len(octets), 7):
            changed = bytearray(octets)
            changed[position] ^= 0x04
            path.write_bytes(changed)
            assert list(manifest.verify(place)), (name, position)
        path.write_bytes(octets)
    assert list(manifest.verify(place)) == []


def test_files_that_came_and_went(tmp_path: Path) -> None:
    place = folder(tmp_path / "run")
    manifest.write(place)
    (place / "exchanges" / "main.jsonl").unlink()
    (place / "sequences" / "more.jsonl").write_text("")
    assert list(manifest.verify(place)) == [
        "exchanges/main.jsonl is missing",
        "sequences/more.jsonl was added after the run",
    ]


def test_an_unfinished_run_has_no_manifest(tmp_path: Path) -> None:
    assert "did not finish" in next(manifest.verify(folder(tmp_path / "run", finished=False)))


def test_every_member_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "reference" / "run-file.md").read_text(encoding="utf-8")
    for model in (RunRecord, Entry, Step, Problem, Evidence):
        for name, field in model.model_fields.items():
            assert f"`{field.alias or name}`" in text, f"{model.__name__}.{name}"
