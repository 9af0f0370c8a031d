"""Mistakes in options and in the files they name: reported before anything starts, the same with workers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.iut import option_checks
from pytest_euicc.options import Options
from tests.support.plugin_runs import run, run_alone, run_tests


def reported(workers: bool = False, **given: Any) -> str:
    try:
        option_checks.check(Options(**given), workers=workers)
    except PytestEuiccError as error:
        return str(error)
    return ""


URL = "https://127.0.0.1:9"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"euicc": "pcsc:0", "defects": ("x",)}, "--euicc-defect is for the simulated eUICC, not for --euicc pcsc:0"),
        ({"euicc": "vpcd", "variants": ("x",)}, "--euicc-variant is for the simulated eUICC, not for --euicc vpcd"),
        ({"smdp": URL, "smdp_defects": ("x",)}, f"--smdp-defect is for the simulated SM-DP+, not for {URL}"),
        ({"smdp": URL, "smdp_variants": ("x",)}, f"--smdp-variant is for the simulated SM-DP+, not for {URL}"),
        ({"lpa": "lpac", "lpa_defects": ("x",)}, "--lpa-defect is for the built-in LPA, not for --lpa lpac"),
        ({"lpa": "lpac", "lpa_variants": ("x",)}, "--lpa-variant is for the built-in LPA, not for --lpa lpac"),
        (
            {"euicc": "replay:a/run.trace", "record": Path("a/../a/run.trace")},
            "--euicc-record a/../a/run.trace is what --euicc replay:a/run.trace reads; name another file",
        ),
    ],
)
def test_options_that_exclude_each_other(given: dict[str, Any], message: str) -> None:
    assert reported(**given).splitlines()[0].startswith(message)


def test_every_pair_is_told() -> None:
    assert (
        len(reported(euicc="pcsc", defects=("x",), variants=("y",), lpa="lpac", lpa_defects=("z",)).splitlines()) == 3
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"euicc": "psc:0"}, "--euicc psc:0: there is no transport 'psc'; did you mean 'pcsc'?"),
        ({"euicc": "sim:itt"}, "no typical eUICC of this name; did you mean 'iot'?"),
        ({"euicc": "replay:none.trace"}, "--euicc replay:none.trace: No such file or directory"),
        ({"euicc": "replay:"}, "write the name of a trace file"),
        ({"defects": ("no-bpp-lenght",)}, "--euicc-defect: no defect 'no-bpp-lenght'"),
        ({"defects": ("ignore-ppr1",)}, "did you mean 'ignores-ppr1'?"),
        ({"variants": ("nothing-like-it",)}, "`pytest-euicc variants` lists them"),
        ({"smdp_defects": ("no-tls1.3",)}, "--smdp-defect: no defect 'no-tls1.3'; did you mean 'no-tls-1.3'?"),
        (
            {"lpa_defects": ("cancels-twic",)},
            "--lpa-defect: no defect 'cancels-twic'; did you mean 'cancels-twice'?",
        ),
        ({"lpa": "lpa"}, "no driver of the package; those are lpac"),
        ({"pki": Path("nowhere")}, "--euicc-pki: nowhere: there is no such folder"),
        ({"declaration": Path("none.yaml")}, "--euicc-declaration: none.yaml:1:1: cannot be read"),
        ({"lpa_declaration": Path("none.yaml")}, "--lpa-declaration: none.yaml:1:1: cannot be read"),
        ({"smdp": "http://x"}, "--smdp http://x: write sim, or the URL"),
    ],
)
def test_what_is_named_is_there(given: dict[str, Any], message: str) -> None:
    assert message in reported(**given)


def test_settings_are_read_at_once(tmp_path: Path) -> None:
    (tmp_path / "card.yaml").write_text("svn: 2.6.0\nmemroy: 100\n")
    expected = f"--euicc: {tmp_path / 'card.yaml'}:2:1: unknown key 'memroy'; did you mean 'memory'?"
    assert reported(euicc=f"sim:{tmp_path / 'card.yaml'}") == expected


def test_a_recording_replaces_none(tmp_path: Path) -> None:
    (tmp_path / "run.trace").touch()
    assert "a recording overwrites none" in reported(record=tmp_path / "run.trace")
    assert reported(record=tmp_path / "run.trace", workers=True) == ""
    assert reported(record=tmp_path) == ""


def test_the_defaults_are_well() -> None:
    assert reported() == reported(euicc="sim:iot", defects=("ignores-ppr1",), smdp_defects=("no-tls-1.3",)) == ""


def test_the_run_ends_with_one_message(pytester: pytest.Pytester) -> None:
    result = run(pytester, "es10c", "--euicc-defect", "ignore-ppr1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert [line for line in result.errlines if line] == [
        "ERROR: --euicc-defect: no defect 'ignore-ppr1'; did you mean 'ignores-ppr1'?"
    ]


def test_with_workers_nothing_is_started(pytester: pytest.Pytester) -> None:
    result = run_alone(pytester, "es10c", "-n", "2", "--euicc", "pcsc:0", "--euicc-defect", "ignores-ppr1")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "bringing up nodes" not in result.stdout.str()
    result.stdout.fnmatch_lines(["ERROR: --euicc-defect is for the simulated eUICC, not for --euicc pcsc:0; omit*"])


@pytest.mark.parametrize(
    ("given", "reported"),
    [
        ("--euicc-declartion=x", "there is no option --euicc-declartion; did you mean --euicc-declaration?"),
        ("--smdp-timout", "there is no option --smdp-timout; did you mean --smdp-timeout?"),
    ],
)
def test_an_option_that_nobody_has(pytester: pytest.Pytester, given: str, reported: str) -> None:
    result = run_tests(pytester, given)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"ERROR: {reported}".replace("?", "[?]")])


def test_an_option_of_a_conftest_is_left_alone(pytester: pytest.Pytester) -> None:
    pytester.makeconftest("def pytest_addoption(parser): parser.addoption('--smdp-timeouts')")
    pytester.makepyfile("def test_it(request): assert request.config.getoption('--smdp-timeouts') == 'x'")
    run_tests(pytester, "--smdp-timeouts=x").assert_outcomes(passed=1)
