"""The tests on every Python that is supported: ``make versions``. One that is not installed is named as skipped."""

import nox

VERSIONS = ("3.11", "3.12", "3.13", "3.14")
CHOSEN = "not pcsc and not exhaustive"

nox.options.default_venv_backend = "venv"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"


@nox.session(python=VERSIONS)
def tests(session: nox.Session) -> None:
    """All tests but those through PC/SC; arguments after ``--`` choose others."""
    session.install("--quiet", "-e", ".[dev]")
    session.run("pytest", "-q", "-n", "2", "--dist", "loadgroup", "-m", CHOSEN, *(session.posargs or ["tests"]))
