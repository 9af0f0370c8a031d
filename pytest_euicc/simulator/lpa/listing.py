"""The list of profiles as the simulated LPA tells it: one that cannot be read as a whole does not hide the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.es10.isdr import Es10Error, Reply

_LIST, _PROFILE = 0xA0, 0xE3
_ICCID_OCTETS = 10
_RULES = ("pprUpdateControl", "ppr1", "ppr2")
_SHIFTED = {"pprUpdateControl": "ppr1", "ppr1": "ppr2"}
_STATES = {0: "disabled", 1: "enabled"}
_CLASSES = {0: "test", 1: "provisioning", 2: "operational"}


def _rules(octets: bytes) -> list[str]:
    """Names of the bits of pprIds: pprUpdateControl is the first (SGP.22 2.8.1.1)."""
    bits = octets[1] if len(octets) > 1 else 0
    return [name for place, name in enumerate(_RULES) if bits >> (7 - place) & 1]


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", errors="replace")


_FIELDS: Mapping[int, tuple[str, Callable[[bytes], Any]]] = {
    0x9F70: ("state", lambda octets: _STATES.get(int.from_bytes(octets), "unknown")),
    0x95: ("class", lambda octets: _CLASSES.get(int.from_bytes(octets), "unknown")),
    0x90: ("nickname", _text),
    0x91: ("provider", _text),
    0x92: ("name", _text),
    0x94: ("icon", bytes),
    0x99: ("rules", _rules),
}
"""Elements of ProfileInfo (SGP.22 5.7.15)."""


def profiles_of(reply: Reply, *, shifted: bool = False) -> list[dict[str, Any]]:
    """The profiles of a GetProfilesInfo that have an ICCID; raises Es10Error where there is no list.

    Args:
        shifted: a defect takes the first bit of the rules for PPR1.
    """
    if not reply.ok or not reply.octets:
        raise Es10Error(f"{reply.function.full_name}: the eUICC answered {reply.sw:04X} and no list")
    try:
        answer = tlv.parse(reply.octets)
        listed = answer.children()[0] if answer.tag == reply.function.tag else answer
        if listed.tag != _LIST:
            raise Es10Error(f"{reply.function.full_name}: the eUICC answered {reply.octets.hex().upper()[:60]}")
        read = [_profile(entry) for entry in listed.children() if entry.tag == _PROFILE]
    except (tlv.TlvError, IndexError) as fault:
        raise Es10Error(f"{reply.function.full_name}: the answer cannot be read: {fault}") from fault
    for profile in read if shifted else []:
        profile["rules"] = [_SHIFTED.get(rule, rule) for rule in profile.get("rules", [])]
    return [profile for profile in read if len(profile.get("iccid", b"")) == _ICCID_OCTETS]


def _profile(entry: tlv.Tlv) -> dict[str, Any]:
    reported: dict[str, Any] = {"state": "disabled", "class": "operational"}
    for element in entry.children():
        if element.tag == 0x5A:
            reported["iccid"] = element.value
        elif element.tag in _FIELDS:
            name, read = _FIELDS[element.tag]
            reported[name] = read(element.value)
    return reported
