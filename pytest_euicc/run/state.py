"""One run of pytest: what the user gave, its results, and how it ends. It is in ``config.stash[RUN]``."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.run import cards, selection
from pytest_euicc.run.inputs import Inputs
from pytest_euicc.run.reports import Reports
from pytest_euicc.run.signals import Interruption
from pytest_euicc.run.terminal import uncaptured, watched
from pytest_euicc.text import printable_values

ENTRY: pytest.StashKey[dict[str, Any]] = pytest.StashKey()
"""Of a test: its line of the summary."""
MISSING: pytest.StashKey[list[str]] = pytest.StashKey()
"""Of a test: profiles that the SM-DP+ did not hold, in words."""

_NEW_OBJECTS = 10_000
"""The threshold of the collector: a decoded message is some hundred objects, and hardly ever in a cycle."""

CUT_SHORT = "second Ctrl-C: the clean-up was aborted; the next run on a real card restores it first"


class Run:
    """It is a plugin of pytest, as its reports are; pytest gives no config with a report of a test."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.inputs = Inputs(config)
        self.reports = Reports(config, self.inputs)
        self.interruption = Interruption(worker=self.inputs.in_worker)
        self._ends_on_signals = False
        self._is_loaded = False
        self.is_collected = False
        """The tests of sequences are known."""
        self.ended = ""
        """Why the run cannot go on, such as a card that cannot be opened."""

    def collected(self, nodeids: list[str]) -> list[str]:
        """The tests of sequences are known: write them down, and let a terminal show where the run is.

        Returns:
            The lines of the plan; none where none is wanted, or where they were known before.
        """
        if self.is_collected:
            return []
        reported = selection.plan_lines(self._config, self.inputs, nodeids, self.reports.earlier)
        if nodeids and not self.inputs.in_worker:
            self.is_collected = True
            named = {nodeid: selection.parameter(nodeid) for nodeid in nodeids}
            self.reports.chosen(list(named.values()))
            self._show_progress(named)
        return reported

    def _show_progress(self, named: dict[str, str]) -> None:
        if not watched(self._config):
            return
        from pytest_euicc.run import plan, progress_line

        inputs, known = self.inputs, self.inputs.interfaces
        sequences = {nodeid: cards.sequence_of(parameter) for nodeid, parameter in named.items()}
        names = {
            nodeid: (name, known[name])
            for nodeid, name in sequences.items()
            if name in known and inputs.done(name, cards.product_of(nodeid)) is None
        }
        progress_line.begin(self._config, names, lambda: plan.weights(inputs, [name for name, _ in names.values()]))

    def opened(self, description: dict[str, str]) -> None:
        """A card or an SM-DP+ was opened; reports show its first description."""
        self.end_on_signals()
        reports = self.reports
        reports.description = {**printable_values(description), **reports.description}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """With a sequence the controller of workers knows that the run is one of ours; a worker may say why it ends."""
        if hasattr(report, "euicc"):
            self.end_on_signals()
        self.ended = getattr(report, "euicc_ended", "") or self.ended

    def end_on_signals(self) -> None:
        """From the first call on SIGINT, SIGTERM and SIGHUP end the run in order."""
        if not self._ends_on_signals:
            self._ends_on_signals = True
            with uncaptured(self._config):
                self.interruption.begin(os.dup(2))
            self._config.add_cleanup(self.interruption.end)

    @contextmanager
    def loading(self) -> Iterator[None]:
        """While the first sequence is found and its implementation opened.

        All that this loads stays to the end of the process (vectors, modules, ASN.1 types), so that the garbage
        collector need not search it, neither now nor later: that takes a quarter of the time of a short run.
        """
        if self._is_loaded or not gc.isenabled():
            yield
            return
        gc.disable()
        try:
            yield
        finally:
            # Who has frozen objects before, such as a process that runs pytest several times, has reasons of its own.
            if not gc.get_freeze_count():
                gc.freeze()
                if 0 < gc.get_threshold()[0] < _NEW_OBJECTS:
                    gc.set_threshold(_NEW_OBJECTS)
            gc.enable()
            self._is_loaded = True

    @contextmanager
    def last_clean_up(self) -> Iterator[None]:
        """Around the end of a fixture: when the run is over, pytest takes neither faults nor Ctrl-C of it any more."""
        try:
            with self.interruption.cuttable():
                yield
        except KeyboardInterrupt:
            if not self.interruption.cut_short:
                raise
        except PytestEuiccError as error:
            if not self.interruption.finishing:
                raise
            self.reports.say(str(error))

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """JUnit XML, before pytest writes it."""
        self.interruption.finishing = True
        self.reports.write_junit()

    def finish(self, *, whole: bool) -> bool:
        """Write reports; whether they are where the user wants them.

        Args:
            whole: the run was not interrupted.
        """
        if self.interruption.cut_short:
            self.reports.say(CUT_SHORT)
        return self.reports.finish(whole=whole)


RUN: pytest.StashKey[Run] = pytest.StashKey()
