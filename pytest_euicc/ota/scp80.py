"""SCP80: secured command and response packets in SMS, with AES (ETSI TS 102 225, 3GPP TS 31.115).

A command packet is CPL CHL SPI KIc KID TAR, then, ciphered if the SPI says so, CNTR PCNTR CC and the data. A response
packet is RPL RHL TAR, then CNTR PCNTR status CC and the data.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from enum import IntEnum

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC

from pytest_euicc.errors import PytestEuiccError

CHECKSUM = 8
"""Octets of a cryptographic checksum with AES (ETSI TS 102 225 5.1.3.3; macLength 8 of a key)."""
LARGEST_COUNTER = 0xFFFFFFFFFF

_BLOCK = 16
_COUNTER = 5
_COMMAND_HEADER = 13
"""Octets from SPI to PCNTR, which CHL counts together with the checksum."""
_RESPONSE_HEADER = 10
"""Octets from TAR to the status, which RHL counts together with the checksum."""
_RESPONSE_IDENTIFIER = bytes.fromhex("027100")
"""User data header of a response packet; its checksum covers it (3GPP TS 31.115 4.4)."""
_AES = 0x02


class Integrity(IntEnum):
    """How a packet is protected against change (SPI, ETSI TS 102 225 5.1.1)."""

    NONE = 0
    REDUNDANCY_CHECK = 1
    CHECKSUM = 2
    SIGNATURE = 3


class Counter(IntEnum):
    """What the receiver does about the counter (SPI)."""

    NONE = 0
    UNCHECKED = 1
    HIGHER = 2
    NEXT = 3


class Receipt(IntEnum):
    """When a proof of receipt is sent (SPI)."""

    NEVER = 0
    ALWAYS = 1
    ON_ERROR = 2


class Status(IntEnum):
    """Response status code (ETSI TS 102 225 5.2.2, 3GPP TS 31.115 7)."""

    OK = 0x00
    INTEGRITY_FAILED = 0x01
    COUNTER_LOW = 0x02
    COUNTER_HIGH = 0x03
    COUNTER_BLOCKED = 0x04
    CIPHERING_ERROR = 0x05
    SECURITY_ERROR = 0x06
    INSUFFICIENT_MEMORY = 0x07
    MORE_TIME_NEEDED = 0x08
    TAR_UNKNOWN = 0x09
    INSUFFICIENT_SECURITY_LEVEL = 0x0A
    RESPONSE_BY_SMS_SUBMIT = 0x0B
    RESPONSE_BY_USSD = 0x0C


class PacketFault(PytestEuiccError, ValueError):
    """The octets are no secured packet, or its security is not the one asked for."""


class Rejected(Exception):
    """A command packet does not hold; ``status`` is what the receipt says."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.name)
        self.status = status


@dataclass(frozen=True)
class Spi:
    """Security Parameter Indicator, two octets (ETSI TS 102 225 5.1.1)."""

    integrity: Integrity = Integrity.CHECKSUM
    ciphered: bool = True
    counter: Counter = Counter.HIGHER
    receipt: Receipt = Receipt.ALWAYS
    receipt_integrity: Integrity = Integrity.CHECKSUM
    receipt_ciphered: bool = True
    receipt_by_submit: bool = False

    def encode(self) -> bytes:
        """The two octets."""
        first = self.integrity | self.ciphered << 2 | self.counter << 3
        second = self.receipt | self.receipt_integrity << 2 | self.receipt_ciphered << 4 | self.receipt_by_submit << 5
        return bytes([first, second])

    @classmethod
    def parse(cls, octets: bytes) -> Spi:
        """Read two octets; raises PacketFault for a value that is reserved."""
        first, second = octets
        if second & 0x03 == 0x03:
            raise PacketFault(f"SPI {octets.hex().upper()}: unknown kind of receipt")
        return cls(
            Integrity(first & 0x03),
            bool(first & 0x04),
            Counter(first >> 3 & 0x03),
            Receipt(second & 0x03),
            Integrity(second >> 2 & 0x03),
            bool(second & 0x10),
            bool(second & 0x20),
        )

    def reaches(self, minimum: int) -> bool:
        """Whether the first octet offers at least the security of another one (minimum security level)."""
        wanted = Spi.parse(bytes([minimum, 0]))
        return (
            self.integrity >= wanted.integrity and self.ciphered >= wanted.ciphered and self.counter >= wanted.counter
        )


@dataclass(frozen=True)
class KeySet:
    """AES keys KIc and KID under one key version number.

    Attributes:
        version: 1 to 15; it is the high half of the octets KIc and KID of a packet.
        encryption, authentication: 16, 24 or 32 octets.
    """

    version: int
    encryption: bytes
    authentication: bytes

    @property
    def indication(self) -> int:
        """The octet KIc and KID: key version, AES in CBC mode and in CMAC mode (ETSI TS 102 225 5.1.2, 5.1.3)."""
        return self.version << 4 | _AES


@dataclass(frozen=True)
class CommandHeader:
    """What of a command packet is never ciphered.

    Attributes:
        head: the octets CPL to TAR as received, which the checksum covers.
        body: what follows.
    """

    spi: Spi
    kic: int
    kid: int
    tar: bytes
    head: bytes
    body: bytes


@dataclass(frozen=True)
class Command:
    """An opened command packet."""

    counter: int
    data: bytes


@dataclass(frozen=True)
class Response:
    """A response packet; ``secured``: it has a correct checksum."""

    tar: bytes
    counter: int
    status: int
    data: bytes
    secured: bool


def is_aes(indication: int) -> bool:
    """Whether an octet KIc or KID means AES."""
    return indication & 0x0F == _AES


# ---------------------------------------------------------------------------------------------------- commands


def protect(keys: KeySet, spi: Spi, tar: bytes, counter: int, data: bytes) -> bytes:
    """A command packet from CPL on.

    Raises:
        ValueError: an integrity other than none and checksum, or a counter that does not fit.
    """
    checksum = _checksum_length(spi.integrity)
    padding = -(_COUNTER + 1 + checksum + len(data)) % _BLOCK if spi.ciphered else 0
    padded = data + bytes(padding)
    security = spi.encode() + bytes([keys.indication, keys.indication]) + tar
    count = counter.to_bytes(_COUNTER, "big") + bytes([padding])
    length = 1 + len(security) + len(count) + checksum + len(padded)
    head = length.to_bytes(2, "big") + bytes([_COMMAND_HEADER + checksum]) + security
    mac = _mac(keys, head + count + padded)[:checksum] if checksum else b""
    body = count + mac + padded
    return head + (_cipher(keys, body, encrypt=True) if spi.ciphered else body)


def read_header(packet: bytes) -> CommandHeader:
    """Read what is not ciphered.

    Raises:
        PacketFault: it is no command packet, or its lengths do not agree.
    """
    if len(packet) < 2 + 1 + _COMMAND_HEADER or int.from_bytes(packet[:2], "big") != len(packet) - 2:
        raise PacketFault(f"{len(packet)} octets are not a command packet of the length given by CPL")
    spi = Spi.parse(packet[3:5])
    if packet[2] < _COMMAND_HEADER or packet[2] + 3 > len(packet):
        raise PacketFault(f"CHL {packet[2]:02X} does not fit")
    return CommandHeader(spi, packet[5], packet[6], packet[7:10], packet[:10], packet[10:])


def open_command(header: CommandHeader, keys: KeySet, *, verify: bool = True) -> Command:
    """Decipher and verify; the counter is the receiver's to judge.

    Raises:
        Rejected: with the status for the receipt.
    """
    spi, body = header.spi, header.body
    if spi.integrity not in (Integrity.NONE, Integrity.CHECKSUM):
        raise Rejected(Status.SECURITY_ERROR)
    checksum = _checksum_length(spi.integrity)
    if spi.ciphered:
        if len(body) % _BLOCK:
            raise Rejected(Status.CIPHERING_ERROR)
        body = _cipher(keys, body, encrypt=False)
    count, mac, padded = body[: _COUNTER + 1], body[_COUNTER + 1 :][:checksum], body[_COUNTER + 1 + checksum :]
    if header.head[2] != _COMMAND_HEADER + checksum or len(mac) < checksum:
        raise Rejected(Status.INTEGRITY_FAILED)
    if checksum and verify and not hmac.compare_digest(mac, _mac(keys, header.head + count + padded)[:checksum]):
        raise Rejected(Status.INTEGRITY_FAILED)
    padding = count[-1]
    if padding > len(padded) or padding >= _BLOCK or (padding and not spi.ciphered):
        raise Rejected(Status.CIPHERING_ERROR)
    return Command(int.from_bytes(count[:-1], "big"), padded[: len(padded) - padding])


# ---------------------------------------------------------------------------------------------------- responses


def respond(keys: KeySet | None, spi: Spi, tar: bytes, counter: int, status: int, data: bytes = b"") -> bytes:
    """A response packet from RPL on, protected as the SPI of the command says; without keys it is not."""
    integrity, ciphered = (spi.receipt_integrity, spi.receipt_ciphered) if keys else (Integrity.NONE, False)
    checksum = _checksum_length(integrity)
    padding = -(_COUNTER + 2 + checksum + len(data)) % _BLOCK if ciphered else 0
    padded = data + bytes(padding)
    count = counter.to_bytes(_COUNTER, "big") + bytes([padding, status])
    length = 1 + len(tar) + len(count) + checksum + len(padded)
    head = length.to_bytes(2, "big") + bytes([_RESPONSE_HEADER + checksum]) + tar
    mac = b""
    if keys and checksum:
        mac = _mac(keys, _RESPONSE_IDENTIFIER + head + count + padded)[:checksum]
    body = count + mac + padded
    return head + (_cipher(keys, body, encrypt=True) if keys and ciphered else body)


def read_response(packet: bytes, spi: Spi, keys: KeySet) -> Response:
    """Open a response packet.

    One that reports an error may come without security, as the receiver may not know who asked; one that reports
    success has to be protected as the SPI says.

    Raises:
        PacketFault: no response packet, a wrong checksum, or less security than asked for.
    """
    if len(packet) < 3 + _RESPONSE_HEADER or int.from_bytes(packet[:2], "big") != len(packet) - 2:
        raise PacketFault(f"{packet.hex().upper() or 'nothing'} is not a response packet of the length given by RPL")
    plain = packet[2] == _RESPONSE_HEADER
    if plain and _plain_error(packet):
        return _response(packet[:6], packet[6:], 0, secured=False)
    checksum = _checksum_length(spi.receipt_integrity)
    if packet[2] != _RESPONSE_HEADER + checksum:
        wanted = f"RHL {_RESPONSE_HEADER + checksum:02X} ({spi.receipt_integrity.name.lower()}) was asked for"
        raise PacketFault(f"a response packet with RHL {packet[2]:02X}; {wanted}")
    head, body = packet[:6], packet[6:]
    if spi.receipt_ciphered:
        if len(body) % _BLOCK:
            raise PacketFault(f"{len(body)} octets of the response packet are not ciphered in whole blocks")
        body = _cipher(keys, body, encrypt=False)
    if checksum:
        at = _COUNTER + 2
        expected = _mac(keys, _RESPONSE_IDENTIFIER + head + body[:at] + body[at + checksum :])[:checksum]
        if not hmac.compare_digest(body[at : at + checksum], expected):
            came = body[at : at + checksum].hex().upper()
            raise PacketFault(f"checksum {came} of the response packet, computed {expected.hex().upper()}")
    return _response(head, body, checksum, secured=bool(checksum))


def _plain_error(packet: bytes) -> bool:
    """Whether an unprotected packet reports an error: no padding, a known status, no data."""
    status = packet[6 + _COUNTER + 1]
    return len(packet) == 3 + _RESPONSE_HEADER and packet[6 + _COUNTER] == 0 and Status.OK < status <= max(Status)


def _response(head: bytes, body: bytes, checksum: int, *, secured: bool) -> Response:
    counter, padding, status = int.from_bytes(body[:_COUNTER], "big"), body[_COUNTER], body[_COUNTER + 1]
    data = body[_COUNTER + 2 + checksum :]
    if padding > len(data):
        raise PacketFault(f"{padding} octets of padding in a response packet with {len(data)} octets of data")
    return Response(head[3:6], counter, status, data[: len(data) - padding], secured)


# ---------------------------------------------------------------------------------------------------- AES


def _checksum_length(integrity: Integrity) -> int:
    if integrity not in (Integrity.NONE, Integrity.CHECKSUM):
        raise ValueError(f"{integrity.name.lower()} is not supported; checksum and none are")
    return CHECKSUM if integrity is Integrity.CHECKSUM else 0


def _mac(keys: KeySet, octets: bytes) -> bytes:
    cmac = CMAC(algorithms.AES(keys.authentication))
    cmac.update(octets)
    return cmac.finalize()


def _cipher(keys: KeySet, octets: bytes, *, encrypt: bool) -> bytes:
    """AES in CBC mode; the initial value is zero (ETSI TS 102 225 5.1.2), what comes first is the counter."""
    cipher = Cipher(algorithms.AES(keys.encryption), modes.CBC(bytes(_BLOCK)))
    context = cipher.encryptor() if encrypt else cipher.decryptor()
    return context.update(octets) + context.finalize()
