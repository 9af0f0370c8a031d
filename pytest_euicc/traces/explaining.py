"""What an exchange says, in the words of the specifications: the command's name, ASN.1 decoded, the status word."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.card.apdu import channel_of
from pytest_euicc.card.proactive import ProactiveCommand
from pytest_euicc.card.status_words import describe
from pytest_euicc.conformance.values.text import describe as words_of
from pytest_euicc.es10.functions import FUNCTIONS, Function
from pytest_euicc.es10.iot import IOT_FUNCTIONS
from pytest_euicc.traces.reading import Message

_LONGEST = 4000
_INS = {
    0xA4: "SELECT", 0x70: "MANAGE CHANNEL", 0xE2: "STORE DATA", 0xC0: "GET RESPONSE", 0xB0: "READ BINARY",
    0xB2: "READ RECORD", 0xD6: "UPDATE BINARY", 0xDC: "UPDATE RECORD", 0xF2: "STATUS", 0x10: "TERMINAL PROFILE",
    0x12: "FETCH", 0x14: "TERMINAL RESPONSE", 0xC2: "ENVELOPE", 0xAA: "TERMINAL CAPABILITY", 0x88: "AUTHENTICATE",
    0x20: "VERIFY PIN", 0x24: "CHANGE PIN", 0x26: "DISABLE PIN", 0x28: "ENABLE PIN", 0x2C: "UNBLOCK PIN",
    0xCA: "GET DATA", 0xCB: "RETRIEVE DATA", 0xA2: "SEARCH RECORD", 0x32: "INCREASE", 0x44: "ACTIVATE FILE",
    0x04: "DEACTIVATE FILE", 0x78: "GET IDENTITY",
}  # fmt: skip
"""Instructions (ETSI TS 102 221 10.1.2, GlobalPlatform Card Specification 11)."""
_STORE_DATA, _SELECT, _FETCH = 0xE2, 0xA4, 0x12
_AIDS = {
    "A0000005591010FFFFFFFF8900000100": "ISD-R",
    "A0000005591010FFFFFFFF8900000200": "ECASD",
    "A0000000871002": "USIM",
    "A0000000871004": "ISIM",
    "A0000000871001": "3GPP UICC",
}
BY_TAG: dict[int, list[Function]] = {}
for _function in (*FUNCTIONS.values(), *IOT_FUNCTIONS.values()):
    BY_TAG.setdefault(_function.tag, []).append(_function)


def function_of(message: Message) -> Function | None:
    """The function of ES10 that a STORE DATA carries; None for anything else."""
    if message.header[1] != _STORE_DATA or not message.data:
        return None
    try:
        tag = tlv.parse_all(message.data)[0].tag
    except tlv.TlvError:
        return None
    known = BY_TAG.get(tag, [])
    # SGP.22 and SGP.32 share tags; the one whose types fit is meant.
    fitting = [each for each in known if _decodes(each.request, message.data)]
    return next(iter(fitting or known), None)


def _decodes(type_name: str, octets: bytes) -> bool:
    try:
        codec.decode(type_name, octets)
    except codec.Asn1Error:
        return False
    return True


def name_of(message: Message) -> str:
    """A message in a few words."""
    cla, ins, p1, _ = message.header
    name = _INS.get(ins, f"INS {ins:02X}")
    function = function_of(message)
    if function is not None:
        clause = function.clause if function.clause.startswith("SGP.") else f"SGP.22 {function.clause}"
        name = f"{function.full_name} ({clause})"
    elif ins == _SELECT and p1 == 0x04:
        name += f" {_application(message.data)}"
    elif ins == _SELECT:
        name += f" {message.data.hex().upper()}"
    elif ins == 0x70:
        name += " close" if p1 & 0x80 else " open"
    elif ins == _FETCH and message.response:
        name += f" {ProactiveCommand.parse(message.response).type}"
    channel = channel_of(cla)
    return f"{name}, channel {channel}" if channel else name


def _application(aid: bytes) -> str:
    text = aid.hex().upper()
    return next((f"{name} {text}" for known, name in _AIDS.items() if text.startswith(known)), text)


def lines(message: Message) -> Iterator[str]:
    """A message for people: name, what was sent and received, decoded where it is ASN.1 of ES10."""
    count = len(message.exchanges)
    yield f"{message.line}: {name_of(message)}" + (f"  [{count} APDUs]" if count > 1 else "")
    function = function_of(message)
    sent = message.header + (bytes([len(message.data)]) if 0 < len(message.data) < 256 else b"") + message.data
    yield f"  > {(message.data if function else sent).hex().upper()}"
    if function is not None:
        yield from _value(function.request, message.data)
    if message.sw is None:
        yield "  < no response was recorded"
        return
    yield f"  < {message.response.hex().upper()} {message.sw:04X} ({describe(message.sw)})".replace("<  ", "< ")
    if function is not None and message.response:
        yield from _value(function.response, message.response)


def _value(type_name: str, octets: bytes) -> Iterator[str]:
    try:
        received = codec.receive(type_name, octets)
    except codec.Asn1Error as error:
        yield f"      not {type_name}: {error}"
        return
    yield f"      {words_of(received.value, _LONGEST)}"
    yield from (f"      unknown element {element}" for element in received.unknown)
