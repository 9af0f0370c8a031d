"""Sequences against defects: what counts as found, what is reported, and that a worker's end is not the end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc import cli
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.prove.enough import pairs
from pytest_euicc.prove.runner import Job, Outcome, Reached
from pytest_euicc.prove.workers import Workers, WorkersError
from pytest_euicc.simulator.euicc.defects import DEFECTS
from tests.support.forked import Command

VECTORS = """
case: TC_Mini
title: Mini
iut: euicc
interface: ES10b
clauses: {sgp22: ["5.7.7"]}
origin: own
sequences:
  - id: "01"
    title: Challenges of 16 octets differ
    given: [isdr_selected]
    steps:
      - es10b.get_euicc_challenge: { repeat: 2, distinct: [euiccChallenge], expect: { euiccChallenge: { octets: 16 } } }
  - id: "02"
    title: Whatever comes will do
    given: [isdr_selected]
    steps:
      - es10b.get_euicc_challenge
  - id: "03"
    title: A notification is there
    given: [isdr_selected, { notification: { event: enable, as: n } }]
    steps:
      - es10b.list_notification: { expect: { notificationMetadataList: { contains: { seqNumber: $n.seqNumber } } } }
"""

SMDP_VECTORS = """
case: TC_Mini_Server
title: Mini
iut: smdp
interface: ES9+
clauses: {sgp22: ["5.6.1"]}
origin: own
sequences:
  - id: "01"
    title: The address of another SM-DP+ is refused
    steps:
      - es9plus.initiate_authentication: { with: { smdpAddress: another.example.com }, status: 8.8.1/3.8 }
  - id: "02"
    title: A session is opened
    steps:
      - es9plus.initiate_authentication
"""


@pytest.fixture
def mini(tmp_path: Path) -> Path:
    path = tmp_path / "mini.yaml"
    path.write_text(VECTORS)
    return path


def prove(mini: Path, *arguments: str, side: str = "euicc") -> tuple[int, dict[str, Any]]:
    out = mini.parent / "out"
    status = cli.main(["prove", "--side", side, "--jobs", "1", "--vectors", str(mini), "--out", str(out), *arguments])
    assert "</html>" in (out / "prove.html").read_text()
    (proof,) = json.loads((out / "prove.json").read_text())["sides"]
    return status, proof


def test_found_not_found_and_inconclusive(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("reuses-challenge", "omits-enable-notification", "long-nickname")
    status, side = prove(mini, *(part for name in names for part in ("--defect", name)))
    assert status == 1
    reuses, omits, long = side["mutants"]
    assert reuses["killed_by"] == ["TC_Mini_01"]
    assert (omits["killed_by"], list(omits["inconclusive"])) == ([], ["TC_Mini_03"])
    assert (long["killed_by"], long["reached_by"]) == ([], 0)
    assert side["survived"] == ["omits-enable-notification", "long-nickname"]
    assert side["idle"] is None
    out = capsys.readouterr().out
    assert "long-nickname: A nickname of more than 64 bytes is accepted (5.7.21); no sequence reaches it" in out
    assert "omits-enable-notification: 1 sequences" in out


def test_the_side_of_the_server(mini: Path) -> None:
    mini.write_text(SMDP_VECTORS)
    names = ("accepts-any-address", "wrong-server-signature1", "ignores-eid-binding")
    status, side = prove(mini, *(part for name in names for part in ("--defect", name)), side="smdp")
    assert status == 1
    found = {defect["name"]: (defect["killed_by"], defect["reached_by"]) for defect in side["mutants"]}
    # The tester verifies no signature unless a sequence asks for it.
    assert found == {
        "accepts-any-address": (["TC_Mini_Server_01"], 1),
        "wrong-server-signature1": ([], 1),
        "ignores-eid-binding": ([], 0),
    }


def test_chosen_sequences_are_judged_alone(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, side = prove(mini, "-k", "of 16 OCTETS")
    assert (status, side["survived"], side["idle"]) == (0, None, [])
    assert "reuses-challenge" in side["sequences"][0]["kills"]
    status, side = prove(mini, "-k", "mini_02", "--defect", "reuses-challenge")
    assert (status, side["survived"], side["idle"]) == (1, ["reuses-challenge"], ["TC_Mini_02"])
    assert "TC_Mini_02: Whatever comes will do" in capsys.readouterr().out


def test_leaving_out_what_never_meets_changes_nothing(mini: Path) -> None:
    def found(side: dict[str, Any]) -> object:
        return [(defect["killed_by"], list(defect["inconclusive"])) for defect in side["mutants"]]

    # Each kind of pair, and some of all the defects that these sequences do not reach.
    kinds = {"reuses-challenge", "omits-enable-notification", "long-nickname"}
    names = kinds | set(sorted(DEFECTS)[::20])
    chosen = [part for name in sorted(names) for part in ("--defect", name)]
    _, few = prove(mini, *chosen)
    _, all_ = prove(mini, "--every-pair", *chosen)
    assert found(few) == found(all_)
    assert few["runs"] < all_["runs"]


def test_enough_shows_the_same_with_fewer_runs(mini: Path) -> None:
    names = ("reuses-challenge", "short-challenge", "omits-enable-notification", "long-nickname")
    chosen = [part for name in names for part in ("--defect", name)]
    (_, whole), (_, enough) = prove(mini, *chosen), prove(mini, *chosen, "--enough")
    assert enough["survived"] == whole["survived"] == ["omits-enable-notification", "long-nickname"]
    assert enough["enough"]
    assert not whole["enough"]


def test_mutants_and_sequences_are_tried_until_each_has_one() -> None:
    met = {"everywhere": [f"s{n}" for n in range(50)], "rare": ["s7"], "never": ["s1", "s2"]}
    kills = {("everywhere", f"s{n}") for n in range(50)} | {("rare", "s7")}
    tried: set[tuple[str, str]] = set()
    killed: set[tuple[str, str]] = set()
    for round_ in range(100):
        chosen = pairs(met, {("everywhere", "s49")}, round_, tried, killed)
        if not chosen:
            break
        assert not tried & set(chosen)
        tried |= set(chosen)
        killed |= set(chosen) & kills
    assert {sequence for _, sequence in killed} == set(met["everywhere"])
    assert {defect for defect, _ in killed} == {"everywhere", "rare"}
    assert {("never", "s1"), ("never", "s2"), ("everywhere", "s49")} <= tried


def test_a_sequence_that_finds_what_all_find_is_told(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    one = VECTORS.partition("sequences:")[2].partition('  - id: "02"')[0]
    more = "".join(one.replace('"01"', f'"{number}"').replace("differ", f"differ {number}") for number in range(10, 30))
    mini.write_text(VECTORS + more)
    status, side = prove(mini, "-k", "differ", "--matrix", "--defect", "reuses-challenge")
    assert status == 0
    assert {sequence["rarest"] for sequence in side["sequences"]} == {21}
    assert "21 sequences kill only mutants that 20 or more sequences kill:\n  TC_Mini_01" in capsys.readouterr().out


def test_a_sequence_that_fails_without_defects(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mini.write_text(VECTORS.replace("octets: 16", "octets: 15"))
    status, side = prove(mini, "-k", "mini_01", "-k", "mini_03")
    assert status == 1
    assert side["sequences"][0]["verdict"] == "fail"
    assert side["idle"] == []
    assert "do not pass on the simulator as it is:\n  TC_Mini_01 on simulated: fail: step 1" in capsys.readouterr().out


def test_a_sequence_that_is_applicable_nowhere(mini: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mini.write_text(VECTORS.replace('id: "01"', 'id: "01"\n    applicability: version > 99.0'))
    status, _ = prove(mini, "-k", "mini_01", "-k", "mini_03", "--defect", "omits-enable-notification")
    assert status == 1
    assert "1 sequences are applicable on no declaration:\n  TC_Mini_01" in capsys.readouterr().out


def test_a_sequence_that_lacks_something_from_outside(
    mini: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EUICC_TS48_DIR", raising=False)
    mini.write_text(VECTORS.replace("given: [isdr_selected]", "given: [published_profile]", 1))
    status, side = prove(mini, "-k", "mini_01")
    assert status == 0
    assert (side["sequences"][0]["verdict"], side["idle"]) == ("not applicable", [])
    assert (
        "1 sequences were not run:\n  TC_Mini_01 on simulated: not applicable: no published" in capsys.readouterr().out
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--defect", "no-such"], "no defect 'no-such'; `pytest-euicc defects` lists"),
        (["-k", "nothing at all"], "nothing at all"),
    ],
)
def test_wrong_use(mini: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str) -> None:
    assert cli.main(["prove", "--side", "euicc", "--vectors", str(mini), *arguments]) == 2
    assert words in capsys.readouterr().err


def test_reached() -> None:
    reached = Reached()
    assert reached
    assert "one" not in reached
    assert reached.names == {"one"}
    with pytest.raises(TypeError):
        _ = {"one"} & reached  # type: ignore[operator]


# ---------------------------------------------------------------- workers


@dataclass(frozen=True)
class OddRunner:
    """Hangs, dies and passes as the sequence is named."""

    def open(self) -> OddRunner:
        return self

    def run(self, job: Job) -> Outcome:
        if job.sequence == "dies":
            os._exit(3)
        if job.sequence == "hangs":
            time.sleep(60)
        if job.sequence == "raises":
            raise ValueError("odd")
        return Outcome(job, "first", Verdict.PASS)

    def close(self) -> None:
        pass


def test_a_run_that_dies_or_hangs_is_one_inconclusive_outcome() -> None:
    with Workers(OddRunner(), jobs=2, silence=1.0) as workers:
        portions = [
            tuple(Job(name, "d") for name in names) for names in (("a", "dies", "b"), ("c", "hangs", "e", "raises"))
        ]
        outcomes = list(workers.work(portions))
        processes = [worker.process for worker in workers._workers]
    reported = {outcome.sequence: (outcome.verdict, outcome.reason) for outcome in outcomes}
    assert len(outcomes) == len(reported)
    assert reported.pop("dies") == (Verdict.INCONCLUSIVE, "the run ended its process (exit status 3)")
    assert reported.pop("hangs") == (Verdict.INCONCLUSIVE, "hung: no verdict within 1 s")
    assert reported.pop("raises") == (Verdict.INCONCLUSIVE, "fault of the harness: ValueError: odd")
    assert reported == dict.fromkeys("abce", (Verdict.PASS, ""))
    assert not any(process.is_alive() for process in processes)


class NoRunner:
    """Has nothing to run on."""

    def open(self) -> OddRunner:
        raise OSError("no port is free")


def test_a_worker_that_cannot_start_is_the_end() -> None:
    with (
        Workers(NoRunner(), jobs=2) as workers,
        pytest.raises(WorkersError, match="cannot start: OSError: no port is free"),
    ):
        list(workers.work([(Job("a"),), (Job("b"),)]))


def processes_of_group(group: int) -> dict[int, float]:
    """Processes that run, with the seconds of processor time that each has used."""
    found = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group and fields[0] != "Z":
            found[int(entry.parent.name)] = int(fields[11]) / os.sysconf("SC_CLK_TCK")
    return found


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_ctrl_c_keeps_what_came_and_leaves_no_process(tmp_path: Path) -> None:
    # Sequences enough for many seconds; the report that is written at the end counts all that were chosen.
    chosen = ("--side", "euicc", "-k", "ES10c", "--out", str(tmp_path))
    process = Command("prove", *chosen)
    deadline = time.monotonic() + 120
    # A worker that has worked for so long has some outcomes behind it, however busy the machine is.
    while time.monotonic() < deadline:
        workers = [seconds for pid, seconds in processes_of_group(process.pid).items() if pid != process.pid]
        if len(workers) == 2 and min(workers) > 0.5:
            break
        # Each look reads about every process of the machine.
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    try:
        assert process.wait(60) == 130
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    with process.output:
        out = process.output.read()
    assert "interrupted: what follows is incomplete" in out
    (side,) = json.loads((tmp_path / "prove.json").read_text())["sides"]
    assert side["complete"] is False
    assert side["sequences"]
    assert processes_of_group(process.pid) == {}
