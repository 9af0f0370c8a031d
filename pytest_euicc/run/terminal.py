"""Lines for the person at the terminal in the middle of a run, past pytest's capture of output."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest


class Teller:
    """Writes through pytest's terminal reporter; without one (a worker of pytest-xdist) nothing is shown."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._plugins = config.pluginmanager
        self._shown = False
        self._told = ""

    def say(self, text: str) -> None:
        """A line of its own."""
        reporter = self._plugins.get_plugin("terminalreporter")
        if reporter is not None:
            with uncaptured(self._config):
                self._clear_progress()
                reporter.ensure_newline()
                reporter.write_line(text)

    def show(self, text: str) -> None:
        """On a terminal, a line in place of the one shown before; elsewhere the first alone. Empty: it is over.

        What is behind the first colon of a text that is wider than the terminal gets a line of its own, once.
        """
        reporter: Any = self._plugins.get_plugin("terminalreporter")
        if reporter is None:
            return
        if not reporter.isatty:
            if text and not self._shown:
                self.say(text)
        else:
            with uncaptured(self._config):
                if text and not self._shown:
                    self._clear_progress()
                    reporter.ensure_newline()
                line, _, reason = text.partition(": ")
                if len(text) < reporter._tw.fullwidth:
                    line = text
                elif reason != self._told:
                    self._told = reason
                    self._rewrite(reporter, "")
                    reporter.write_line(reason)
                self._rewrite(reporter, line)
                reporter.flush()
        self._shown = bool(text)
        if not text:
            self._told = ""

    @staticmethod
    def _rewrite(reporter: Any, line: str) -> None:
        reporter.rewrite(line, erase=True)
        if not line:
            # What comes next begins where the line did.
            reporter.rewrite("")

    def _clear_progress(self) -> None:
        progress: Any = self._plugins.get_plugin("euicc-progress")
        if progress is not None:
            progress.clear()


def uncaptured(config: pytest.Config) -> AbstractContextManager[Any]:
    """While it lasts, what is written goes past pytest's capture."""
    manager: Any = config.pluginmanager.get_plugin("capturemanager")
    return nullcontext() if manager is None else manager.global_and_fixture_disabled()


def watched(config: pytest.Config) -> bool:
    """Whether somebody looks: a terminal that understands escapes, and neither ``-q`` nor ``--collect-only``."""
    reporter: Any = config.pluginmanager.get_plugin("terminalreporter")
    able = reporter is not None and reporter.isatty and os.environ.get("TERM", "dumb") != "dumb"
    return bool(able and config.get_verbosity() >= 0 and not config.option.collectonly)
