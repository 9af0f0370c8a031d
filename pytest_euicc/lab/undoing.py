"""What undoes the changes of a sequence on a card, in words for its plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_euicc.conformance.files.declaration import Declaration

SNAPSHOT = "undone by the snapshot of the simulator"
COMMANDS = "undone by restore: of the declaration"
_BY_ACTION = {
    "es10c.enable_profile": "the profile that was enabled is enabled again",
    "es10c.disable_profile": "the profile that was enabled is enabled again",
    "es10c.set_nickname": "nicknames are set back",
    "es10a.set_default_dp_address": "the default SM-DP+ address is set back",
    "es10c.delete_profile": "a profile of the card that is deleted does not come back",
    "es10c.euicc_memory_reset": "profiles of the card that are deleted do not come back",
    "es10b.remove_notification_from_list": "notifications that are removed do not come back",
    "es10b.load_crl": "a revocation list stays loaded",
}
_INSTALLED = "what is installed is deleted, with its results"
_STATES = "its states undo what they did"
_COMPARED = "then the card is compared with what it held"


def undoing(actions: Iterable[str], declaration: Declaration, *, installs: bool, simulated: bool) -> str:
    """What undoes a sequence that changes the card.

    Args:
        installs: it installs a profile by download.
        simulated: the card is the simulated one, which is restored as a whole.
    """
    if simulated:
        return SNAPSHOT
    if declaration.restore:
        return COMMANDS
    return ", ".join(dict.fromkeys(_steps(actions, installs=installs))) + f"; {_COMPARED}"


def _steps(actions: Iterable[str], *, installs: bool) -> Iterator[str]:
    yield _STATES
    if installs:
        yield _INSTALLED
    for action in actions:
        if action in _BY_ACTION:
            yield _BY_ACTION[action]
