"""Lines for the person at the terminal in the middle of a run, past pytest's capture of output."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pytest


class Teller:
    """Writes through pytest's terminal reporter; without one (a worker of pytest-xdist) nothing is shown."""

    def __init__(self, config: pytest.Config) -> None:
        self._plugins = config.pluginmanager
        self._shown = False

    def say(self, text: str) -> None:
        """A line of its own."""
        reporter = self._plugins.get_plugin("terminalreporter")
        if reporter is not None:
            with self._uncaptured():
                reporter.ensure_newline()
                reporter.write_line(text)

    def show(self, text: str) -> None:
        """On a terminal, a line in place of the one shown before; elsewhere the first alone. Empty: it is over."""
        reporter: Any = self._plugins.get_plugin("terminalreporter")
        if reporter is None:
            return
        if not reporter.isatty:
            if text and not self._shown:
                self.say(text)
        else:
            with self._uncaptured():
                if text and not self._shown:
                    reporter.ensure_newline()
                reporter.rewrite(text, erase=True)
                reporter.flush()
        self._shown = bool(text)

    def _uncaptured(self) -> AbstractContextManager[Any]:
        manager: Any = self._plugins.get_plugin("capturemanager")
        return nullcontext() if manager is None else manager.global_and_fixture_disabled()
