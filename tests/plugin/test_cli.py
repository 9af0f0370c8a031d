"""The command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_euicc import cli
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc


def entry(identifier: str, verdict: str) -> dict[str, object]:
    return {
        "id": identifier, "case": "TC", "interface": "ES10c", "title": "A title", "clauses": ["5.7.20"], "sgp23": None,
        "severity": "normal", "verdict": verdict, "reason": "", "left_behind": [], "seconds": 0.1,
        "transport_seconds": 0.1, "apdus": 1,
    }  # fmt: skip


def summary(path: Path, **verdicts: str) -> Path:
    sequences = [entry(name, verdict) for name, verdict in verdicts.items()]
    path.write_text(json.dumps({"format": 1, "card": {"eid": "89"}, "sequences": sequences}))
    return path


def test_lint_of_the_package_s_vectors(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["lint"]) == 0
    assert capsys.readouterr().out == ""


def test_lint_tells_every_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("case: TC_Bad\ntitle: Bad\niut: car\n")
    assert cli.main(["lint", str(path)]) == 1
    assert f"{path}:3:6" in capsys.readouterr().out


def test_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema"]) == 0
    assert "es10c.get_eid" in json.dumps(json.loads(capsys.readouterr().out))


def test_compare(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = summary(tmp_path / "before.json", a="pass", b="pass", c="fail", e="not applicable")
    after = summary(tmp_path / "after.json", a="pass", b="fail", c="pass", e="inconclusive")
    formats = [f"--{name}={tmp_path / name}" for name in ("html", "json", "junit", "markdown")]
    assert cli.main(["compare", str(before), str(after), *formats]) == 1
    out = capsys.readouterr().out
    assert "worse (2):" in out
    assert "b: pass -> fail" in out
    assert "e: not applicable -> inconclusive" in out
    assert "better (1):\n  c: fail -> pass" in out
    assert all((tmp_path / name).read_text() for name in ("html", "json", "junit", "markdown"))
    assert cli.main(["compare", str(before), str(after), "--fail-on", "gone"]) == 0
    capsys.readouterr()
    assert cli.main(["compare", str(before), str(before)]) == 0
    assert "still failing (1):" in capsys.readouterr().out
    assert cli.main(["compare", str(before), str(before), "--fail-on", "worst"]) == 2
    assert "--fail-on: no kind 'worst'; there are: worse, better" in capsys.readouterr().err


def test_verify(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["verify", str(tmp_path)]) == 2
    assert "no run.json in this folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"{}",
        b"not json",
        b"\xff" * 5000,
        b'{"card": {}, "sequences": [{"id": "x", "verdict": "y"}]}',
        b'{"card": {}, "sequences": [{"id": "x", "verdict": "pass"}]}',
    ],
)
def test_compare_of_something_else(tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes | None) -> None:
    path = tmp_path / "x.json"
    if content is not None:
        path.write_bytes(content)
    assert cli.main(["compare", str(path), str(path)]) == 2
    told = capsys.readouterr().err
    assert str(path) in told
    assert len(told) < len(str(path)) + 100


def test_serve_card_without_a_reader(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
    monkeypatch.setattr("pytest_euicc.simulator.vpcd._RETRY_SECONDS", 10.0)
    monkeypatch.setattr("pytest_euicc.simulator.vpcd.CardServer.connect", _refuse)
    assert cli.main(["serve", "card", "--port", str(port)]) == 2
    assert "start pcscd with the vpcd driver" in capsys.readouterr().err


def _refuse(_server: object) -> None:
    raise ConnectionRefusedError


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("eid: '12'", "an EID has 32 digits"),
        ("svnn: 2.6.0", "settings.yaml:1:1: unknown key 'svnn'; did you mean 'svn'?"),
        ("svn: two", "write three numbers"),
        ("- 1", "settings.yaml:1:1: a file of settings is a mapping"),
        ("a: [", "not YAML"),
        ("a: " + "[" * 5000, "nest"),
    ],
)
def test_serve_card_with_wrong_settings(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, words: str
) -> None:
    path = tmp_path / "settings.yaml"
    path.write_text(content)
    assert cli.main(["serve", "card", "--settings", str(path)]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert str(path) in error


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_serve_at_what_is_no_port(capsys: pytest.CaptureFixture[str], port: str) -> None:
    with pytest.raises(SystemExit):
        cli.main(["serve", "smdp", f"--port={port}"])
    assert f"--port: {port}: a port is a number from 0 to 65535" in capsys.readouterr().err


def test_the_test_pki_replaces_no_keys(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "EUM" / "SK_EUM_ECDSA_NIST.pem"
    mine.parent.mkdir()
    mine.write_text("a real key")
    assert cli.main(["pki", str(tmp_path)]) == 2
    assert f"{mine}: is there already" in capsys.readouterr().err
    assert mine.read_text() == "a real key"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert cli.main(["pki", str(tmp_path / "new")]) == 0
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "new").rglob("*.pem")} == {0}


def test_the_coverage_page_in_a_locale_without_unicode() -> None:
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    page = subprocess.run([sys.executable, "-m", "pytest_euicc.cli", "coverage"], env=environment, capture_output=True)
    assert page.returncode == 0, page.stderr
    assert "–" in page.stdout.decode()


def test_the_simulated_card_goes_back_by_an_apdu() -> None:
    euicc = SimulatedEuicc()
    before = euicc.state
    euicc.transmit(bytes.fromhex("0070000001"))
    euicc.transmit(bytes.fromhex("01A4040010A0000005591010FFFFFFFF8900000100"))
    euicc.transmit(bytes.fromhex("81E2910007BF3F0480026162"))
    assert euicc.state.default_address == "ab"
    assert euicc.transmit(bytes.fromhex("80FC000000")) == b"\x90\x00"
    assert euicc.state == before
