"""Two firmwares of one card compared: exactly what differs between them, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pytest_euicc import resources
from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.reading import loader
from pytest_euicc.harness import open_session
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.reporting.comparison import Comparison, compare
from pytest_euicc.reporting.recorder import RunRecorder
from pytest_euicc.reporting.run_file import RunRecord, load
from pytest_euicc.reporting.run_folder import RunFolder
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc

FUNCTIONS = ("GetEUICCInfo", "EnableProfile", "DisableProfile", "DeleteProfile", "SetDefaultDpAddress")
TIME = {"timing"}
"""How long a simulator takes on a busy machine is nothing that a test can say."""


def run(folder: Path, defects: frozenset[str], seed: str, **settings: Any) -> RunRecord:
    """Run a few functions on a simulated eUICC and return the record."""
    pki = default_pki()
    smdp = SimulatedSmdp(pki)
    card = Card(SimTransport(SimulatedEuicc(EuiccSettings(**settings), pki, defects=defects)))
    card.connect()
    declaration = Declaration.load(resources.declarations() / "simulated.yaml")
    declaration = declaration.model_copy(update={"firmware_version": settings.get("firmware", "1.0.0")})
    session = open_session(card, declaration, pki, smdp, real_card=False, seed=seed)
    made, recorder = RunFolder(folder, {}), RunRecorder(folder, "main")
    for case in loader.load([resources.vectors()]):
        if case.case.rpartition(".")[2] in FUNCTIONS:
            for sequence in case.sequences:
                Runner(session, [recorder]).run(case, sequence)
    recorder.close()
    smdp.close()
    card.close()
    assert made.close({"firmware": settings.get("firmware", "1.0.0")}, finished=True)[0]
    return load(folder)


def names(comparison: Comparison, kind: str) -> set[str]:
    return {change.id.removeprefix("TC_eUICC_") for change in comparison.by_kind.get(kind, [])}


def test_exactly_the_effects_of_what_changed(tmp_path: Path) -> None:
    first = frozenset({"ignores-ppr1", "enable-unknown-is-undefined", "info1-svn"})
    second = frozenset({"ignores-ppr2", "keeps-default-address"})
    before = run(tmp_path / "before", first, "one")
    after = run(tmp_path / "after", second, "two", firmware="1.1.0", platform_label="1.2.840.1234567/next")
    comparison = compare([before, after])

    assert comparison.by_kind.keys() - TIME == {"worse", "better", "answers"}
    fails = {kind: {e.id.removeprefix("TC_eUICC_") for e in each.sequences if e.verdict == "fail"} for kind, each in
             (("before", before), ("after", after))}  # fmt: skip
    assert names(comparison, "worse") == fails["after"] == {"ES10c.DeleteProfile_05", "ES10a.SetDefaultDpAddress_03"}
    assert names(comparison, "better") == fails["before"]
    assert {"ES10c.DisableProfile_06", "ES10c.EnableProfile_05", "ES10b.GetEUICCInfo_02"} <= fails["before"]
    fields = {field.partition(", ")[2].partition(":")[0].removeprefix("answer.") for field in comparison.fields}
    assert fields == {"euiccFirmwareVer", "certificationDataObject.platformLabel", "svn"}
    # The svn of EUICCInfo1 was one of the defects of the first firmware.
    assert {field for field in comparison.fields if ", svn:" in field} == {"es10b.get_euicc_info1, svn: 2.6.1 -> 2.6.0"}


def test_the_same_firmware_twice_is_no_difference(tmp_path: Path) -> None:
    runs = [run(tmp_path / seed, frozenset(), seed) for seed in ("one", "two")]
    assert not compare(runs).by_kind.keys() - TIME
