"""The ATR of the simulated eUICC (ISO 7816-3 8.2, ETSI TS 102 221 6.3)."""

from __future__ import annotations

from functools import reduce
from operator import xor
from typing import Literal

_TD1 = {"T=0": 0x80, "T=1": 0x81}
_CLOCK_STOP_AND_CLASSES = 0xC7
_EUICC_FUNCTIONS = {True: 0x82, False: 0x80}
"""The first TB after T=15: bit 2 says that eUICC-related functions are supported (ETSI TS 102 221 6.3.3)."""


def build_atr(protocol: Literal["T=0", "T=1"], *, euicc_functions: bool = True, checksum: bool = True) -> bytes:
    """The ATR of a card with eUICC functions that speaks one protocol and takes 20 logical channels."""
    # ISO 7816-4 12.1.1 in COMPACT-TLV: card service data; card capabilities with channels numbered by card or
    # device, eight or more of them, neither chaining nor extended lengths; pre-issuing data.
    historical = bytes.fromhex("8031E073FE211F64") + b"SIMU"
    # T0 and TA1, TD1: protocol; TD2: T=15 with TA3 and TB3.
    interface = bytes([0x96, _TD1[protocol], 0x3F, _CLOCK_STOP_AND_CLASSES, _EUICC_FUNCTIONS[euicc_functions]])
    atr = bytes([0x90 | len(historical)]) + interface + historical
    return b"\x3b" + atr + bytes([reduce(xor, atr) ^ (not checksum)])
