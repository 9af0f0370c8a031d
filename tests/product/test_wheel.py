"""The wheel, installed elsewhere: suites and vectors travel in it, and a vendor's wheel beside it adds its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from importlib.metadata import distribution, requires
from pathlib import Path

import jsonschema
import pytest
from filelock import FileLock
from packaging.requirements import Requirement

from tests.support import yaml_core

CHECKOUT = Path(__file__).parents[2]
VENDOR = CHECKOUT / "docs" / "examples" / "vendor_package"
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
"""What every front end calls, pip among them."""


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    """The output of a program on both streams; it finds plugins of pytest by itself, as it does for a user."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    output, errors = subprocess.PIPE, subprocess.STDOUT
    done = subprocess.run(command, cwd=folder, env=ours | environment, stdout=output, stderr=errors, text=True)
    assert done.returncode == 0, done.stdout
    return done.stdout


def tracked(folder: Path) -> list[str]:
    return run("git", "ls-files", "--cached", "--others", "--exclude-standard", folder=folder).splitlines()


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder with an environment of its own in which both wheels are installed; one for all workers."""
    if worker_id == "master":
        return made(tmp_path_factory.mktemp("elsewhere"))
    place = tmp_path_factory.getbasetemp().parent / "elsewhere"
    with FileLock(f"{place}.lock"):
        return place if (place / "made").exists() else made(place)


def made(place: Path) -> Path:
    for name, source in (("ours", CHECKOUT), ("vendor", VENDOR)):
        for file in tracked(source):
            if (source / file).is_file():
                (place / name / file).parent.mkdir(parents=True, exist_ok=True)
                (place / name / file).write_bytes((source / file).read_bytes())
        run(sys.executable, "-c", BUILD, place / "dist", folder=place / name)
    venv.create(place / "env", symlinks=True)
    python = place / "env" / "bin" / "python"
    wheels = sorted((place / "dist").glob("*.whl"))
    assert len(wheels) == 2
    install = ("-m", "pip", "--disable-pip-version-check", "--quiet", "--python", python, "install", "--no-deps")
    run(sys.executable, *install, *wheels, folder=place)
    # Dependencies are those of the tests; only the two packages are installed anew.
    base = dependencies("pytest-euicc")
    link(base, site(place))
    link(dependencies("pytest-euicc[smdp,report,workers]") - base, place / "extras")
    (place / "other.yaml").write_text((acme(place) / "card.yaml").read_text().replace(", O_E_ACME_COUNTER", ""))
    (place / "base.json").write_text(json.dumps(reported(place, without_extras())))
    (place / "all.json").write_text(json.dumps(reported(place, with_extras(place), PYTHONPATH=str(place / "extras"))))
    (place / "made").touch()
    return place


def link(names: set[str], folder: Path) -> None:
    folder.mkdir(exist_ok=True)
    for name in names:
        for path in {Path(file.parts[0]) for file in distribution(name).files or () if ".." not in file.parts}:
            found = Path(str(distribution(name).locate_file(path)))
            if found.exists() and not (folder / path).exists():
                (folder / path).symlink_to(found)


def dependencies(package: str) -> set[str]:
    """What is installed with a package, such as ``name[extra]``."""
    names, waiting = set[str](), [Requirement(package)]
    while waiting:
        asking = waiting.pop()
        for needed in map(Requirement, requires(asking.name) or ()):
            marker = needed.marker
            chosen = marker is None or any(marker.evaluate({"extra": extra}) for extra in asking.extras or {""})
            if chosen and needed.name not in names:
                names.add(needed.name)
                waiting.append(needed)
    return names


RUNS = """
import json, sys, pytest
from pytest_euicc import cli
programs = {"pytest": pytest.main, "pytest-euicc": cli.main}
for program, *arguments in json.loads(sys.argv[1]):
    print("\\0", int(programs[program](arguments)), "\\0", sep="", end="", flush=True)
"""


def reported(place: Path, commands: list[tuple[str, ...]], **environment: str) -> list[tuple[int, str]]:
    """Exit statuses and output of commands in an empty folder, run by one process: to start takes longest."""
    empty = place / "empty"
    empty.mkdir(exist_ok=True)
    python = place / "env" / "bin" / "python"
    parts = run(python, "-c", RUNS, json.dumps(commands), folder=empty, **environment).split("\0")
    return [(int(status), text) for text, status in zip(parts[::2], parts[1::2], strict=False)]


def without_extras() -> list[tuple[str, ...]]:
    chosen = ("pytest", "--pyargs", "-q", "-p", "no:cacheprovider", "-k", "GetEID or InitiateAuthentication")
    eid, server = "pytest_euicc.suites.test_es10c", "pytest_euicc.suites.test_es9plus"
    return [
        (*chosen, eid, server),
        (*chosen, server),
        (*chosen, eid, "--euicc-report", "out"),
        (*chosen, eid, "-n", "2"),
        (*chosen, eid, "--alluredir=out"),
        ("pytest-euicc", "serve", "smdp"),
        ("pytest-euicc", "prove"),
        ("pytest-euicc", "prove", "--side", "euicc"),
    ]


def with_extras(place: Path) -> list[tuple[str, ...]]:
    vectors = str(acme(place) / "vectors")
    vendor = ("pytest", "--pyargs", "pytest_euicc.suites.test_others", "-v", "-rs", "--euicc", "acme:sim")
    files = ("--euicc-vectors", vectors, "--euicc-declaration")
    return [
        ("pytest", "--pyargs", "pytest_euicc.suites", "-k", "GetEID or SetNickname", "-q"),
        (*vendor, *files, str(acme(place) / "card.yaml")),
        (*vendor, *files, str(place / "other.yaml")),
        ("pytest-euicc", "lint", vectors),
    ]


def test_without_extras_cards_are_tested_and_what_is_missing_is_reported(place: Path) -> None:
    """In an environment of the dependencies alone."""
    statuses, texts = zip(*json.loads((place / "base.json").read_text()), strict=True)
    assert statuses == (0, 4, 4, 4, 4, 2, 2, 2), texts
    cards, no_server, report, workers, allure, serve, prove, prove_cards = texts
    assert " passed, " in cards
    smdp, to_report = "pip install 'pytest-euicc[smdp]'", "pip install 'pytest-euicc[report]'"
    nowhere = f"no SM-DP+ is named (--smdp), and the simulated one is not installed: {smdp}"
    assert f"left out, if chosen, were sequences of ES9+ and procedures: {nowhere}" in cards
    assert f"ERROR: every chosen sequence needs an SM-DP+: {nowhere}" in no_server
    assert f"ERROR: --euicc-report needs jinja2, which is not installed: {to_report}" in report
    assert "ERROR: -n is an option of pytest-xdist: pip install 'pytest-euicc[workers]'" in workers
    assert f"ERROR: --alluredir is an option of allure-pytest: {to_report}" in allure
    assert f"the simulated SM-DP+ needs httptools, which is not installed: {smdp}" in serve
    for text in (prove, prove_cards):
        assert f"pytest-euicc prove needs jinja2, which is not installed: {to_report}" in text


def site(place: Path) -> Path:
    (found,) = (place / "env" / "lib").glob("python*/site-packages")
    return found


def acme(place: Path) -> Path:
    return site(place) / "acme_euicc"


def output_of(place: Path, command: int) -> str:
    """The output of a command, which has to have passed."""
    status, text = json.loads((place / "all.json").read_text())[command]
    assert status == 0, text
    return str(text)


def test_suites_run_from_an_empty_folder(place: Path, tmp_path: Path) -> None:
    program = "import pytest_euicc.resources as r; print(r.vectors(), r.suites(), sep='\\n')"
    package = site(place) / "pytest_euicc"
    found = run(place / "env" / "bin" / "python", "-c", program, folder=tmp_path).splitlines()
    assert found == [str(package / "vectors"), str(package / "suites")]
    assert "pass" in output_of(place, 0).splitlines()[-1]
    assert "failed" not in output_of(place, 0)


def test_a_vendor_s_package_runs_its_own_vector(place: Path) -> None:
    assert "TC_Acme_ReadCounter_01] PASSED" in output_of(place, 1)
    assert "reader Acme reader with " in output_of(place, 1)
    assert output_of(place, 3) == ""


def test_the_vendor_s_option_is_needed(place: Path) -> None:
    assert "O_E_ACME_COUNTER = false" in output_of(place, 2)


def test_editors_know_the_vendor_s_actions(place: Path) -> None:
    schema = json.loads(run(place / "env" / "bin" / "pytest-euicc", "schema", "vectors", folder=place))
    data = yaml_core.load((VENDOR / "acme_euicc" / "vectors" / "counter.yaml").read_text(encoding="utf-8"))
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(data)) == []
