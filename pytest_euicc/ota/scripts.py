"""Scripts of APDUs inside secured packets, and what comes back: compact and expanded format (ETSI TS 102 226 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from pytest_euicc.asn1 import tlv
from pytest_euicc.errors import PytestEuiccError

PROFILES_ISDP = bytes.fromhex("A0000005591010FFFFFFFF8900000F00")
"""AID that stands for the ISD-P of the profile whose MNO-SD gets a script (SGP.02 annex H)."""
_COMMANDS, _COMMAND, _RESULTS, _RESULT, _COUNT, _BAD_FORMAT = 0xAA, 0x22, 0xAB, 0x23, 0x80, 0x90
_HEADER = 5


class BadFormat(IntEnum):
    """Why a script in expanded format was not carried out (ETSI TS 102 226 5.2.2)."""

    UNKNOWN_TAG = 1
    WRONG_LENGTH = 2
    LENGTH_NOT_FOUND = 3


class ScriptFault(PytestEuiccError, ValueError):
    """The bytes are not a script, or not an answer to one; ``reason`` is the card's error for a script."""

    def __init__(self, message: str, reason: BadFormat = BadFormat.WRONG_LENGTH) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True)
class Results:
    """What a script led to.

    Attributes:
        executed: how many commands were carried out.
        sw: status word of the last one; None when the script was refused as a whole.
        data: its answer.
        bad_format: why it was refused.
    """

    executed: int
    sw: int | None = None
    data: bytes = b""
    bad_format: int | None = None


def for_personalization(aid: bytes) -> bytes:
    """The data of INSTALL [for personalization]: what follows goes to this application (GlobalPlatform 11.5.2.3.6)."""
    return b"\x00\x00" + bytes([len(aid)]) + aid + b"\x00\x00\x00"


def script(commands: Sequence[bytes], *, expanded: bool) -> bytes:
    """Command APDUs as the data of a command packet: concatenated, or each a TLV in a template of definite length."""
    if not expanded:
        return b"".join(commands)
    return tlv.encode(_COMMANDS, b"".join(tlv.encode(_COMMAND, command) for command in commands))


def is_expanded(octets: bytes) -> bool:
    """Format by the first octet, which no class byte of a compact script has (ETSI TS 102 226 5.3)."""
    return octets[:1] == bytes([_COMMANDS])


def read_script(octets: bytes) -> list[bytes]:
    """The command APDUs of a script of either format; raises ScriptFault."""
    return _read_expanded(octets) if is_expanded(octets) else _read_compact(octets)


def _read_expanded(octets: bytes) -> list[bytes]:
    try:
        children = tlv.parse(octets).children()
    except tlv.TlvError as error:
        raise ScriptFault(str(error)) from None
    for child in children:
        if child.tag != _COMMAND:
            raise ScriptFault(f"tag {child.tag:X} in a script", BadFormat.UNKNOWN_TAG)
    return [child.value for child in children]


def _read_compact(octets: bytes) -> list[bytes]:
    """Each command has P3: the length of its data. One octet after the last is an Le (ETSI TS 102 226 5.1.1)."""
    commands = []
    while octets:
        if len(octets) < _HEADER or len(octets) < _HEADER + octets[4]:
            raise ScriptFault("the script ends within a command")
        end = _HEADER + octets[4]
        end += len(octets) - end == 1
        commands.append(octets[:end])
        octets = octets[end:]
    return commands


def results(found: Results, *, expanded: bool) -> bytes:
    """The data of a response packet."""
    if not expanded:
        return bytes([found.executed]) + (found.sw or 0).to_bytes(2, "big") + found.data
    count = tlv.encode(_COUNT, bytes([found.executed]))
    if found.bad_format is not None:
        return tlv.encode(_RESULTS, count + tlv.encode(_BAD_FORMAT, bytes([found.bad_format])))
    return tlv.encode(_RESULTS, count + tlv.encode(_RESULT, found.data + (found.sw or 0).to_bytes(2, "big")))


def read_results(octets: bytes, *, expanded: bool) -> Results:
    """The result of a script: of its last command.

    Raises:
        ScriptFault: no answer of this format.
    """
    if not expanded:
        if len(octets) < 3:
            raise ScriptFault(f"{octets.hex().upper() or 'nothing'} is not an answer to a script in compact format")
        return Results(octets[0], int.from_bytes(octets[1:3], "big"), octets[3:])
    try:
        template = tlv.parse(octets)
        children = template.children()
    except tlv.TlvError as error:
        raise ScriptFault(f"no answer to a script in expanded format: {error}") from None
    parts = {child.tag: child.value for child in children}
    if template.tag != _RESULTS or _COUNT not in parts:
        raise ScriptFault(f"{octets.hex().upper()} is not a response scripting template AB with a number of commands")
    executed = int.from_bytes(parts[_COUNT], "big")
    if _BAD_FORMAT in parts:
        return Results(executed, bad_format=int.from_bytes(parts[_BAD_FORMAT], "big"))
    result = parts.get(_RESULT, b"")
    if len(result) < 2:
        raise ScriptFault(f"{octets.hex().upper()} has no status word")
    return Results(executed, int.from_bytes(result[-2:], "big"), result[:-2])
