"""A served card that somebody at a terminal takes out of its reader and puts in again."""

from __future__ import annotations

import select
from collections.abc import Callable
from typing import TextIO

from pytest_euicc.simulator.vpcd import CardServer

_LOOK = 0.2
"""Seconds between two looks whether the reader is still there."""


def serve(server: CardServer, lose_power: Callable[[], None], keys: TextIO, say: Callable[[str], None]) -> None:
    """Serve a card that Enter takes out and puts in, until the reader goes away while it is in.

    The card keeps what it holds, but not its power.

    Args:
        server: connected.
        lose_power: called when the card is out.
        keys: the terminal; what has no lines any more moves the card no more.
    """
    server.start()
    inside = True
    while server.serving or not inside:
        if not select.select([keys], [], [], _LOOK)[0]:
            continue
        if not keys.readline():
            server.join()
            return
        if inside:
            server.stop()
            lose_power()
        else:
            server.start()
        inside = not inside
        say("the card is in; Enter takes it out" if inside else "the card is out; Enter puts it in")
