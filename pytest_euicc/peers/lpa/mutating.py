"""Faults in a server's answer that a seed makes: in the text of its JSON, or in the octets of one of its members."""

from __future__ import annotations

import base64
import json
from random import Random


def mutated(body: bytes, chance: Random) -> bytes:
    """The answer with one fault; the same one for the same state of ``chance``."""
    members = {
        name: octets
        for name, value in json.loads(body).items()
        if isinstance(value, str) and (octets := _octets(value))
    }
    if not members or chance.random() < 0.3:
        return _fault(body, chance)
    name = chance.choice(sorted(members))
    changed = _fault(members[name], chance)
    return json.dumps(json.loads(body) | {name: base64.b64encode(changed).decode()}).encode()


def _octets(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return b""


def _fault(octets: bytes, chance: Random) -> bytes:
    """One octet changed, a part left out, a part twice, or an end that is missing."""
    at = chance.randrange(len(octets))
    upto = min(len(octets), at + chance.randint(1, 8))
    kind = chance.choice(("change", "leave out", "repeat", "end"))
    if kind == "change":
        return octets[:at] + bytes([octets[at] ^ chance.randint(1, 255)]) + octets[at + 1 :]
    if kind == "leave out":
        return octets[:at] + octets[upto:]
    return octets[:upto] + octets[at:] if kind == "repeat" else octets[:at]
