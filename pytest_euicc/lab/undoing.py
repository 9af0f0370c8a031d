"""What undoes the changes of a sequence on a card, in words for its plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_euicc.conformance.files.declaration import Declaration

SNAPSHOT = "undone by the snapshot of the simulator"
COMMANDS = "undone by restore: of the declaration"
_BY_ACTION = {
    "es10c.enable_profile": "the previously enabled profile is enabled again",
    "es10c.disable_profile": "the previously enabled profile is enabled again",
    "es10c.set_nickname": "nicknames are restored",
    "es10a.set_default_dp_address": "the default SM-DP+ address is restored",
    "es10c.delete_profile": "a deleted profile of the card is not restored",
    "es10c.euicc_memory_reset": "deleted profiles of the card are not restored",
    "es10b.remove_notification_from_list": "removed notifications are not restored",
    "es10b.load_crl": "a CRL stays loaded",
}
_INSTALLED = "installed profiles are deleted, with their results"
_STATES = "the states undo their changes"
_COMPARED = "then the card is compared with its previous content"


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
