"""The command line."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from pytest_euicc import cli
from pytest_euicc.simulator.euicc.defects import DEFECTS as EUICC_DEFECTS
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from pytest_euicc.simulator.lpa.defects import DEFECTS as LPA_DEFECTS
from pytest_euicc.simulator.smdp.defects import DEFECTS as SMDP_DEFECTS


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
    assert "--fail-on: no kind 'worst'; available: worse, better" in capsys.readouterr().err


def test_a_comparison_needs_two_runs_and_the_name_of_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = str(summary(tmp_path / "run.json", a="pass"))
    with pytest.raises(SystemExit, match="2"):
        cli.main(["compare", run])
    assert "the following arguments are required: after\n" in capsys.readouterr().err
    # As of --markdown "$GITHUB_STEP_SUMMARY" outside of GitHub.
    assert cli.main(["compare", run, run, "--markdown", ""]) == 2
    assert capsys.readouterr().err == ".: this is no file name\n"


def test_a_comparison_is_written_although_nobody_reads_its_lines(tmp_path: Path) -> None:
    names = list(map(str, range(5000)))
    runs = [summary(tmp_path / verdict, **dict.fromkeys(names, verdict)) for verdict in ("pass", "fail")]
    written = tmp_path / "changes.md"
    call = [sys.executable, "-m", "pytest_euicc.cli", "compare", *map(str, runs), "--markdown", str(written)]
    with subprocess.Popen(call, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
    assert process.returncode == cli.WORSE
    assert "| fail | 0 | 5000 |" in written.read_text()


def test_an_option_has_the_name_that_the_command_gives_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (
        ["plan", "--declaration", str(tmp_path)],
        ["plan", "--vectors", str(tmp_path)],
        ["declare", "--pki", str(tmp_path)],
        ["plan", "--smdp-declaration", str(tmp_path)],
    ):
        assert cli.main(arguments) == cli.WRONG_USE
        assert capsys.readouterr().err.startswith((f"{arguments[1]} {tmp_path}: ", f"{arguments[1]}: {tmp_path}:"))


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
    reported = capsys.readouterr().err
    assert str(path) in reported
    assert len(reported) < len(str(path)) + 100


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
        ("- 1", "settings.yaml:1:1: a file of settings must be a mapping"),
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
    assert f"{mine}: already exists" in capsys.readouterr().err
    assert mine.read_text() == "a real key"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [mine]
    assert cli.main(["pki", str(tmp_path / "new")]) == 0
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "new").rglob("*.pem")} == {0}


@pytest.mark.parametrize("eid", ["zz", "1234", "8904903212345123451234512345678901235A"])
def test_a_test_pki_for_what_is_no_eid(tmp_path: Path, capsys: pytest.CaptureFixture[str], eid: str) -> None:
    assert cli.main(["pki", str(tmp_path / "new"), "--eid", eid]) == 2
    assert f"--eid {eid}: an EID has 32 digits" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_a_test_pki_into_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["pki", str(tmp_path / "file")]) == 2
    reported = capsys.readouterr().err
    assert "Not a directory; name a folder that can be written to" in reported
    assert "Errno" not in reported


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


@pytest.mark.parametrize(
    ("arguments", "reported"),
    [
        (["lnt"], "pytest-euicc: there is no command 'lnt'; did you mean 'lint'?"),
        (["schema", "vector"], "pytest-euicc schema: there is no kind 'vector'; did you mean 'vectors'?"),
        (["prove", "--evry-pair"], "pytest-euicc prove: there is no option --evry-pair; did you mean --every-pair?"),
        (["serve", "smpd"], "pytest-euicc serve: there is no simulator 'smpd'; did you mean 'smdp'?"),
        (
            ["serve", "smdp", "--defct=x"],
            "pytest-euicc serve smdp: there is no option --defct=x; did you mean --defect?",
        ),
        (["defects", "--side", "card"], "pytest-euicc defects: there is no side 'card'; known: euicc, lpa, smdp"),
        (["trace", "x", "--to-vector", "--pcap", "y"], "argument --pcap: not allowed with argument --to-vector"),
        (["declare", "--euicc", "pcsc", "--template", "v2.6"], "--template: not allowed with argument --euicc"),
        (["coverage", "--standing", "--against", "x"], "--against: not allowed with argument --standing"),
    ],
)
def test_what_is_misspelt_is_told_with_what_was_meant(
    capsys: pytest.CaptureFixture[str], arguments: list[str], reported: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert reported in capsys.readouterr().err.splitlines()[0]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert not ended.value.code
    assert capsys.readouterr().out.startswith(f"pytest-euicc {metadata.version('pytest-euicc')} (")


def test_defects_and_variants_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["defects"]) == 0
    out = capsys.readouterr().out
    assert [line for line in out.splitlines() if not line.startswith("  ")] == [
        f"simulated eUICC (--euicc-defect), {len(EUICC_DEFECTS)} of {len(EUICC_DEFECTS)}",
        f"simulated SM-DP+ (--smdp-defect), {len(SMDP_DEFECTS)} of {len(SMDP_DEFECTS)}",
        f"built-in LPA (--lpa-defect), {len(LPA_DEFECTS)} of {len(LPA_DEFECTS)}",
    ]
    assert "  no-tls-1.3: " in out
    assert cli.main(["variants", "--side", "euicc", "-k", "longest-names"]) == 0
    assert "  profile-with-longest-names: " in capsys.readouterr().out
    assert cli.main(["defects", "-k", "zzzz"]) == 2
    assert capsys.readouterr().err == "-k zzzz: no defect has this in its name or text\n"


def test_a_shell_completes(tmp_path: Path) -> None:
    typed, answer = "pytest-euicc schema dr", tmp_path / "answer"
    asked = {"_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": " ", "_ARGCOMPLETE_STDOUT_FILENAME": str(answer)}
    asked |= {"COMP_LINE": typed, "COMP_POINT": str(len(typed))}
    # It ends the process, and takes its descriptors.
    subprocess.run([sys.executable, "-m", "pytest_euicc.cli"], env={**os.environ, **asked}, check=True)
    assert answer.read_text().split() == ["driver"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize("arguments", [["plan", "-k", "GetEID_01"], ["schema", "vectors"]], ids=["short", "long"])
def test_output_for_which_there_is_no_room(arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "pytest_euicc.cli", *arguments]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.stderr == "the output cannot be written: No space left on device\n"
    assert done.returncode == cli.WRONG_USE


def test_an_empty_template_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["declare", "--template", ""]) == cli.WRONG_USE
    assert "no template ''" in capsys.readouterr().err
