"""The folder of a run: written while it goes on, closed with a page and a manifest, never over another run."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.reporting import manifest, run_folder
from pytest_euicc.reporting.files import write_whole
from pytest_euicc.reporting.recorder import RunRecorder
from pytest_euicc.reporting.run_file import load
from pytest_euicc.reporting.run_folder import RunFolder, RunFolderError
from tests.support.mini_card import MiniCard, case_of

STEPS = """
    given: [isdr_selected]
    steps:
      - es10c.get_eid: {expect: {eidValue: {octets: 15}}}
"""


def record(folder: Path) -> RunRecorder:
    """Run one sequence that fails and record it."""
    card = Card(MiniCard())
    card.connect()
    recorder = RunRecorder(folder, "main")
    case = case_of(STEPS)
    Runner(Session(card, real_card=False), [recorder]).run(case, case.sequences[0])
    return recorder


def test_a_run_from_its_beginning_to_its_end(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out", {"seed": "7"})
    record(folder.folder).close()
    during = load(folder.folder)
    assert (during.finished, [entry.verdict for entry in during.sequences]) == (False, ["fail"])
    assert folder.close({"eid": "89"}, finished=True) == (True, f"summary: {tmp_path / 'out' / 'summary.html'}")
    run = load(folder.folder)
    assert (run.finished, run.seed, run.card) == (True, "7", {"eid": "89"})
    (entry,) = run.sequences
    step = entry.failed_step
    assert step is not None
    assert (step.action, step.sw, step.problems[0].path) == ("es10c.get_eid", "9000", "eidValue")
    assert entry.evidence is not None
    lines = (folder.folder / entry.evidence.file).read_text().splitlines()
    exchanges = [json.loads(line) for line in lines[entry.evidence.first - 1 : entry.evidence.last]]
    assert "BF3E035C015A" in "".join(each["apdu"]["command"] for each in exchanges if each["step"] == "step 1")
    assert list(manifest.verify(folder.folder)) == []
    assert "eidValue" in (folder.folder / "summary.html").read_text()


def test_the_run_before_is_kept(tmp_path: Path) -> None:
    for _ in range(3):
        folder = RunFolder(tmp_path, {})
        record(tmp_path).close()
        folder.close({}, finished=True)
    assert folder.earlier == tmp_path / "run-2"
    for place in (tmp_path, tmp_path / "run-1", tmp_path / "run-2"):
        assert list(manifest.verify(place)) == []


def test_two_runs_at_once_do_not_share_a_folder(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, {})
    with pytest.raises(RunFolderError, match="another run is writing its reports there; name another folder"):
        RunFolder(tmp_path, {})
    folder.close({}, finished=True)
    RunFolder(tmp_path, {}).close({}, finished=True)


def test_a_full_disk_at_the_end_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path / "out", {})
    record(folder.folder).close()

    def full(path: Path, content: str) -> None:
        if path.is_relative_to(tmp_path / "out"):
            raise OSError(errno.ENOSPC, "No space left on device")
        write_whole(path, content)

    monkeypatch.setattr(run_folder, "write_whole", full)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    well, reported = folder.close({}, finished=True)
    assert not well
    assert reported.startswith(f"--euicc-report {tmp_path / 'out'}: No space left on device; the reports are in ")
    assert [entry.verdict for entry in load(Path(reported.rpartition(" ")[2])).sequences] == ["fail"]


def test_a_full_disk_during_the_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunRecorder, "_write", staticmethod(full))
    recorder = record(tmp_path)
    recorder.close()
    assert recorder.fault == "the evidence of the run cannot be written: No space left on device"


def test_another_machine_writes_nothing_but_evidence(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out", {})
    for name in ("run.json", "../x.jsonl", "exchanges/../../x.jsonl", "exchanges/", "/x.jsonl"):
        with pytest.raises(RunFolderError, match="it is not evidence of a run"):
            folder.receive({name: "text"})
    folder.receive({"exchanges/gw1.jsonl": "1\n"})
    folder.receive({"exchanges/gw1.jsonl": "2\n"})
    assert (tmp_path / "out" / "exchanges" / "gw1.jsonl").read_text() == "1\n2\n"
    folder.close({}, finished=True)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
