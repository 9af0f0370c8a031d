"""Shards of a run, and the one run that is made of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pytest_euicc import cli, interfaces  # noqa: F401  (what a run in this process imports stays imported)
from pytest_euicc.reporting import manifest
from pytest_euicc.reporting.comparison import compare
from pytest_euicc.reporting.merging import merge
from pytest_euicc.reporting.run_file import RunFileError, RunRecord, load
from pytest_euicc.reporting.run_folder import RunFolder
from pytest_euicc.run.shards import Shard
from tests.support.own_vectors import SUITE, VECTOR

HEADING = {"harness": {"version": "1", "vectors": {"sha256": "AA"}}, "known": ["A", "B"]}


@pytest.fixture
def shards(pytester: pytest.Pytester) -> Path:
    """The folders ``one`` and ``two`` of two shards, and ``whole`` of the same run in one."""
    pytester.makefile(".yaml", own=VECTOR)
    pytester.makepyfile(test_own=SUITE)
    options = ["-p", "no:cacheprovider", "--euicc-vectors", "own.yaml", "--euicc-seed", "7"]
    for folder, shard in (("one", ["--euicc-shard", "1/2"]), ("two", ["--euicc-shard", "2/2"]), ("whole", [])):
        pytester.runpytest_inprocess(*options, "--euicc-report", folder, *shard)
    return pytester.path


def test_shards_become_the_run_that_they_are_parts_of(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert cli.main(["merge", str(shards / "one"), str(shards / "two"), "--out", str(shards / "out")]) == 0
    reported = capsys.readouterr().out
    assert "own         1 pass, 1 fail, 1 inconclusive" in reported
    assert f"2 runs, 3 sequences: {shards / 'out' / 'summary.html'}" in reported
    run, whole = load(shards / "out"), load(shards / "whole")
    assert run.finished
    assert [(entry.id, entry.verdict) for entry in run.sequences] == [
        (entry.id, entry.verdict) for entry in whole.sequences
    ]
    assert {change.kind for change in compare([whole, run]).changes} <= {"still", "timing"}
    assert (run.seed, run.known, run.card["eid"]) == ("7", whole.known, whole.card["eid"])
    assert [each["options"]["shard"] for each in run.runs] == ["1/2", "2/2"]
    assert run.runs[0]["manifest"] == manifest.digest(shards / "one" / "manifest.json")
    assert list(manifest.verify(shards / "out")) == []
    for entry in run.sequences:
        if entry.evidence is not None:
            lines = (shards / "out" / entry.evidence.file).read_text().splitlines()
            exchanges = [json.loads(line) for line in lines[entry.evidence.first - 1 : entry.evidence.last]]
            assert {each["sequence"] for each in exchanges} == {entry.id}
    page = (shards / "out" / "summary.html").read_text()
    assert "merged from" in page
    assert "shard 2/2" in page
    with pytest.raises(RunFileError, match=r"both have a verdict of TC_Own_O\d"):
        merge([shards / "out", shards / "whole"], shards / "more")
    (shards / "one" / "exchanges" / "main.jsonl").write_text("")
    with pytest.raises(RunFileError, match=r"exchanges/main\.jsonl was changed after the run"):
        merge([shards / "one", shards / "two"], shards / "more")
    assert not (shards / "more").exists()


def made(folder: Path, verdicts: dict[str, str], **heading: object) -> Path:
    """A run with these verdicts; one without a verdict had begun when the run was killed."""
    run = RunFolder(folder, HEADING | heading)
    (folder / "sequences").mkdir()
    reported = [
        {"id": name, "title": name} | ({"verdict": verdict} if verdict else {}) for name, verdict in verdicts.items()
    ]
    (folder / "sequences" / "main.jsonl").write_text("".join(f"{json.dumps(each)}\n" for each in reported))
    if all(verdicts.values()):
        run.close({"eid": "8901"} | dict(heading.get("card", {})), finished=True)  # type: ignore[call-overload]
    else:
        run._lock.release()
    return folder


def verdicts(run: RunRecord) -> dict[str, str]:
    return {entry.id: entry.verdict for entry in run.sequences}


def test_a_shard_is_missing(tmp_path: Path) -> None:
    one = made(tmp_path / "1", {"A": "pass"}, options={"shard": "1/3"})
    two = made(tmp_path / "2", {"B": "pass"}, options={"shard": "3/3"})
    with pytest.raises(RunFileError, match="incomplete: shard 2/3 of --euicc-shard is missing"):
        merge([one, two], tmp_path / "out")
    two = made(tmp_path / "4", {"B": "pass"}, options={"shard": "2/2"})
    with pytest.raises(RunFileError, match=r"different divisions: .*1: 1/3, .*4: 2/2"):
        merge([one, two], tmp_path / "out")


@pytest.mark.parametrize(
    ("heading", "reported"),
    [
        ({"harness": {"version": "1", "vectors": {"sha256": "BB"}}}, "the vectors differ"),
        ({"declarations": [{"sha256": "CC"}]}, "the declarations differ"),
        ({"deviations": {"--euicc-defect": ["x"]}}, "defects and variants of the simulators differ"),
        ({"card": {"firmware": "2.0.0"}}, "the firmware of the cards differ"),
    ],
)
def test_runs_of_different_things_are_not_merged(tmp_path: Path, heading: dict[str, object], reported: str) -> None:
    one = made(tmp_path / "1", {"A": "pass"}, card={"firmware": "1.0.0"}, declarations=[{"sha256": "AA"}])
    two = made(tmp_path / "2", {"B": "pass"}, **({"declarations": [{"sha256": "AA"}]} | heading))
    with pytest.raises(RunFileError, match=f"not parts of one run: {reported}"):
        merge([one, two], tmp_path / "out")


def test_what_a_killed_run_had_begun_may_be_finished_by_another(tmp_path: Path) -> None:
    killed = made(tmp_path / "1", {"A": "pass", "B": ""})
    rest = made(tmp_path / "2", {"B": "fail"})
    run = merge([killed, rest], tmp_path / "out")
    assert verdicts(run) == {"A": "pass", "B": "fail"}
    assert not run.finished
    alone = merge([killed], tmp_path / "alone")
    assert verdicts(alone) == {"A": "pass", "B": "not finished"}


def test_identical_cards_are_told_apart(tmp_path: Path) -> None:
    one = made(tmp_path / "1", {"A": "pass"}, card={"eid": "8901"})
    two = made(tmp_path / "2", {"B": "pass"}, card={"eid": "8902"})
    run = merge([one, two], tmp_path / "out")
    assert [(entry.id, entry.eid) for entry in run.sequences] == [("A", "8901"), ("B", "8902")]
    assert [card["eid"] for card in run.cards] == ["8901", "8902"]


def test_every_item_is_in_one_shard() -> None:
    items = list(range(11))
    parts = [Shard(number, 4).divide(items) for number in range(1, 5)]
    assert sorted(item for mine, _ in parts for item in mine) == items
    assert all(sorted(mine + others) == items for mine, others in parts)
    assert {len(mine) for mine, _ in parts} == {2, 3}
    assert [Shard.parse(text) for text in ("0/4", "5/4", "1", "1/0", "a/b")] == [None] * 5


def test_a_shard_that_is_none(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_a(): pass")
    result = pytester.runpytest_inprocess("--euicc-shard", "5/4")
    result.stderr.fnmatch_lines(["*--euicc-shard 5/4: write which part of how many, such as 1/4*"])
