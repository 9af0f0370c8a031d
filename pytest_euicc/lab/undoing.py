"""What undoes the changes of a sequence on a card, in words for its plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.vector import Call

SNAPSHOT = "undone by the snapshot of the simulator"
COMMANDS = "undone by restore: of the declaration"
_PROFILE_GONE = "a deleted profile of the card is not restored"
_PROFILES_GONE = "deleted profiles of the card are not restored"
_NOTIFICATIONS_GONE = "removed notifications are not restored"
_BY_ACTION = {
    "es10c.enable_profile": "the previously enabled profile is enabled again",
    "es10c.disable_profile": "the previously enabled profile is enabled again",
    "es10c.set_nickname": "nicknames are restored",
    "es10a.set_default_dp_address": "the default SM-DP+ address is restored",
    "es10c.delete_profile": _PROFILE_GONE,
    "es10c.euicc_memory_reset": _PROFILES_GONE,
    "es10b.remove_notification_from_list": _NOTIFICATIONS_GONE,
    "es10b.load_crl": "a CRL stays loaded",
}
_BY_STATE = {"no_profiles": _PROFILES_GONE, "no_notifications": _NOTIFICATIONS_GONE}
CHANGING = frozenset(
    {
        *("no_profiles", "no_notifications", "no_enabled_profile", "notification", "nickname", "default_address"),
        *("proactive_session", "eim_associated", "iot_profile", "no_enabled_iot_profile", "package_result_kept"),
    }
)
"""States that change the card, unless it is in them already; an enabled profile is one more."""
_INSTALLED = "installed profiles are deleted, with their results"
_STATES = "the states undo their changes"
_COMPARED = "then the card is compared with its previous content"


def state_changes(call: Call) -> bool:
    """Whether a state changes a card that is not in it already."""
    return call.name in CHANGING or (call.name == "profile" and call.arguments.get("state") == "enabled")


def undoing(
    states: Iterable[Call], actions: Iterable[str], declaration: Declaration, *, installs: bool, simulated: bool
) -> str:
    """What undoes a sequence that changes the card.

    Args:
        installs: it installs a profile by download.
        simulated: the card is the simulated one, which is restored as a whole.
    """
    if simulated:
        return SNAPSHOT
    if declaration.restore:
        return COMMANDS
    return ", ".join(dict.fromkeys(_steps(states, actions, installs=installs))) + f"; {_COMPARED}"


def _steps(states: Iterable[Call], actions: Iterable[str], *, installs: bool) -> Iterator[str]:
    yield _STATES
    if installs:
        yield _INSTALLED
    for call in states:
        if call.name in _BY_STATE:
            yield _BY_STATE[call.name]
        elif call.name == "notification" and call.arguments.get("event") == "delete":
            yield _PROFILE_GONE
    for action in actions:
        if action in _BY_ACTION:
            yield _BY_ACTION[action]
