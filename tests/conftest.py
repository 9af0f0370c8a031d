"""Fixtures that more than one file of tests uses."""

import gc
import os
import signal
import sys
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.support.forked import warm
from tests.support.forked_workers import fork_workers
from tests.support.pcscd import pcscd

# How long an example takes says nothing on a machine that does other things as well.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

# Journals of the cards of these tests are nobody's.
_STATE = tempfile.TemporaryDirectory(prefix="pytest-euicc-state-")
os.environ["XDG_STATE_HOME"] = _STATE.name

# Runs of pytest inside a test have an empty home; without this each of their processes compiles the ASN.1 modules anew.
os.environ["XDG_CACHE_HOME"] = str(Path(__file__).parents[1] / ".cache" / "tests")

# What a run prints is the same on a CI service: with these set pytest does not cut the lines of its summary.
for _name in ("CI", "BUILD_NUMBER", "GITHUB_ACTIONS", "GITLAB_CI"):
    os.environ.pop(_name, None)

# Runs of pytest inside a test load what they need: the plugin of hypothesis alone takes a second of each process.
os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
os.environ["PYTEST_PLUGINS"] = "pytest_euicc.plugin,allure_pytest.plugin,xdist.plugin,xdist.looponfail"

# Pytest keeps the modules whose asserts it has rewritten as bytecode: without it, each process rewrites them anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

__all__ = ["pcscd"]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """The workers of the tests are forked as well: each would need a second to load what they import."""
    fork_workers(warm())


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """What is loaded by its end stays: pytest collects garbage after each run inside a test and need not look there."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        # Reading the vectors of a run makes so many objects that the usual 700 has everything looked through each time.
        gc.set_threshold(100_000)
        gc.enable()


_ENDS = signal.getsignal(signal.SIGTERM)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown() -> None:
    """A command that was run in this process may have taken SIGTERM, at which what is forked from it has to end."""
    signal.signal(signal.SIGTERM, _ENDS)
