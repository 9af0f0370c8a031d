"""Whether what an LPA reported to its user, and what it changed, is what the user asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.peers.lpa.bench import Operation
from pytest_euicc.peers.lpa.record import Call

_CHANGES = {
    "ES10c.EnableProfile": ("enable",),
    # Some LPAs disable the enabled profile before they enable another, or before they delete it.
    "ES10c.DisableProfile": ("enable", "disable", "delete"),
    "ES10c.DeleteProfile": ("delete",),
    "ES10c.SetNickname": ("nickname",),
    "ES10c.eUICCMemoryReset": ("memory_reset",),
    "ES10a.SetDefaultDpAddress": ("set_default_address",),
    "ES10b.LoadCRL": ("load_crl",),
}
"""Which operation of the user each function that changes the card is for."""
_SWITCHES = ("ES10c.EnableProfile", "ES10c.DisableProfile")
"""What a download may call besides, where the profile is to be enabled in the same action."""


def unasked(operation: Operation, arguments: Mapping[str, Any], calls: list[Call]) -> Iterator[Mismatch]:
    """Functions that change the card and that the user did not ask for."""
    for call in calls:
        if arguments.get("enable") and call.name in _SWITCHES:
            continue
        if operation not in _CHANGES.get(call.name, (operation,)):
            yield Mismatch(call.name, f"not called for {operation}: the user did not ask for it (SGP.22 3.2)", "it was")


def untrue(
    operation: Operation, arguments: Mapping[str, Any], before: Any, after: Any, calls: list[Call]
) -> Iterator[Mismatch]:
    """Where a success that was told is none on the card.

    Args:
        before, after: `LpaBench.card_state` when the user began and when the LPA had told its result.
        calls: what crossed in between.
    """
    profiles = {each["iccid"]: each for each in after["profiles"]}
    iccid = arguments.get("iccid")
    place = "told as done"
    more = len(after["profiles"]) - len(before["profiles"])
    begun = 1 + sum(call.name == "MEANWHILE" and call.status == "download" for call in calls)
    if operation == "download" and not 1 <= more <= begun:
        yield Mismatch(place, "one profile more on the card", f"{len(after['profiles'])} profiles")
    if operation in ("enable", "disable") and iccid is not None:
        state = profiles.get(iccid, {}).get("state", "not there")
        if state != f"{operation}d":
            yield Mismatch(place, f"the profile {operation}d", state)
    if operation == "delete" and iccid is not None and iccid in profiles:
        yield Mismatch(place, "the profile deleted", "still on the card")
    if operation == "nickname" and iccid is not None:
        found = profiles.get(iccid, {}).get("nickname", "")
        if found != arguments["name"]:
            yield Mismatch(place, f"the nickname {arguments['name']!r}", repr(found))
    if operation == "set_default_address" and after["default_address"] != arguments["address"]:
        yield Mismatch(place, f"the address {arguments['address']!r}", repr(after["default_address"]))
