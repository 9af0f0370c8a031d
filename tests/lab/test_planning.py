"""The plan of a run, on the command line and under pytest."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from pytest_euicc import cli, resources
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.registry import ACTIONS, STATES
from pytest_euicc.lab import card_work, planning, undoing
from tests.support.plugin_runs import run, run_alone

MINIMAL = resources.declarations() / "v22-nist.yaml"


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert cli.main(["plan", *arguments]) == 0
    return capsys.readouterr().out


def test_every_sequence_with_its_standing_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    out = output(capsys, "--declaration", str(MINIMAL), "-k", "GetEID", "-k", "LoadCRL")
    lines = [line for line in out.splitlines() if "  TC_" in line]
    crl = [line for line in lines if "LoadCRL" in line]
    assert crl
    assert all(line.startswith("  not applicable  ") and "O_E_CRL = false" in line for line in crl)
    assert any(line.startswith("  mandatory       TC_eUICC_ES10c.GetEID_01") for line in lines)
    assert f"all: {len(lines)} sequences: " in out


def test_what_applies_by_an_expression_shows_the_values(capsys: pytest.CaptureFixture[str]) -> None:
    out = output(capsys, "-k", "LoadCRL")
    assert "  applicable      TC_eUICC_ES10b.LoadCRL" in out
    assert "O_E_CRL = true; changes the card" in out


def test_what_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    out = output(capsys, "-k", "ES8+", "-k", "EnableProfile_01")
    line = next(line for line in out.splitlines() if "ES8+" in line and "  TC_" in line)
    assert "changes the card (undone by the snapshot of the simulator); needs a download" in line
    assert "needs a profile" in next(line for line in out.splitlines() if "EnableProfile_01" in line)


def test_the_counts_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    out = output(capsys, "--brief", "--declaration", str(MINIMAL))
    counted = [[int(word) for word in line.replace(":", " ").split() if word.isdecimal()][:4]
               for line in out.splitlines() if " sequences: " in line or " sequence: " in line]  # fmt: skip
    *groups, whole = [each[-4:] for each in counted]
    assert whole[0] == sum(whole[1:4])
    assert whole == [sum(column) for column in zip(*groups, strict=True)]


def test_the_time_by_an_earlier_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    entry = {"case": "TC", "title": "T", "verdict": "pass", "seconds": 90.0}
    names = ["TC_eUICC_ES10c.GetEID_01"]
    record = {"schema": 2, "started": "2026-11-02T10:00:00Z", "sequences": [entry | {"id": name} for name in names]}
    (tmp_path / "run.json").write_text(json.dumps(record))
    out = output(capsys, "-k", "eUICC_ES10c.GetEID_01", "--last", str(tmp_path))
    assert "time: about 1 min 30 s by the run of 2026-11-02" in out
    out = output(capsys, "-k", "eUICC_ES10c.GetEID_01", "-k", "eUICC_ES10c.GetEID_02", "--last", str(tmp_path))
    assert "time: about 3 min 0 s by the run of 2026-11-02; 1 sequences did not run in it" in out


def test_the_words_of_the_plan_are_registered() -> None:
    library.load()
    assert set(planning._WITH_PROFILES) <= STATES.entries.keys()
    assert set(planning._DOWNLOADING_ACTIONS) <= ACTIONS.entries.keys()
    known = {*planning._WITH_PROFILES, "no_profiles", "no_enabled_profile", "no_enabled_iot_profile"}
    for name, state in STATES.entries.items():
        if "profile" in name and name not in known:
            assert state.function.__module__.startswith(planning._DOWNLOADING), name


def test_a_mistake_is_one_message(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["plan", "-k", "no-such-sequence"]) == cli.WRONG_USE
    assert cli.main(["plan", "--last", str(tmp_path)]) == cli.WRONG_USE
    assert "Traceback" not in capsys.readouterr().err


def test_under_pytest(pytester: pytest.Pytester) -> None:
    chosen = ("-k", "LoadCRL or GetEID", "--collect-only", "-q")
    result = run(pytester, "es10b es10c", f"--euicc-declaration={MINIMAL}", "--euicc-applicable-only", *chosen)
    out = result.stdout.str()
    assert "GetEID_01" in out
    assert "LoadCRL" not in out
    result = run(pytester, "es10b es10c", f"--euicc-declaration={MINIMAL}", *chosen)
    assert "LoadCRL" in result.stdout.str()
    result = run(
        pytester, "es10b es10c", f"--euicc-declaration={MINIMAL}", "--euicc-plan", "-k", "LoadCRL", "--collect-only"
    )
    result.stdout.fnmatch_lines(["ES10b: * sequences: 0 mandatory, 0 applicable, *",
                                 "  not applicable  * x requires *; declared: O_E_CRL = false"])  # fmt: skip


def test_what_undoes_the_changes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = output(capsys, "--declaration", str(MINIMAL), "-k", "ES10c.SetNickname_01")
    assert "changes the card (undone by restore: of the declaration)" in out
    text = MINIMAL.read_text()
    mine = tmp_path / "mine.yaml"
    mine.write_text(text[: text.index("restore:")])
    out = output(capsys, "--declaration", str(mine), "-k", "ES10c.SetNickname_01", "-k", "ES10c.DeleteProfile_01")
    assert "the states undo their changes, nicknames are restored; then the card is compared with its" in out
    assert "a deleted profile of the card is not restored" in out


def test_the_time_by_the_model(capsys: pytest.CaptureFixture[str]) -> None:
    out = output(capsys, "--declaration", str(MINIMAL), "-k", "ES8+")
    line = out.splitlines()[-1]
    assert re.fullmatch(
        r"time: about \d+ min \d+ s on a card that takes 20 ms for an APDU, 1.2 s for AuthenticateServer and 6 s for a "
        r"load: \d{4} APDUs, \d\d RSP sessions, \d\d loads",
        line,
    ), line
    loads = int(line.split()[-2])
    assert "time:" not in output(capsys, "-k", "ES9+.InitiateAuthentication"), "no card is used"
    assert loads <= int(re.findall(r"(\d+) need a download", out)[-1])


def test_work_of_states_and_steps() -> None:
    plain = card_work.expected(["isdr_selected"], ["es10c.get_eid"], changes=False, whole=False)
    loaded = card_work.expected(["isdr_selected"], ["tester.download"], changes=True, whole=False)
    assert plain[1:] == (0, 0)
    assert loaded[1:] == (1, 1)
    assert card_work.seconds(plain) < 1 < 6 + 1.2 < card_work.seconds(loaded)
    vendor = card_work.expected([], ["acme.read_log"], changes=False, whole=False)
    assert vendor[0] == card_work.expected([], [], changes=False, whole=False)[0] + 4
    library.load()
    for means in json.loads(card_work.FILE.read_text()).values():
        words = {name.partition(" ")[2] for name in means if name.startswith(("state ", "step "))}
        assert words <= STATES.entries.keys() | ACTIONS.entries.keys()


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_the_plan_of_a_run(pytester: pytest.Pytester, workers: list[str]) -> None:
    chosen = ("operator", "-k", "PowerLoss_03 or PowerLoss_01", "--euicc-operator", "none", "--euicc-plan")
    start = run_alone if workers else run
    done = start(pytester, *chosen, *workers)
    done.assert_outcomes(skipped=2)
    done.stdout.fnmatch_lines(
        [
            "operator: 2 sequences: 0 mandatory, 0 applicable, 2 not applicable*",
            "  not applicable  2 x operator.remove_card needs a person at the bench*",
        ]
    )
    assert done.stdout.str().count("operator: 2 sequences") == 1


def test_what_states_change_and_what_is_gone_after_them(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text(MINIMAL.read_text().partition("restore:")[0])
    chosen = ("GetProfilesInfo_01", "PendingNotifications_06", "PowerLoss_01")
    out = output(capsys, "--declaration", str(mine), *(word for name in chosen for word in ("-k", name)))
    lines = {line.split()[1].rstrip(":"): line for line in out.splitlines() if "  TC_eUICC" in line}
    changed = "changes the card (the states undo their changes"
    assert f"{changed}, deleted profiles of the card are not restored; " in lines["TC_eUICC_ES10c.GetProfilesInfo_01"]
    assert f"{changed}, a deleted profile of the card is not" in lines["TC_eUICC_PendingNotifications_06"]
    assert f"{changed}; then the card is compared" in lines["TC_eUICC_Operator.PowerLoss_01"]


def test_every_state_that_changes_a_card_is_known() -> None:
    """Those that only make use of what is there, or download what is not, are named here."""
    library.load()
    using = {"profile", "profiles", "eim"}
    modules = ("pytest_euicc.interfaces.es10.", "pytest_euicc.interfaces.es10b_iot.")
    states = {name for name, state in STATES.entries.items() if state.function.__module__.startswith(modules)}
    assert states - using == undoing.CHANGING


def test_a_card_that_may_not_be_changed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("version: 2.6\noptions: [O_E_NIST]\n")
    chosen = ("--declaration", str(mine), "-k", "TC_eUICC_ES10c.SetNickname_01", "-k", "TC_eUICC_ES10c.GetEID_01")
    out = output(capsys, *chosen, "--brief")
    assert "2 sequences: 1 mandatory, 0 applicable, 1 not applicable, 0 change the card" in out
    assert f"  not applicable  1 x {planning.NOT_PERMITTED}" in out
    mine.write_text(mine.read_text() + "test_cards: ['89049032123451234512345678901235']\n")
    out = output(capsys, *chosen, "--brief")
    assert "2 sequences: 2 mandatory, 0 applicable, 0 not applicable, 1 change the card" in out


@pytest.mark.parametrize(("options", "refused"), [((), True), (("--euicc-allow-destructive",), False)])
def test_permission_in_the_plan_of_a_run(pytester: pytest.Pytester, options: tuple[str, ...], *, refused: bool) -> None:
    pytester.makefile(".yaml", mine="version: 2.6\noptions: [O_E_NIST]\n")
    chosen = ("-k", "SetNickname_01", "--euicc-plan", "--collect-only", "--euicc-declaration=mine.yaml")
    out = run(pytester, "es10c", *chosen, "--euicc", "pcsc", *options).stdout.str()
    assert (planning.NOT_PERMITTED in out) is refused
    assert planning.NOT_PERMITTED not in run(pytester, "es10c", *chosen, "--euicc", "sim").stdout.str()
