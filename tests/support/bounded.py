"""Whatever must come to an end does so, or the test says that it did not instead of hanging."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_PATIENCE = 20.0


def bounded(work: Callable[[], T], patience: float = _PATIENCE) -> T:
    """What *work* returns or raises; AssertionError where it goes on for ever."""
    done: list[T] = []
    raised: list[BaseException] = []

    def run() -> None:
        try:
            done.append(work())
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(patience)
    assert not thread.is_alive(), f"it does not come to an end ({patience:g} s)"
    if raised:
        raise raised[0]
    return done[0]
