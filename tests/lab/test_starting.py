"""The repository that `pytest-euicc init` writes: its tests pass, its files are what editors and CI take."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import jsonschema
import pytest

from pytest_euicc import cli
from pytest_euicc.conformance.reading import loader
from pytest_euicc.lab import starting
from tests.support import yaml_core
from tests.support.plugin_runs import run_tests


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("started") / "ours"
    assert cli.main(["init", str(folder)]) == 0
    return folder


def test_its_tests_pass(started: Path, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(started)
    result = run_tests(pytester, "--rootdir", str(started))
    result.assert_outcomes(passed=2)
    result.stdout.fnmatch_lines(["*own * 1 pass*"])


def test_its_files_have_no_mistakes(started: Path) -> None:
    assert cli.main(["lint", str(started / "vectors"), str(started / "card.yaml")]) == 0
    assert loader.lint([started / "vectors"]) == []
    tomllib.loads((started / "pyproject.toml").read_text())
    for name in (".gitlab-ci.yml", ".github/workflows/conformance.yml"):
        assert isinstance(yaml_core.load((started / name).read_text()), dict)


def test_editors_find_a_schema_for_each_file(started: Path) -> None:
    settings = json.loads((started / ".vscode" / "settings.json").read_text())["yaml.schemas"]
    assert json.loads((started / ".vscode" / "extensions.json").read_text())["recommendations"]
    for schema, pattern in settings.items():
        validator = jsonschema.Draft202012Validator(json.loads((started / schema).read_text()))
        files = list(started.glob(pattern))
        assert files
        for file in files:
            text = file.read_text(encoding="utf-8")
            assert list(validator.iter_errors(yaml_core.load(text))) == []
            named = text.splitlines()[0].partition("$schema=")[2]
            assert (file.parent / named).resolve() == (started / schema).resolve()


def test_nothing_is_replaced(started: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "conftest.py").write_text("# mine\n")
    assert cli.main(["init", str(tmp_path)]) == 2
    assert "conftest.py: already there" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["conftest.py"]
    assert cli.main(["init", str(started)]) == 2


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").touch()
    assert cli.main(["init", str(tmp_path / "file" / "ours")]) == 2
    assert capsys.readouterr().err.endswith(": Not a directory\n")


def test_another_declaration(tmp_path: Path) -> None:
    assert cli.main(["init", str(tmp_path), "--template", "v2.4"]) == 0
    assert 'version: "2.4' in (tmp_path / "card.yaml").read_text()


def test_every_text_of_the_package_is_written() -> None:
    assert sorted(starting._FILES.values()) == sorted(path.name for path in starting._TEXTS.iterdir())
