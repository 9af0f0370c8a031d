"""The wheel, installed elsewhere: suites and vectors travel in it."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def run(*command: str | Path, folder: Path) -> str:
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("PYTEST", "COV"))}
    done = subprocess.run(
        list(map(str, command)), cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_suites_run_from_an_empty_folder(tmp_path: Path) -> None:
    source = tmp_path / "source"
    tracked = run("git", "ls-files", "--cached", "--others", "--exclude-standard", folder=CHECKOUT).splitlines()
    for name in tracked:
        if (CHECKOUT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((CHECKOUT / name).read_bytes())
    run(sys.executable, "-m", "build", "--wheel", "--outdir", tmp_path / "dist", folder=source)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    place = tmp_path / "elsewhere"
    # Dependencies come from the environment of the tests; only the package itself is installed anew.
    venv.create(place / "env", with_pip=True, symlinks=True)
    python = place / "env" / "bin" / "python"
    (site,) = (place / "env" / "lib").glob("python*/site-packages")
    own = next(Path(entry) for entry in sys.path if entry.endswith("site-packages"))
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "--disable-pip-version-check", wheel, folder=place)
    (site / "dependencies.pth").write_text(f"{own}\n")
    said = run(
        python, "-c", "import pytest_euicc.resources as r; print(r.vectors(), r.suites(), sep='\\n')", folder=place
    ).splitlines()
    assert said == [str(site / "pytest_euicc" / "vectors"), str(site / "pytest_euicc" / "suites")]
    out = run(
        python, "-m", "pytest", "--pyargs", "pytest_euicc.suites", "-k", "GetEID or SetNickname", "-q", folder=place
    )
    assert "pass" in out.splitlines()[-1]
    assert "failed" not in out
