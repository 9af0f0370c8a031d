"""A vector drafted from a piece of a trace: what was sent becomes steps, what was received what they expect."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import yaml

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.values.text import to_json
from pytest_euicc.es10.functions import FUNCTIONS, Function
from pytest_euicc.text import printable
from pytest_euicc.traces.explaining import function_of, name_of
from pytest_euicc.traces.reading import Message, command_data

_SELECT = 0xA4
_OF_THE_START = (0x70, 0xAA, 0x10)
"""MANAGE CHANNEL, TERMINAL CAPABILITY and TERMINAL PROFILE: a device sends them after a reset."""
_MF = bytes.fromhex("3F00")
_ISDR = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
_LONG = re.compile(r"[0-9A-F]{65,}")
_ROW = 32
"""Digits between two spaces in long hex, so that YAML has where to break a line."""
_WIDTH = 120 - _ROW - 2
"""YAML breaks a line behind the word that makes it too long; lint allows 120 columns."""
_NOTE = """# A draft from a trace. It holds what one implementation answered, not what the specification demands:
# check every expectation against its clause, replace values of the moment (challenges, signatures, numbers),
# and write the requirement.
"""


def draft(messages: Iterable[Message], source: str) -> str:
    """A vector file as text; ``source`` names the trace in its description."""
    steps = [step for message in messages if (step := _step(message)) is not None]
    case = {
        "case": "TC_Draft",
        "title": "Drafted from a trace",
        "description": f"From {source}",
        "iut": "euicc",
        "interface": "own",
        "origin": "own",
        "clauses": {"sgp22": []},
        "sequences": [
            {
                "id": "O1",
                "title": "What the trace shows",
                "requirement": "To be written: what the specification demands, and where.",
                "given": ["isdr_selected"],
                "steps": _in_rows(steps),
            }
        ],
    }
    # A name of a card may turn the order of what is shown: then all that is not ASCII is escaped, as YAML does it.
    shown = _dumped(case, allow_unicode=True)
    return _NOTE + (shown if shown == printable(shown) else _dumped(case, allow_unicode=False))


def _dumped(case: dict[str, Any], *, allow_unicode: bool) -> str:
    return yaml.safe_dump(case, sort_keys=False, allow_unicode=allow_unicode, width=_WIDTH)


def _in_rows(value: Any) -> Any:
    """A value with spaces in long hex."""
    match value:
        case dict():
            return {name: _in_rows(entry) for name, entry in value.items()}
        case list():
            return [_in_rows(entry) for entry in value]
        case str() if _LONG.fullmatch(value):
            return " ".join(value[at : at + _ROW] for at in range(0, len(value), _ROW))
    return value


def _step(message: Message) -> dict[str, Any] | None:
    """A step; None for what the state isdr_selected does already."""
    function = function_of(message)
    if function is not None and function.name in FUNCTIONS:
        return {f"{function.interface.lower()}.{function.name}": _body(function, message)}
    ins = message.header[1]
    if ins in _OF_THE_START or (ins == _SELECT and message.data in (_ISDR, _MF)):
        return None
    body: dict[str, Any] = {"title": name_of(message), "apdu": _apdu(message).hex().upper()}
    if message.sw is not None and message.sw != 0x9000:
        body["sw"] = f"{message.sw:04X}"
    if message.response:
        body["expect"] = {"data": message.response.hex().upper()}
    return {"card.send": body}


def _apdu(message: Message) -> bytes:
    """The command as one APDU."""
    if len(message.exchanges) == 1 or not message.data:
        return message.exchanges[0].command
    return message.header + bytes([len(command_data(message.exchanges[0].command))]) + message.data


def _body(function: Function, message: Message) -> dict[str, Any]:
    body: dict[str, Any] = {}
    try:
        request = to_json(codec.decode(function.request, message.data))
    except codec.Asn1Error:
        request = None
    default = to_json(function.default) if function.default is not None else None
    if request is not None and request != default:
        body["with"] = request
    if message.sw is not None and message.sw != 0x9000:
        body["sw"] = f"{message.sw:04X}"
    if message.response:
        try:
            body["expect"] = to_json(codec.decode(function.response, message.response))
        except codec.Asn1Error:
            body["title"] = f"The answer was not {function.response}: {message.response.hex().upper()[:80]}"
    return body
