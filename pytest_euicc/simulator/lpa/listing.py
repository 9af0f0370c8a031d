"""The list of profiles as the simulated LPA tells it: one that cannot be read as a whole does not hide the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from pytest_euicc.asn1 import tlv
from pytest_euicc.es10.isdr import Es10Error, Isdr, Reply
from pytest_euicc.rsp.rat import rule_names
from pytest_euicc.simulator.lpa.misreading import MISREADINGS, MORE

Asks = Callable[[str], bool]
_LIST, _PROFILE = 0xA0, 0xE3
_NEXT = {"pprUpdateControl": "ppr1", "ppr1": "ppr2", "ppr2": "pprUpdateControl"}
_ICCID_OCTETS = 10
_STATES = {0: "disabled", 1: "enabled"}
_CLASSES = {0: "test", 1: "provisioning", 2: "operational"}


def _text(octets: bytes) -> str:
    return octets.decode("utf-8", errors="replace")


_FIELDS: Mapping[int, tuple[str, Callable[[bytes], Any]]] = {
    0x9F70: ("state", lambda octets: _STATES.get(int.from_bytes(octets), "unknown")),
    0x95: ("class", lambda octets: _CLASSES.get(int.from_bytes(octets), "unknown")),
    0x90: ("nickname", _text),
    0x91: ("provider", _text),
    0x92: ("name", _text),
    0x94: ("icon", bytes),
    0x99: ("rules", lambda octets: sorted(rule_names(_bits(octets)))),
}
"""Elements of ProfileInfo (SGP.22 5.7.15)."""
_LEFT_OUT = (0x4F, 0x93, 0xB6, 0xB7, 0xB8)
"""Those that are not told: AID, type of the icon, notification configuration, owner, proprietary data."""


_ALL_TAGS = bytes.fromhex("5A4F9F7090919293949599B7")
_RULES = bytes.fromhex("5A99")


class Listing:
    """The list as it is read from the card: everything by one list of tags, or the rules afterwards.

    Args:
        defective, varies: whether one of that name is switched on.
    """

    def __init__(self, isdr: Isdr, defective: Asks, varies: Asks) -> None:
        self._isdr = isdr
        self._defective = defective
        self._varies = varies

    def profiles(self) -> list[dict[str, Any]]:
        """The profiles with their rules, as far as the card tells these; raises Es10Error where there is no list."""
        if self._varies("lists-by-tags"):
            return self._with_rules(self._read({"tagList": _ALL_TAGS}), {})
        profiles = self._read({})
        rules: dict[bytes, list[str]] = {}
        with suppress(Es10Error):
            asked = entries_of(self._isdr.call("get_profiles_info", {"tagList": _RULES}))
            rules = {each["iccid"]: each["rules"] for each in asked if "iccid" in each and "rules" in each}
        return self._with_rules(profiles, rules)

    def _read(self, criteria: dict[str, bytes]) -> list[dict[str, Any]]:
        """The profiles that have an ICCID."""
        entries = entries_of(self._isdr.call("get_profiles_info", criteria))
        if not entries and self._defective("empty-list-is-an-error"):
            raise Es10Error("the eUICC has no profiles")
        for name, misread in MISREADINGS.items():
            # Asked only where it makes a difference, so that a proof has no more runs than it needs.
            if (changed := misread(entries)) != entries and self._defective(name):
                entries = changed
        told = [{"state": "disabled", "class": "operational", **each} for each in entries]
        kept = [each for each in told if len(each.get("iccid", b"")) == _ICCID_OCTETS]
        return [{key: value for key, value in each.items() if key != MORE} for each in kept]

    def _with_rules(self, profiles: list[dict[str, Any]], rules: Mapping[bytes, list[str]]) -> list[dict[str, Any]]:
        for each in profiles:
            if each["iccid"] in rules:
                each["rules"] = rules[each["iccid"]]
            if "rules" in each and self._defective("shifts-rules"):
                each["rules"] = [_NEXT[name] for name in each["rules"]]
        return profiles


def _bits(octets: bytes) -> tuple[bytes, int]:
    """A BIT STRING as the codec has it; unused bits count as bits that are not set."""
    return octets[1:], 8 * len(octets[1:])


def entries_of(reply: Reply) -> list[dict[str, Any]]:
    """The entries of a GetProfilesInfo; raises Es10Error where there is no list."""
    if not reply.ok or not reply.octets:
        raise Es10Error(f"{reply.function.full_name}: the eUICC answered {reply.sw:04X} and no list")
    try:
        answer = tlv.parse(reply.octets)
        listed = answer.children()[0] if answer.tag == reply.function.tag else answer
        if listed.tag != _LIST:
            raise Es10Error(f"{reply.function.full_name}: the eUICC answered {reply.octets.hex().upper()[:60]}")
        return [_profile(entry) for entry in listed.children() if entry.tag == _PROFILE]
    except (tlv.TlvError, IndexError) as fault:
        raise Es10Error(f"{reply.function.full_name}: the answer cannot be read: {fault}") from fault


def _profile(entry: tlv.Tlv) -> dict[str, Any]:
    reported: dict[str, Any] = {}
    for element in entry.children():
        if element.tag == 0x5A:
            reported["iccid"] = element.value
        elif element.tag in _FIELDS:
            name, read = _FIELDS[element.tag]
            reported[name] = read(element.value)
        elif element.tag not in _LEFT_OUT:
            reported[MORE] = True
    return reported
