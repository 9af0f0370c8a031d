"""Waiting for somebody to put a card in."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TypeVar

from pytest_euicc.card.errors import NoCard, NoReader

T = TypeVar("T")
_PAUSE = 0.5


def wait_for_card(
    connect: Callable[[], T],
    seconds: float,
    tell: Callable[[str], None],
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """What *connect* returns, tried again while there is no reader or no card.

    Args:
        seconds: how long; 0 tries once.
        tell: takes what to show, once for each second left, and an empty text in the end if anything was shown.

    Raises:
        CardError: the time is over, or *connect* fails in another way.
    """
    end, shown = clock() + seconds, -1
    try:
        while True:
            try:
                return connect()
            except (NoCard, NoReader) as fault:
                left = math.ceil(end - clock())
                if left <= 0:
                    raise
                if left != shown:
                    shown = left
                    tell(f"waiting for a card, {left} s left: {fault}")
            sleep(_PAUSE)
    finally:
        if shown >= 0:
            tell("")
