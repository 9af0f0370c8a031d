"""``pytest-euicc readers``."""

from __future__ import annotations

import sys
from argparse import Namespace

from pytest_euicc.card.errors import NoReader
from pytest_euicc.card.pcsc import list_readers


def readers(_: Namespace) -> int:
    """List the PC/SC readers with what is in them; returns the exit status.

    Raises:
        CardError: there is no reader, or no way to ask for one.
    """
    found = list_readers()
    if not found:
        raise NoReader("no PC/SC reader found; connect one, or start vpcd for a software card")
    for number, reader in enumerate(found):
        card = f"card with ATR {reader.atr.hex().upper()}" if reader.has_card else "no card"
        sys.stdout.write(f"pcsc:{number}  {reader.name}: {card}\n")
    return 0
