"""Signals that end a run in an orderly way: changes are restored, reports are written, no traceback is shown."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

_ENDING = ("SIGINT", "SIGTERM", "SIGHUP")
_INTERRUPTED = 2
"""Exit status of pytest for a run that was interrupted."""
_RESTORING = (
    b"\nwhat was changed is being restored, then the run ends. Ctrl-C once more aborts that: a real card is then "
    b"restored by the next run.\n"
)
_AT_ONCE = (
    b"\nthird Ctrl-C: the run ends at once. Reports are not complete; what was changed on a real card is in its "
    b"journal, and the next run restores it.\n"
)


class Interruption:
    """What SIGINT (Ctrl-C), SIGTERM and SIGHUP do to a run.

    The first of them raises KeyboardInterrupt in the main thread, as Python does for Ctrl-C; while a card is restored,
    as soon as that is done. Ctrl-C for the second time cuts short the restoring, which a mute card makes long, but
    never the writing of reports; for the third time it ends the process. A signal that is ignored (nohup) or has
    another handler stays as it is.

    Args:
        worker: another process has the terminal and ends this one, with signals of its own: the first is enough.
    """

    def __init__(self, *, worker: bool) -> None:
        self._worker = worker
        self._terminal = -1
        self._cuttable = 0
        self._signals = 0
        self._deferring = False
        self._deferred = ""
        self._former: dict[int, Callable[..., object] | int] = {}
        self.finishing = False
        """Reports are being written: not even the first signal keeps that from its end."""
        self.cut_short = False
        """Ctrl-C for the second time has cut a clean-up short."""

    def begin(self, terminal: int) -> None:
        """Take the signals.

        Args:
            terminal: descriptor of a file for the last words of a run that is ended at once.
        """
        self._terminal = terminal
        for name in _ENDING if threading.current_thread() is threading.main_thread() else ():
            number = getattr(signal, name, None)
            found = signal.getsignal(number) if number is not None else None
            if number is not None and found in (signal.SIG_DFL, signal.default_int_handler):
                self._former[number] = found
                signal.signal(number, self._interrupt)

    def end(self) -> None:
        """Signals do again what they did before."""
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1

    @contextmanager
    def cuttable(self) -> Iterator[None]:
        """Within, Ctrl-C for the second time raises KeyboardInterrupt."""
        self._cuttable += 1
        try:
            yield
        finally:
            self._cuttable -= 1

    @contextmanager
    def deferring(self) -> Iterator[None]:
        """Within, the first signal raises KeyboardInterrupt at the end alone."""
        self._deferring = True
        try:
            yield
        finally:
            self._deferring = False
            name, self._deferred = self._deferred, ""
            if name and not self.cut_short:
                raise KeyboardInterrupt(name)

    def _interrupt(self, number: int, _frame: object) -> None:
        self._signals += 1
        if self._signals == 1 and not self.finishing:
            name = signal.Signals(number).name
            if not self._deferring:
                raise KeyboardInterrupt(name)
            self._deferred = name
            if number == signal.SIGINT and not self._worker:
                self._say(_RESTORING)
            return
        if number != signal.SIGINT or self._worker:
            return
        if self._cuttable and not self.cut_short:
            self.cut_short = True
            raise KeyboardInterrupt
        if self._signals > 2:
            self._say(_AT_ONCE)
            os._exit(_INTERRUPTED)

    def _say(self, text: bytes) -> None:
        with suppress(OSError):
            os.write(self._terminal, text)
