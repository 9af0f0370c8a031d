"""Calls into a driver that may never come back."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")

_SLICE = 0.5


class _Call:
    """One call, and what came of it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._work = work
        self.done = threading.Event()
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.value = self._work()
        except BaseException as error:
            self.error = error
        self.done.set()


class Waiter:
    """Makes calls one after the other in a thread of its own, and gives them up after *seconds*.

    PC/SC has no way to end a transmission, and Python sees Ctrl-C only between two calls; this thread may hang, that of
    the caller does not. It ends with the process.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.lost = False
        """A call did not come back, and whatever it holds is not to be had."""
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def call(self, work: Callable[[], T]) -> T:
        """What *work* returns or raises; TimeoutError where it, or a call before it, does not come back in time."""
        if self.lost:
            raise TimeoutError
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="card", daemon=True)
            self._thread.start()
        call = _Call(work)
        self._calls.put(call)
        deadline = time.monotonic() + self.seconds
        # In slices: Ctrl-C that comes in the moment before a wait begins is seen when it ends.
        while not call.done.wait(min(_SLICE, max(0.0, deadline - time.monotonic()))):
            if time.monotonic() >= deadline:
                self.lost = True
                raise TimeoutError
        if call.error is not None:
            raise call.error
        value: T = call.value
        return value

    def last(self, work: Callable[[], object]) -> None:
        """As `call` without a result; after a call that was given up, once that comes back after all."""
        if self.lost:
            self._calls.put(_Call(work))
            return
        with suppress(TimeoutError):
            self.call(work)

    def close(self) -> None:
        """The thread ends after what it is asked for."""
        self._calls.put(None)
        self._thread = None

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            call.run()
