"""The tests on every Python that is supported: ``make versions``.

One that is not installed is named, and the run fails for it once the others are done; ``make versions PYTHONS="3.12
3.13"`` asks for these alone.
"""

import os
from pathlib import Path

import nox

VERSIONS = os.environ.get("PYTHONS", "").split() or ["3.11", "3.12", "3.13", "3.14"]
CHOSEN = "not pcsc and not exhaustive"

# Versions that pyenv has installed are found without `pyenv shell` or `pyenv global`.
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"
os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], *map(str, sorted(PYENV.glob("3.*/bin")))])

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = True
nox.options.reuse_venv = "yes"


@nox.session(python=VERSIONS)
def tests(session: nox.Session) -> None:
    """All tests but those through PC/SC; arguments after ``--`` choose others."""
    session.install("--quiet", "-e", ".[dev]")
    session.run("pytest", "-q", "-n", "2", "--dist", "worksteal", "-m", CHOSEN, *(session.posargs or ["tests"]))
