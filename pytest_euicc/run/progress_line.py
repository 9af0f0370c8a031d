"""The line at a terminal that says where a run is: behind what pytest shows, gone before pytest shows more."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from pytest_euicc.conformance.engine.events import ApduExchanged, Event, SegmentSent
from pytest_euicc.reporting.progress import BEHIND, Progress, fitted
from pytest_euicc.run.terminal import uncaptured, watched

NAME = "euicc-progress"
_PAUSE = 0.2


class ProgressLine:
    """A plugin of the process that has the terminal, for runs of sequences.

    On a terminal it also keeps pytest from showing a letter for each sequence that passes or is skipped: the line says
    how many there were, and letters would push it away.

    Args:
        names: id and interface of a sequence by the node id of its test.
        weights: how long sequences take, in any unit, by id.
    """

    def __init__(
        self, config: pytest.Config, names: Mapping[str, tuple[str, str]], weights: Mapping[str, float]
    ) -> None:
        self._config = config
        self._names = names
        self._reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
        self._progress = Progress(len(names), weights)
        self._shown = False
        self._last = 0.0
        self._ended: set[str] = set()

    def __call__(self, event: Event) -> None:
        """A listener of the sequence that runs in this process."""
        if isinstance(event, SegmentSent):
            self._progress.segment(event.number, event.total)
            self._show()
        elif isinstance(event, ApduExchanged):
            self._show()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_logstart(self, nodeid: str) -> Iterator[None]:
        """A test begins, here or in a worker, where others may run."""
        self.clear()
        yield
        if nodeid in self._names:
            self._progress.begin(*self._names[nodeid])
            self._show(at_once=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Before pytest shows a result, if it shows this one."""
        if not (report.passed and report.when != "call") and self.pytest_report_teststatus(report) is None:
            self.clear()
        if report.when == "teardown" and report.nodeid in self._names and report.nodeid not in self._ended:
            self._ended.add(report.nodeid)
            self._progress.end(self._names[report.nodeid][0])

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_logfinish(self) -> None:
        """Before pytest shows how much of the run is done."""
        self.clear()

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """No letter for what passed or was skipped."""
        if self._config.get_verbosity() > 0 or report.nodeid not in self._names:
            return None
        if report.when == "call" and report.passed:
            return "passed", "", "PASSED"
        return ("skipped", "", "SKIPPED") if report.skipped and not hasattr(report, "wasxfail") else None

    def pytest_sessionfinish(self) -> None:
        """The end."""
        self.clear()

    def clear(self) -> None:
        """Take the line away."""
        if self._shown:
            self._shown = False
            self._write("")

    def _show(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        if not at_once and now - self._last < _PAUSE:
            return
        self._last = now
        self._shown = True
        self._write(self._progress.line())

    def _write(self, text: str) -> None:
        writer = self._reporter._tw
        # While output is captured, the terminal has no width.
        with uncaptured(self._config):
            file = writer._file
            file.write(BEHIND.format(fitted(text, writer.fullwidth - writer.width_of_current_line - 1)))
            file.flush()


def begin(
    config: pytest.Config,
    names: Mapping[str, tuple[str, str]],
    weights: Callable[[], Mapping[str, float]],
) -> None:
    """Show the line from here on, where somebody looks and there are sequences."""
    if names and watched(config) and not config.pluginmanager.has_plugin(NAME):
        config.pluginmanager.register(ProgressLine(config, names, weights()), NAME)
