"""Exchanges as a capture file with GSMTAP, which Wireshark's dissectors for SIM, SGP.22 and SGP.32 show."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator

from pytest_euicc.traces.reading import Exchange, TraceTextError

_IPV4_ONLY = 228
"""LINKTYPE_IPV4: every packet begins with an IPv4 header (www.tcpdump.org/linktypes.html)."""
_GSMTAP_PORT, _GSMTAP_SIM, _UDP = 4729, 0x04, 17
_LARGEST = 0xFFFF - 20 - 8 - 16
"""Octets behind the headers of IPv4, UDP and GSMTAP."""
_LOOPBACK = bytes((127, 0, 0, 1))


def pcap(exchanges: Iterable[Exchange]) -> Iterator[bytes]:
    """A capture file in parts; packets are a millisecond apart, as traces have no times.

    A packet has a command and its response, one behind the other (GSMTAP_TYPE_SIM, sub-type APDU).

    Raises:
        TraceTextError: an APDU is larger than a packet.
    """
    yield struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, _IPV4_ONLY)
    for number, exchange in enumerate(exchanges):
        apdu = exchange.command + (exchange.response or b"")
        if len(apdu) > _LARGEST:
            raise TraceTextError(
                f"line {exchange.line}: a packet takes {_LARGEST} octets, this APDU has {len(apdu)}; choose --lines "
                "without it"
            )
        payload = _gsmtap(apdu)
        seconds, milliseconds = divmod(number, 1000)
        yield struct.pack("<IIII", seconds, milliseconds * 1000, len(payload), len(payload)) + payload


def _gsmtap(apdu: bytes) -> bytes:
    # Version 2, header of four words, type, then fields of radio that a card does not have.
    header = struct.pack(">BBBBHbbIBBBB", 2, 4, _GSMTAP_SIM, 0, 0, 0, 0, 0, 0, 0, 0, 0)
    datagram = struct.pack(">HHHH", _GSMTAP_PORT, _GSMTAP_PORT, 8 + len(header) + len(apdu), 0) + header + apdu
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(datagram), 0, 0, 64, _UDP, 0) + _LOOPBACK + _LOOPBACK
    return ip[:10] + struct.pack(">H", _checksum(ip)) + ip[12:] + datagram


def _checksum(header: bytes) -> int:
    """The checksum of an IPv4 header (RFC 791)."""
    total: int = sum(struct.unpack(f">{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
