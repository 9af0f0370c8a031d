"""The line that says where a long piece of work is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pytest_euicc.reporting.progress import Progress, duration, fitted
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


def test_a_file_shows_nothing_of_it() -> None:
    run = PytestRun(RUN, ROOT)
    reported, _ = run.communicate(timeout=120)
    assert run.returncode == pytest.ExitCode.OK
    assert "\x1b" not in reported
    assert " gone" not in reported
    assert "test_es8plus.py .." in reported
