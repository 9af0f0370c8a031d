"""SIGTERM and SIGHUP end a run as Ctrl-C does: what was changed is put back, reports are written."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable

_NAMES = ("SIGTERM", "SIGHUP")


def interrupt_on_signals() -> Callable[[], None]:
    """Let them raise KeyboardInterrupt in the main thread, the first of them only; returns what ends that.

    A signal that is ignored (nohup) or has another handler stays as it is.
    """
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    mine = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]
    if threading.current_thread() is not threading.main_thread():
        mine = []

    def interrupt(number: int, _frame: object) -> None:
        # The clean-up that follows is not to be interrupted by the next one.
        for each in mine:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt(signal.Signals(number).name)

    def end() -> None:
        for each in mine:
            signal.signal(each, signal.SIG_DFL)

    for number in mine:
        signal.signal(number, interrupt)
    return end
