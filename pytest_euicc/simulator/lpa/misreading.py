"""What defects of the simulated LPA make of the entries of GetProfilesInfo (SGP.22 5.7.15)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

Profiles = list[dict[str, Any]]
MORE = "more"
"""Key of an entry that has elements which the LPA does not know."""
_LONGEST_LIST = 16
_ICON = 8
_NAMES = ("name", "provider", "nickname")
_OTHER_STATE = {"enabled": "disabled", "disabled": "enabled"}


def _readable(profile: Mapping[str, Any]) -> bool:
    return all(str(profile.get(name, "")).isprintable() and "\ufffd" not in profile.get(name, "") for name in _NAMES)


def _latin(profile: Mapping[str, Any]) -> dict[str, Any]:
    return {key: text.encode().decode("latin-1") if key in _NAMES else text for key, text in profile.items()}


MISREADINGS: Mapping[str, Callable[[Profiles], Profiles]] = {
    "cuts-the-list": lambda every: every[:_LONGEST_LIST],
    "hides-unreadable-names": lambda every: [each for each in every if _readable(each)],
    "hides-unknown-values": lambda every: [each for each in every if "unknown" not in each.values()],
    "hides-unknown-elements": lambda every: [each for each in every if MORE not in each],
    "hides-all-for-one": lambda every: every if all("iccid" in each for each in every) else [],
    "takes-names-for-latin-1": lambda every: [_latin(each) for each in every],
    "cuts-icons": lambda every: [each | ({"icon": each["icon"][:_ICON]} if "icon" in each else {}) for each in every],
    "absent-class-is-provisioning": lambda every: [{"class": "provisioning", **each} for each in every],
    "reverses-states": lambda every: [
        each | {"state": _OTHER_STATE.get(each.get("state", "disabled"), "disabled")} for each in every
    ],
}
"""By the name of the defect: the entries as they are read then, of those that the card gave."""
