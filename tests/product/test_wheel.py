"""The wheel, installed elsewhere: suites and vectors travel in it, and a vendor's wheel beside it adds its own."""

from __future__ import annotations

import json
import os
import re
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


def called(folder: Path, *command: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A program that finds plugins of pytest by itself, as it does for a user."""
    ours = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    return subprocess.run(
        list(map(str, command)), cwd=folder, env=ours | environment, capture_output=True, text=True, check=False
    )


def run(*command: str | Path, folder: Path, **environment: str) -> str:
    done = called(folder, *command, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
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


BASE = """
import sys, pytest
from pytest_euicc import cli
eid, server = "pytest_euicc.suites.test_es10c", "pytest_euicc.suites.test_es9plus"
for arguments in (
    [eid, server], [server], [eid, "--euicc-report", "out"], [eid, "-n", "2"], [eid, "--alluredir=out"],
):
    chosen = ["--pyargs", "-q", "--no-header", "-p", "no:cacheprovider", "-k", "GetEID or InitiateAuthentication"]
    print("exit", int(pytest.main([*chosen, *arguments])), flush=True)
for arguments in (["serve", "smdp"], ["prove"], ["prove", "--side", "euicc"]):
    print("exit", cli.main(arguments), flush=True)
"""


def test_without_extras_cards_are_tested_and_what_is_missing_is_told(place: Path, tmp_path: Path) -> None:
    """In an environment of the dependencies alone."""
    done = called(tmp_path, place / "env" / "bin" / "python", "-c", BASE)
    reported = done.stdout + done.stderr
    assert re.findall(r"^exit (\d)", reported, re.MULTILINE) == list("04444222"), reported
    assert " passed, " in reported
    smdp, report = "pip install 'pytest-euicc[smdp]'", "pip install 'pytest-euicc[report]'"
    nowhere = f"no SM-DP+ is named (--smdp), and the simulated one is not installed: {smdp}"
    assert f"left out, if chosen, were sequences of ES9+ and procedures: {nowhere}" in reported
    assert f"ERROR: every chosen sequence needs an SM-DP+: {nowhere}" in reported
    assert f"ERROR: --euicc-report needs jinja2, which is not installed: {report}" in reported
    assert "ERROR: -n is an option of pytest-xdist: pip install 'pytest-euicc[workers]'" in reported
    assert f"ERROR: --alluredir is an option of allure-pytest: {report}" in reported
    assert f"the simulated SM-DP+ needs starlette, which is not installed: {smdp}" in reported
    assert f"pytest-euicc prove needs jinja2, which is not installed: {report}" in reported


def site(place: Path) -> Path:
    (found,) = (place / "env" / "lib").glob("python*/site-packages")
    return found


def with_extras(place: Path, program: str, *arguments: str | Path, folder: Path) -> str:
    return run(place / "env" / "bin" / program, *arguments, folder=folder, PYTHONPATH=str(place / "extras"))


def test_suites_run_from_an_empty_folder(place: Path, tmp_path: Path) -> None:
    program = "import pytest_euicc.resources as r; print(r.vectors(), r.suites(), sep='\\n')"
    said = with_extras(place, "python", "-c", program, folder=tmp_path).splitlines()
    package = site(place) / "pytest_euicc"
    assert said == [str(package / "vectors"), str(package / "suites")]
    chosen = ("--pyargs", "pytest_euicc.suites", "-k", "GetEID or SetNickname", "-q")
    out = with_extras(place, "python", "-m", "pytest", *chosen, folder=tmp_path)
    assert "pass" in out.splitlines()[-1]
    assert "failed" not in out


def test_a_vendor_s_package_runs_its_own_vector(place: Path, tmp_path: Path) -> None:
    package = site(place) / "acme_euicc"
    chosen = ("--pyargs", "pytest_euicc.suites.test_others", "-v", "--euicc", "acme:sim")
    files = ("--euicc-declaration", package / "card.yaml", "--euicc-vectors", package / "vectors")
    out = with_extras(place, "python", "-m", "pytest", *chosen, *files, folder=tmp_path)
    assert "TC_Acme_ReadCounter_01] PASSED" in out
    assert "reader Acme reader with " in out
    assert with_extras(place, "pytest-euicc", "lint", package / "vectors", folder=tmp_path) == ""


def test_editors_know_the_vendor_s_actions(place: Path) -> None:
    schema = json.loads(with_extras(place, "pytest-euicc", "schema", "vectors", folder=place))
    data = yaml_core.load((VENDOR / "acme_euicc" / "vectors" / "counter.yaml").read_text(encoding="utf-8"))
    assert list(jsonschema.Draft202012Validator(schema).iter_errors(data)) == []


def test_the_vendor_s_option_is_needed(place: Path, tmp_path: Path) -> None:
    package = site(place) / "acme_euicc"
    (tmp_path / "other.yaml").write_text((package / "card.yaml").read_text().replace(", O_E_ACME_COUNTER", ""))
    chosen = ("--pyargs", "pytest_euicc.suites.test_others", "-rs", "--euicc", "acme:sim")
    files = ("--euicc-declaration", "other.yaml", "--euicc-vectors", package / "vectors")
    assert "O_E_ACME_COUNTER = false" in with_extras(place, "python", "-m", "pytest", *chosen, *files, folder=tmp_path)
