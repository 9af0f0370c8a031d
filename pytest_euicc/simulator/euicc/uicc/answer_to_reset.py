"""The ATR of the simulated eUICC (ISO 7816-3 8.2, ETSI TS 102 221 6.3)."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import xor
from typing import Literal

from pytest_euicc.simulator.euicc.variants import contacts

LAST_CHANNEL = 19
"""The last logical channel of a UICC (ETSI TS 102 221 11.1.17)."""
_TD1 = {"T=0": 0x80, "T=1": 0x81}
_CLOCK_STOP_AND_CLASSES = 0xC7
_EUICC_FUNCTIONS = {True: 0x82, False: 0x80}
"""The first TB after T=15: bit 2 says that eUICC-related functions are supported (ETSI TS 102 221 6.3.3)."""


def build_atr(
    protocol: Literal["T=0", "T=1"],
    *,
    euicc_functions: bool = True,
    checksum: bool = True,
    last_channel: int = LAST_CHANNEL,
    varies: Callable[[str], bool] = lambda _name: False,
) -> bytes:
    """The ATR of a card with eUICC functions that speaks one protocol and takes logical channels."""
    historical = contacts.historical_bytes(last_channel, varies)
    # T0 and TA1, TD1: protocol, perhaps another one; the last TD: T=15 with TA and TB.
    speed = contacts.chosen(varies, contacts.SPEED, 0x96)
    protocols = bytes([0x80, 0x81]) if varies("atr-two-protocols") else bytes([_TD1[protocol]])
    interface = bytes([speed]) + protocols
    interface += bytes([0x3F, _CLOCK_STOP_AND_CLASSES, _EUICC_FUNCTIONS[euicc_functions]])
    atr = bytes([0x90 | len(historical)]) + interface + historical
    return b"\x3b" + atr + bytes([reduce(xor, atr) ^ (not checksum)])
