"""Status words (ISO 7816-4 5.6, ETSI TS 102 221 10.2.1) by name and in words."""

from __future__ import annotations

from enum import IntEnum


class StatusWord(IntEnum):
    """Status words with a fixed value; `describe` also knows families such as 61xx."""

    SUCCESS = 0x9000
    BUSY_WITH_TOOLKIT = 0x9300
    MEMORY_PROBLEM = 0x6581
    WRONG_LENGTH = 0x6700
    CHANNEL_NOT_SUPPORTED = 0x6881
    SECURE_MESSAGING_NOT_SUPPORTED = 0x6882
    LAST_COMMAND_EXPECTED = 0x6883
    CHAINING_NOT_SUPPORTED = 0x6884
    SECURITY_STATUS_NOT_SATISFIED = 0x6982
    REFERENCE_DATA_NOT_USABLE = 0x6984
    CONDITIONS_NOT_SATISFIED = 0x6985
    COMMAND_NOT_ALLOWED = 0x6986
    APPLET_SELECT_FAILED = 0x6999
    INCORRECT_DATA = 0x6A80
    FUNCTION_NOT_SUPPORTED = 0x6A81
    FILE_NOT_FOUND = 0x6A82
    RECORD_NOT_FOUND = 0x6A83
    NOT_ENOUGH_MEMORY = 0x6A84
    INCORRECT_P1_P2 = 0x6A86
    LC_INCONSISTENT_WITH_P1_P2 = 0x6A87
    REFERENCED_DATA_NOT_FOUND = 0x6A88
    WRONG_P1_P2 = 0x6B00
    INSTRUCTION_NOT_SUPPORTED = 0x6D00
    CLASS_NOT_SUPPORTED = 0x6E00
    NO_PRECISE_DIAGNOSIS = 0x6F00


_TEXTS = {
    StatusWord.SUCCESS: "success",
    StatusWord.BUSY_WITH_TOOLKIT: "card application toolkit is busy",
    StatusWord.LC_INCONSISTENT_WITH_P1_P2: "Lc inconsistent with P1-P2",
    StatusWord.INCORRECT_P1_P2: "incorrect P1-P2",
    StatusWord.WRONG_P1_P2: "wrong P1-P2 (offset outside the file)",
    StatusWord.APPLET_SELECT_FAILED: "application could not be selected",
}

_FAMILIES = {
    0x62: "warning, memory unchanged",
    0x63: "warning, memory changed",
    0x64: "execution error, memory unchanged",
    0x65: "execution error, memory changed",
    0x66: "security issue",
    0x67: "wrong length",
    0x68: "function in class not supported",
    0x69: "command not allowed",
    0x6A: "wrong parameters",
    0x6F: "no precise diagnosis",
}


def is_success(sw: int) -> bool:
    """9000, or 91xx: the command is done and a proactive command waits (ETSI TS 102 221 10.2.1.1)."""
    return sw == StatusWord.SUCCESS or sw >> 8 == 0x91


def describe(sw: int) -> str:
    """A status word in words."""
    try:
        known = StatusWord(sw)
    except ValueError:
        sw1, sw2 = sw >> 8, sw & 0xFF
        if sw1 == 0x61:
            return f"{sw2 or 256} octets of response waiting"
        if sw1 == 0x6C:
            return f"wrong Le, {sw2 or 256} octets available"
        if sw1 == 0x91:
            return f"success, proactive command of {sw2 or 256} octets waiting"
        if sw & 0xFFF0 == 0x63C0:
            return f"verification failed, {sw & 0x0F} tries left"
        return _FAMILIES.get(sw1, "unknown status word")
    return _TEXTS.get(known, known.name.replace("_", " ").lower())
