"""Who does what only a person can do: somebody at the terminal, or a hook that moves cards by a machine."""

from __future__ import annotations

import math
import os
import select
import time
from collections.abc import Callable
from contextlib import suppress

from pytest_euicc.conformance.engine.errors import SetupIncomplete
from pytest_euicc.conformance.engine.operator import (
    CANNOT,
    DONE,
    NO,
    TIME_OUT,
    YES,
    Operator,
    OperatorAnswer,
    OperatorRequest,
)
from pytest_euicc.errors import OptionError
from pytest_euicc.text import printable

_TERMINAL = "/dev/tty"
_SLICE = 0.3
_CLEAR = "\r\x1b[K"
_LONGEST = 256
_WORDS = {"y": YES, "yes": YES, "n": NO, "no": NO, "": DONE, "d": DONE, "done": DONE, "s": CANNOT, "skip": CANNOT}


def open_terminal() -> int:
    """The terminal of this process, whatever its output goes to; raises OptionError where there is none."""
    try:
        return os.open(_TERMINAL, os.O_RDWR | getattr(os, "O_NOCTTY", 0))
    except OSError:
        raise OptionError(
            "--euicc-operator terminal: this process has no terminal to ask on. Start pytest in one, or use "
            "--euicc-operator hook"
        ) from None


class TerminalOperator:
    """Asks the person at the terminal, past pytest's capture of output and any redirection.

    Args:
        seconds: how long one request waits.

    Raises:
        OptionError: there is no terminal.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        os.close(open_terminal())

    def ask(self, request: OperatorRequest) -> OperatorAnswer:
        """Show a request and wait until it is done or answered, with a countdown."""
        terminal = open_terminal()
        try:
            return self._ask(terminal, request)
        finally:
            os.close(terminal)

    def _ask(self, terminal: int, request: OperatorRequest) -> OperatorAnswer:
        started, shown = self._clock(), -1
        _forget_typed(terminal)
        _write(terminal, f"{_CLEAR}\a\r\n>>> {printable(request.text)}\r\n    {_how(request)}\r\n")
        while True:
            passed = self._clock() - started
            if request.done is not None and request.done():
                _write(terminal, f"{_CLEAR}    seen after {passed:.0f} s\r\n")
                return OperatorAnswer(DONE, passed)
            left = math.ceil(self._seconds - passed)
            if left <= 0:
                _write(terminal, f"{_CLEAR}    nobody answered within {self._seconds:g} s\r\n")
                return OperatorAnswer(TIME_OUT, passed)
            if left != shown:
                shown = left
                _write(terminal, f"{_CLEAR}    {left} s left > ")
            answer = _typed(terminal, request)
            if answer:
                return OperatorAnswer(answer, self._clock() - started)


def _forget_typed(terminal: int) -> None:
    """What was typed before a request is no answer to it."""
    with suppress(ImportError):  # Systems without termios have no terminal of this kind either.
        import termios

        termios.tcflush(terminal, termios.TCIFLUSH)


def _how(request: OperatorRequest) -> str:
    if request.task == "confirm":
        return "y and Enter for yes, n and Enter for no, s and Enter if you cannot say"
    if request.done is not None:
        return "detected automatically; s and Enter if it cannot be done"
    return "Enter when it is done; s and Enter if it cannot be done"


def _typed(terminal: int, request: OperatorRequest) -> str:
    """The answer that a line means; empty where none was typed, or one that means nothing here."""
    if not select.select([terminal], [], [], _SLICE)[0]:
        return ""
    line = os.read(terminal, _LONGEST).decode(errors="replace").strip().lower()
    answer = _WORDS.get(line, "")
    seen = request.done is not None
    wanted = {YES, NO, CANNOT} if request.task == "confirm" else {CANNOT} if seen else {DONE, CANNOT}
    if answer in wanted:
        return answer
    _write(terminal, f"    {_how(request)}\r\n")
    return ""


def _write(terminal: int, text: str) -> None:
    octets = text.encode()
    while octets:
        octets = octets[os.write(terminal, octets) :]


class HookOperator:
    """Has the hook ``pytest_euicc_operator`` do it, and somebody else what no hook does.

    Args:
        hook: returns an answer, or None where no implementation of the hook does this.
        seconds: how long to wait until the harness sees that it was done.
        others: for what no hook does; None where there is nobody.
    """

    def __init__(
        self,
        hook: Callable[[OperatorRequest], str | None],
        seconds: float,
        others: Operator | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._hook = hook
        self._seconds = seconds
        self._others = others
        self._clock = clock
        self._sleep = sleep

    def ask(self, request: OperatorRequest) -> OperatorAnswer:
        """Call the hook, then wait until it is seen to be done.

        Raises:
            SetupIncomplete: no hook does it, the hook fails, or its answer is none.
        """
        started = self._clock()
        try:
            answer = self._hook(request)
        except Exception as error:
            fault = f"{type(error).__name__}: {error}"
            raise SetupIncomplete(f"the hook pytest_euicc_operator failed ({request.task}): {fault}") from error
        if answer is None:
            if self._others is not None:
                return self._others.ask(request)
            raise SetupIncomplete(f"no hook pytest_euicc_operator does this ({request.task}): {request.text}")
        wanted = (YES, NO, CANNOT) if request.task == "confirm" else (DONE, CANNOT)
        if answer not in wanted:
            raise SetupIncomplete(f"the hook pytest_euicc_operator returned {answer!r}; one of {', '.join(wanted)}")
        while answer == DONE and request.done is not None and not request.done():
            if self._clock() - started >= self._seconds:
                return OperatorAnswer(TIME_OUT, self._clock() - started)
            self._sleep(_SLICE)
        return OperatorAnswer(answer, self._clock() - started)
