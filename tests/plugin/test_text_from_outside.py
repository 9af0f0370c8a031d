"""A server whose words are no text: verdicts stay, and nothing of it reaches a file, a worker or the terminal raw."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_euicc.conformance.files.vector import Sequence
from pytest_euicc.peers.smdp import published
from pytest_euicc.reporting.cleaning import clean, coloured
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.smdp.http.server import SmdpServer
from pytest_euicc.simulator.smdp.orders.inventory import Inventory
from pytest_euicc.simulator.smdp.service import SmdpService
from pytest_euicc.text import encodable, printable
from tests.support.plugin_runs import run, run_alone

BAD = "bad \ud800 name \x1b[31m \u202e \x9b"
SEQUENCE = "AuthenticateClientNIST_ErrorCases_01"
ENTRIES = [{"iccid": f"89990000000001{number:04d}", "matching_id": f"AC-{number}"} for number in range(20)]


class Odd(SmdpService):
    """Refusals have an odd message; with `wrong` also another status code."""

    wrong = False

    def call(self, function: str, body: object) -> object:  # type: ignore[override]
        answer = super().call(function, body)  # type: ignore[arg-type]
        header = answer.get("header", {}) if isinstance(answer, dict) else {}
        status = header.get("functionExecutionStatus", {})
        if status.get("status") == "Failed":
            status["statusCodeData"]["message"] = BAD
            if self.wrong:
                status["statusCodeData"]["subjectCode"] = "9.9"
        return answer


@pytest.fixture(scope="module")
def odd() -> Iterator[SmdpServer]:
    inventory = Inventory.model_validate({"profiles": ENTRIES})
    with SmdpServer(Odd(inventory, inventory.orders(), default_pki()), default_pki()) as server:
        yield server


@pytest.fixture
def declared(odd: SmdpServer, pytester: pytest.Pytester) -> Path:
    name = "testsmdpplus1.example.com"
    held = [{"matching_id": entry["matching_id"], "reusable": "unspent"} for entry in ENTRIES]
    addresses = {"smdp": name, "nist": f"https://127.0.0.1:{odd.port('nist')}", "resolve": {name: "127.0.0.1"}}
    text = {
        "name": "Odd",
        "iut": "smdp",
        "version": "2.6.0",
        "options": ["O_P_NIST"],
        "addresses": addresses,
        "inventory": held,
    }
    path = pytester.path / "odd.yaml"
    path.write_text(json.dumps(text))
    return path


@pytest.mark.parametrize("wrong", [False, True])
@pytest.mark.parametrize("workers", [(), ("-n", "2")])
def test_an_odd_message_changes_no_verdict(
    pytester: pytest.Pytester,
    odd: SmdpServer,
    declared: Path,
    monkeypatch: pytest.MonkeyPatch,
    workers: tuple[str, ...],
    wrong: bool,
) -> None:
    monkeypatch.setattr(Odd, "wrong", wrong)
    start = run_alone if workers else run
    reports = ("--alluredir", "allure", "--euicc-report", "out")
    result = start(pytester, "es9plus", *workers, f"--smdp-declaration={declared}", "-k", SEQUENCE, *reports)
    counts = result.parseoutcomes()
    assert counts.get("failed", 0) == (counts.get("failed", 0) + counts.get("passed", 0) if wrong else 0)
    assert counts.get("failed" if wrong else "passed", 0) > 0
    assert "errors" not in counts
    verdicts = {entry["verdict"] for entry in json.loads((pytester.path / "out" / "run.json").read_text())["sequences"]}
    assert verdicts == {"fail" if wrong else "pass"}
    reported = [path.read_text(encoding="utf-8") for path in pytester.path.rglob("allure/*")]
    assert reported
    for text in [*reported, result.stdout.str()]:
        assert "\x1b[31m" not in text
        assert "\u202e" not in text
        assert "\x9b" not in text


def test_what_is_no_text_is_escaped() -> None:
    assert printable(BAD) == "bad \\ud800 name \\x1b[31m \\u202e \\x9b"
    assert printable("Zürich 東京 \t\n") == "Zürich 東京 \t\n"
    assert encodable({"a\udce9": ["\udce9", 1, None]}) == {"a\\udce9": ["\\udce9", 1, None]}
    # Captured output is in pairs.
    assert encodable([("out", "\udce9")]) == [("out", "\\udce9")]


OWN = r"""
import allure

def test_said(euicc):
    print("out \udce9")
    allure.attach("attached \ud800", "text")
    raise ValueError("bad \ud800 name \x1b[31m \u202e \x9b")
"""


def test_a_test_of_one_s_own_fails_with_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(test_own=OWN)
    result = pytester.runpytest_inprocess("test_own.py", "--alluredir", "allure", "--junitxml", "junit.xml")
    assert result.parseoutcomes()["failed"] == 1
    said = r"ValueError: bad \ud800 name \x1b[31m \u202e \x9b"
    assert said in result.stdout.str()
    (reported,) = [json.loads(path.read_text(encoding="utf-8")) for path in pytester.path.glob("allure/*-result.json")]
    assert reported["statusDetails"]["message"] == said
    attached = [path.read_text(encoding="utf-8") for path in pytester.path.glob("allure/*-attachment*")]
    assert "attached \\ud800" in attached
    assert "bad \\ud800 name" in (pytester.path / "junit.xml").read_text(encoding="utf-8")


@pytest.mark.parametrize("option", ["--euicc-seed", "--euicc-report", "--alluredir", "--euicc-tester"])
def test_an_argument_that_no_worker_can_take(pytester: pytest.Pytester, option: str) -> None:
    result = run(pytester, "es10c", "-n", "1", "-k", "GetEID_01", f"{option}=caf\udce9")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    reported = result.stdout.str() + result.stderr.str()
    assert (
        f"{option}=caf\\udce9: not UTF-8, and pytest-xdist hands its workers nothing else; name it otherwise"
        in reported
    )
    assert "Traceback" not in reported


@pytest.mark.skipif(sys.platform != "linux", reason="file systems of other systems have no such names")
def test_a_folder_that_no_worker_can_take(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = pytester.path / "caf\udce9"
    folder.mkdir()
    monkeypatch.chdir(folder)
    result = run(pytester, "es10c", "-n", "1", "-k", "GetEID_01")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "caf\\udce9: not UTF-8, and pytest-xdist" in result.stdout.str() + result.stderr.str()


def test_colours_of_pytest_stay() -> None:
    text = "\x1b[31mred\x1b[0m \x1b]0;title\x07"
    assert coloured(text) == "\x1b[31mred\x1b[0m \\x1b]0;title\\x07"
    assert clean([("a\ud800", {"b": ["\x1b"]}, 1)]) == [("a\\ud800", {"b": ["\\x1b"]}, 1)]


def test_a_published_package_whose_name_is_no_text(tmp_path: Path) -> None:
    given = {"given": [{"published_profile": {"file": "each"}}], "id": "01", "title": "It", "steps": []}
    sequence = Sequence.model_validate(given | {"steps": ["card.reset"]})
    (made,) = published._expanded([sequence], [tmp_path / "caf\udce9\x1b.der"])
    assert (made.id, made.title) == ("01-caf__", r"It (caf\udce9\x1b)")
