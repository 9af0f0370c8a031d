"""What a modem answers to AT commands for its card, as octets and sessions (3GPP TS 27.007 8.17, 8.43, 8.45)."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pytest_euicc.card.at_port import shown
from pytest_euicc.card.errors import MalformedAnswer

_RESPONSE = re.compile(r'(?:\d{1,9}\s*,\s*)?(\d{1,9})\s*,\s*"?([0-9A-Fa-f]*)"?')
_SESSION = re.compile(r'(?:\+CCHO:\s*)?"?(\d{1,9})"?(?:,.*)?', re.IGNORECASE)
_HEX = re.compile(r'[0-9A-Fa-f]+"?')


def session(device: str, lines: Sequence[str]) -> int:
    """The session that AT+CCHO opened: ``+CCHO: 1``, or the number alone.

    Raises:
        MalformedAnswer: there is none.
    """
    for line in lines:
        found = _SESSION.fullmatch(line)
        if found is not None:
            return int(found[1])
    raise MalformedAnswer(f"{device}: AT+CCHO was answered OK without a session: {_reported(lines)}")


def response(device: str, prefix: str, lines: Sequence[str]) -> bytes:
    """The response APDU of ``+CGLA: LENGTH,"HEX"``, which may go on in further lines; LENGTH counts digits or octets.

    Args:
        prefix: ``+CGLA:`` or ``+CSIM:``.

    Raises:
        MalformedAnswer: there is none, or it is not as long as it says.
    """
    for index, line in enumerate(lines):
        if not line.upper().startswith(prefix):
            continue
        found = _RESPONSE.fullmatch(line[len(prefix) :].strip())
        if found is None:
            break
        length, digits = int(found[1]), found[2]
        for further in lines[index + 1 :]:
            if len(digits) < length and _HEX.fullmatch(further):
                digits += further.rstrip('"')
        if len(digits) not in (length, 2 * length) or len(digits) % 2:
            raise MalformedAnswer(
                f"{device}: {prefix} announces {length} characters and has {len(digits)}: {_reported(lines)}"
            )
        if len(digits) < 4:
            raise MalformedAnswer(f"{device}: {_reported(lines)} is not a response APDU")
        return bytes.fromhex(digits)
    raise MalformedAnswer(f"{device}: OK without an answer that can be read: {_reported(lines)}")


def _reported(lines: Sequence[str]) -> str:
    return shown(" / ".join(lines)) if lines else "nothing before it"
