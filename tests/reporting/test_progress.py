"""The line that says where a long piece of work is."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from pytest_euicc.reporting.progress import BEHIND, Progress, duration, fitted
from pytest_euicc.run.progress_line import ProgressLine
from tests.support.forked import PytestRun
from tests.support.terminal import Terminal

ROOT = Path(__file__).parents[2]
RUN = ["suites/test_es8plus.py", "-k", "Keys_01 or Keys_02", "-p", "no:cacheprovider"]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_time_left_is_by_weights() -> None:
    clock = Clock()
    progress = Progress(3, {"a": 1.0, "b": 8.0, "c": 1.0}, clock)
    progress.begin("a", "ES10c")
    assert progress.line() == "1/3 ES10c a · 0:00 gone"
    clock.now += 10
    progress.end("a")
    progress.begin("b", "ES8+")
    progress.segment(4, 27)
    assert progress.line() == "2/3 ES8+ b · segment 4/27 · 0:10 gone, 1:30 left"
    clock.now += 80
    progress.end("b")
    assert progress.left == 10
    progress.begin("c")
    assert progress.line() == "3/3 c · 1:30 gone, 0:10 left"


def test_unknown_pieces_count_as_the_mean() -> None:
    clock = Clock()
    progress = Progress(4, {"a": 1.0, "b": 3.0}, clock)
    clock.now += 6
    progress.end("elsewhere")
    assert progress.left == 18


def test_numbers_alone() -> None:
    clock = Clock()
    progress = Progress(100, clock=clock)
    clock.now += 50
    progress.reached(25)
    assert progress.line("mutated") == "25/100 mutated · 0:50 gone, 2:30 left"


def test_two_at_once() -> None:
    progress = Progress(9, clock=Clock())
    progress.begin("a", "X")
    progress.begin("b", "X")
    assert progress.line() == "2/9 X a, X b · 0:00 gone"


def test_a_narrow_terminal() -> None:
    text = "2/3 ES8+ TC_eUICC_ES8+.LoadProfileElements_02 · segment 4/27 · 0:10 gone, 1:30 left"
    assert fitted(text, 200) == text
    assert fitted(text, 60) == "2/3 ES8+ TC_eUICC_ES8… · segment 4/27 · 0:10 gone, 1:30 left"
    assert len(fitted(text, 40)) <= 40
    assert fitted(text, 20) == ""
    assert fitted("a\x1b[2Jb", 80) == r"a\x1b[2Jb"


@pytest.mark.parametrize(("seconds", "text"), [(7, "0:07"), (750, "12:30"), (3723, "1:02:03")])
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize("workers", [[], ["-n", "2"]], ids=["alone", "workers"])
def test_a_terminal_shows_it(workers: list[str]) -> None:
    run = Terminal([*RUN, *workers], ROOT)
    assert run.end() == pytest.ExitCode.OK, run.shown
    lines = re.findall("\x1b7(.*?)\x1b\\[K\x1b8", run.shown)
    # Of two workers either may be the first.
    first = "0[12]" if workers else "01"
    assert any(re.match(rf"1/2 ES8\+ TC_eUICC_ES8\+\.\S+_{first}.* · \d:\d\d gone", line) for line in lines), run.shown
    assert workers or any(line.startswith("2/2 ES8+") and line.endswith(" left") for line in lines), run.shown
    # It is gone before pytest shows its results, and no letters are shown for what passed.
    assert lines[-1] == ""
    assert not re.search(r"(?m)^\S*\.\. ", run.shown.replace("\x1b[32m", ""))


def test_it_stays_while_pytest_shows_nothing() -> None:
    """Until the test has ended: a setup that passes, and what passes or is skipped, has no letter."""
    shown = io.StringIO()
    writer = SimpleNamespace(_file=shown, fullwidth=100, width_of_current_line=0)
    plugins = {"terminalreporter": SimpleNamespace(_tw=writer)}
    config: Any = SimpleNamespace(pluginmanager=SimpleNamespace(get_plugin=plugins.get), get_verbosity=lambda: 0)
    line = ProgressLine(config, {"one": ("TC_X_01", "ES10c")}, {})

    def report(when: Literal["setup", "call", "teardown"], outcome: Literal["passed", "failed", "skipped"]) -> bool:
        """Whether the line is still there after it."""
        shown.truncate(shown.seek(0))
        line.pytest_runtest_logreport(pytest.TestReport("one", ("", 0, ""), {}, outcome, None, when))
        return not shown.getvalue()

    list(line.pytest_runtest_logstart("one"))
    assert "1/1 ES10c TC_X_01" in shown.getvalue()
    assert report("setup", "passed")
    assert report("setup", "skipped")
    assert report("call", "passed")
    assert report("teardown", "passed")
    shown.truncate(shown.seek(0))
    line.pytest_runtest_logfinish()
    assert shown.getvalue() == BEHIND.format("")
    list(line.pytest_runtest_logstart("one"))
    assert not report("call", "failed")


def test_a_file_shows_nothing_of_it() -> None:
    run = PytestRun(RUN, ROOT)
    reported, _ = run.communicate(timeout=120)
    assert run.returncode == pytest.ExitCode.OK
    assert "\x1b" not in reported
    assert " gone" not in reported
    assert "test_es8plus.py .." in reported
