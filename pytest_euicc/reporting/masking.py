"""Secrets in the text of reports, masked: confirmation codes, and their hashes, which are found by trying.

A hashed confirmation code (hashCc of SGP.22 5.7.5) is recognised by its name, and by its place in encoded messages:
after ``euiccOtpk`` in ``euiccSigned2``, after ``smdpSignature2`` in a PrepareDownloadRequest, whether in hex or, in the
JSON of ES9+, in base64. Lengths stay as they are: X stands in place of a digit of hex, and of an octet in base64.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable

Mask = Callable[[str], str]
"""What is done to a text before it is shown or stored."""

_DIGITS = 64
_QUOTE = r'\\*"'
"""Text within text of JSON has its quotes escaped."""
_NAMED = re.compile(
    r"(hashCc(?:\W{1,10}|\W{1,8}expected(?:\W{1,8}|[^\n]{1,200}?(?:received|actual)\W{1,8})))"
    rf"([0-9A-Fa-f]{{1,{_DIGITS}}})\b"
)
_CODE = re.compile(rf'({_QUOTE}confirmationCode{_QUOTE}\s*:\s*{_QUOTE})([^"\\]*)')
_IN_HEX = re.compile(rf"((?:5F4941[0-9A-F]{{130}}|5F3740[0-9A-F]{{128}})0420)([0-9A-F]{{1,{_DIGITS}}})", re.IGNORECASE)
_IN_OCTETS = re.compile(rb"((?:\x5f\x49\x41.{65}|\x5f\x37\x40.{64})\x04\x20)(.{1,32})", re.DOTALL)
_RESPONSE = re.compile(rf"({_QUOTE}prepareDownloadResponse{_QUOTE}\s*:\s*{_QUOTE})([A-Za-z0-9+/]+=*)")


def masked(text: str) -> str:
    """The text with X in place of every confirmation code and of every digit of a hash of one."""
    text = _RESPONSE.sub(_response, text)
    for pattern in (_IN_HEX, _CODE):
        text = pattern.sub(_letters, text)
    # The value received follows the one expected: once for each.
    return _NAMED.sub(_letters, _NAMED.sub(_letters, text))


def shown(text: str) -> str:
    """The text as it is, for a run that is to show secrets."""
    return text


def _letters(found: re.Match[str]) -> str:
    return found[1] + "X" * len(found[2])


def _response(found: re.Match[str]) -> str:
    """The message with its hash masked; of a text that was cut, as far as it goes."""
    whole = found[2][: len(found[2]) // 4 * 4]
    try:
        octets = base64.b64decode(whole, validate=True)
    except binascii.Error:
        return found[0]
    hidden = _IN_OCTETS.sub(lambda one: one[1] + b"X" * len(one[2]), octets)
    return found[0] if hidden == octets else found[1] + base64.b64encode(hidden).decode() + found[2][len(whole) :]
