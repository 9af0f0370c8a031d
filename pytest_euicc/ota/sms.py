"""SMS that carry secured packets: TPDUs (3GPP TS 23.040), their headers (TS 31.115), and ENVELOPE (TS 31.111)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from pytest_euicc.asn1 import tlv
from pytest_euicc.errors import PytestEuiccError

COMMAND_PACKET, RESPONSE_PACKET = 0x70, 0x71
"""Information elements of the user data header that say what the user data is (3GPP TS 31.115 4.1)."""
CONCATENATED = 0x00
"""Concatenated short messages, 8-bit reference (3GPP TS 23.040 9.2.3.24.1)."""

LARGEST_USER_DATA = 140
_DELIVER, _SUBMIT, _TYPE, _HEADER_INDICATOR = 0x00, 0x01, 0x03, 0x40
_USIM_DATA_DOWNLOAD = 0x7F
_CLASS_2_8_BIT = 0xF6
_TIME_STAMP = bytes.fromhex("62101100000000")
_CENTRE = bytes.fromhex("81214365")
_SMS_PP_DOWNLOAD, _DEVICES, _ADDRESS, _TPDU = 0xD1, 0x82, 0x86, 0x8B
_NETWORK_TO_UICC = b"\x83\x81"
_ORIGINATOR = "12345678"


class SmsFault(PytestEuiccError, ValueError):
    """The bytes are not such a message."""


@dataclass(frozen=True)
class Message:
    """A TPDU with its user data taken apart.

    Attributes:
        address: digits of the originator (SMS-DELIVER) or the destination (SMS-SUBMIT).
        header: information elements of the user data header by their identifier.
        data: user data behind the header.
    """

    address: str
    header: Mapping[int, bytes] = field(default_factory=dict)
    data: bytes = b""


def user_data(packet: bytes, identifier: int = COMMAND_PACKET, *, reference: int = 0) -> list[bytes]:
    """Header and data of the messages that carry a packet: one, or several that are concatenated."""
    single = bytes([2, identifier, 0])
    if len(single) + len(packet) <= LARGEST_USER_DATA:
        return [single + packet]
    # Only the first message says that it is a secured packet (3GPP TS 31.115 4.1).
    first, further = LARGEST_USER_DATA - 8, LARGEST_USER_DATA - 6
    parts = [packet[:first], *(packet[at : at + further] for at in range(first, len(packet), further))]
    messages = []
    for number, part in enumerate(parts, 1):
        element = bytes([CONCATENATED, 3, reference, len(parts), number])
        elements = element + bytes([identifier, 0]) if number == 1 else element
        messages.append(bytes([len(elements)]) + elements + part)
    return messages


def deliver(octets: bytes, address: str = _ORIGINATOR) -> bytes:
    """An SMS-DELIVER TPDU (3GPP TS 23.040 9.2.2.1) with user data that begins with a header."""
    head = bytes([0x04 | _HEADER_INDICATOR | _DELIVER]) + _address(address)
    return head + bytes([_USIM_DATA_DOWNLOAD, _CLASS_2_8_BIT]) + _TIME_STAMP + bytes([len(octets)]) + octets


def submit(octets: bytes, address: str = _ORIGINATOR) -> bytes:
    """An SMS-SUBMIT TPDU (3GPP TS 23.040 9.2.2.2) with user data that begins with a header."""
    head = bytes([_HEADER_INDICATOR | _SUBMIT, 0x00]) + _address(address)
    return head + bytes([_USIM_DATA_DOWNLOAD, _CLASS_2_8_BIT, len(octets)]) + octets


def read_deliver(tpdu: bytes) -> Message:
    """Read an SMS-DELIVER; raises SmsFault."""
    if not tpdu or tpdu[0] & _TYPE != _DELIVER:
        raise SmsFault("no SMS-DELIVER")
    address, at = _read_address(tpdu, 1)
    return _message(tpdu, address, at + 2 + len(_TIME_STAMP))


def read_submit(tpdu: bytes) -> Message:
    """Read an SMS-SUBMIT without a validity period, or with any; raises SmsFault."""
    if not tpdu or tpdu[0] & _TYPE != _SUBMIT:
        raise SmsFault("no SMS-SUBMIT")
    address, at = _read_address(tpdu, 2)
    # TP-VPF (3GPP TS 23.040 9.2.3.3): none, enhanced, relative, absolute.
    validity = (0, 7, 1, 7)[tpdu[0] >> 3 & 0x03]
    return _message(tpdu, address, at + 2 + validity)


def read_user_data(octets: bytes) -> Message:
    """Read user data that begins with a header, as a receipt in the answer to ENVELOPE is; raises SmsFault."""
    length = octets[0] if octets else 0
    if not octets or 1 + length > len(octets):
        raise SmsFault(f"{octets.hex().upper() or 'nothing'} is not user data with a header")
    elements, header = octets[1 : 1 + length], {}
    while elements:
        if len(elements) < 2 or len(elements) < 2 + elements[1]:
            raise SmsFault("the user data header ends within an element")
        header[elements[0]] = elements[2 : 2 + elements[1]]
        elements = elements[2 + elements[1] :]
    return Message("", header, octets[1 + length :])


def _message(tpdu: bytes, address: str, at: int) -> Message:
    if at >= len(tpdu) or tpdu[at] != len(tpdu) - at - 1:
        raise SmsFault("the user data has not the length that TP-UDL says")
    if not tpdu[0] & _HEADER_INDICATOR:
        return Message(address, {}, tpdu[at + 1 :])
    read = read_user_data(tpdu[at + 1 :])
    return Message(address, read.header, read.data)


def _address(digits: str) -> bytes:
    """Length in digits, type 81 (unknown, ISDN), digits swapped (3GPP TS 23.040 9.1.2.5)."""
    padded = digits + "F" * (len(digits) % 2)
    return bytes([len(digits), 0x81]) + bytes.fromhex(
        "".join(padded[at + 1] + padded[at] for at in range(0, len(padded), 2))
    )


def _read_address(tpdu: bytes, at: int) -> tuple[str, int]:
    """The digits of an address and where it ends."""
    if at >= len(tpdu):
        raise SmsFault("the message ends before its address")
    end = at + 2 + (tpdu[at] + 1) // 2
    swapped = tpdu[at + 2 : end].hex()
    return "".join(swapped[n + 1] + swapped[n] for n in range(0, len(swapped), 2))[: tpdu[at]], end


def envelope(tpdu: bytes) -> bytes:
    """The data of an ENVELOPE (SMS-PP DOWNLOAD): device identities, service centre, TPDU (3GPP TS 31.111 7.1.1)."""
    content = tlv.encode(_DEVICES, _NETWORK_TO_UICC) + tlv.encode(_ADDRESS, _CENTRE) + tlv.encode(_TPDU, tpdu)
    return tlv.encode(_SMS_PP_DOWNLOAD, content)


def read_envelope(octets: bytes) -> bytes | None:
    """The TPDU of an ENVELOPE (SMS-PP DOWNLOAD), None for another envelope; raises TlvError."""
    element = tlv.parse(octets)
    # The highest bit of a COMPREHENSION-TLV tag only says whether it must be understood (ETSI TS 101 220 7.1.1).
    parts = {child.tag | 0x80: child.value for child in element.children()}
    return parts.get(_TPDU) if element.tag == _SMS_PP_DOWNLOAD else None
