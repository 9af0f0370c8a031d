"""What the first sequence loads stays, and the garbage collector is not to search it."""

from __future__ import annotations

import gc

import pytest

from tests.support.plugin_runs import run, run_alone

CHOSEN = ("-k", "ATR_And_ISDR_Selection_01")
SHOWS = """
import gc

def pytest_configure():
    # As in a process that was not forked from one of these tests.
    gc.unfreeze()

def pytest_sessionfinish():
    print("frozen", gc.get_freeze_count() > 50_000, "on", gc.isenabled(), "after", gc.get_threshold()[0])
"""


def test_it_is_frozen(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(shows=SHOWS)
    pytester.syspathinsert()
    result = run_alone(pytester, "card", "-p", "shows", "-s", *CHOSEN)
    result.stdout.fnmatch_lines(["*frozen True on True after 10000*"])


def test_a_process_that_has_frozen_objects_is_left_alone(pytester: pytest.Pytester) -> None:
    before = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(5_000)
    try:
        run(pytester, "card", *CHOSEN).assert_outcomes(passed=1)
        assert gc.get_threshold()[0] == 5_000
        assert gc.isenabled()
    finally:
        gc.set_threshold(*before)
