"""The container file names what is there; it is built by hand, as no builder is at hand everywhere."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
CONTAINERFILE = (ROOT / "container" / "Containerfile").read_text(encoding="utf-8")
SCRIPT = ROOT / "container" / "run-suites"


def test_what_is_copied_is_there() -> None:
    copied = [
        name for line in re.findall(r"^COPY (?!--from)(.+) \S+$", CONTAINERFILE, re.MULTILINE) for name in line.split()
    ]
    assert "container/run-suites" in copied
    assert [name for name in copied if not (ROOT / name).exists()] == []


def test_its_extras_are_those_of_the_package() -> None:
    (extras,) = re.findall(r"/src\[([a-z,]+)\]", CONTAINERFILE)
    known = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    assert set(extras.split(",")) <= known.keys()


def test_the_script_gives_back_the_exit_status_of_pytest(tmp_path: Path) -> None:
    for name, body in {"pcscd": "exit 1", "pytest": 'echo "$@" >arguments; exit 3'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = subprocess.run(
        [SCRIPT, "-k", "Get EID"], cwd=tmp_path, env={"PATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 3
    assert "no cards in readers" in done.stderr
    arguments = (tmp_path / "arguments").read_text()
    assert arguments.startswith("--pyargs pytest_euicc.suites --euicc-report out")
    assert arguments.endswith("-k Get EID\n")
