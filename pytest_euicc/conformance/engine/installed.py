"""Profiles that the tester installs on a card in a sequence: when states ask for them; deleted afterwards."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.conformance.engine.context import Context, ProfileWish
from pytest_euicc.conformance.engine.errors import Refused, SetupIncomplete
from pytest_euicc.conformance.engine.profiles import (
    EVENTS,
    Profile,
    ProfilesInUse,
    by_iccid,
    fresh_isdr,
    pending_on,
    profiles_on,
)
from pytest_euicc.conformance.values.text import to_json

_DISALLOWED_BY_POLICY = 3


@dataclass
class InstalledByTester:
    """ICCIDs of the profiles that the tester installed in this sequence, in order."""

    iccids: list[bytes] = field(default_factory=list)


@dataclass
class LoadResults:
    """The results of the loads of this sequence.

    Attributes:
        data: every ProfileInstallationResultData, in order.
        pending: sequence numbers of the results that may still be pending on the card.
    """

    data: list[dict[str, Any]] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)


def choose(context: Context, wish: ProfileWish, *, enabled: bool) -> Profile:
    """A profile that fits and no other name has; one that is in the wanted state already is preferred.

    Raises:
        NotPermitted: it would have to be installed, and the card must not be changed or allows no such profile.
        InconclusiveError: the card has none and none can be had.
    """
    in_use = context.part(ProfilesInUse).iccids
    free = [profile for profile in profiles_on(context) if profile.iccid not in in_use]
    fitting = [profile for profile in free if profile.fits(wish)]
    chosen = min(fitting, key=lambda profile: profile.enabled is not enabled) if fitting else provide(context, wish)
    in_use.add(chosen.iccid)
    return chosen


def provide(context: Context, wish: ProfileWish) -> Profile:
    """A profile that the provisioner of the session installs.

    Raises:
        NotPermitted: the card must not be changed, or allows no such profile.
        InconclusiveError: there is no provisioner, or it does not succeed.
    """
    provisioner = context.session.provisioner
    if provisioner is None:
        raise SetupIncomplete(
            f"the card has no {_describe(wish)} profile to spare, and there is nothing to download one with"
        )
    context.change(f"to install a {_describe(wish)} profile")
    iccid = provisioner.install(context, wish)
    if iccid not in installed_by_tester(context):
        installed_by_tester(context).append(iccid)
    # As if it had always been there: its installation is announced to nobody.
    forget_notifications(context, iccid)
    return by_iccid(context, iccid)


def installed_by_tester(context: Context) -> list[bytes]:
    """ICCIDs of the profiles that the tester installed in this sequence, in order."""
    return context.part(InstalledByTester).iccids


def record_load(context: Context, sequence_number: int, installed: bytes | None) -> None:
    """Record the result of a load, and the ICCID if it installed a profile."""
    context.part(LoadResults).pending.append(sequence_number)
    if installed is not None:
        installed_by_tester(context).append(installed)


def delete_installed(context: Context, since: int = 0, keep: Container[bytes] = ()) -> None:
    """Delete the tester's profiles, newest first, except the first ``since``.

    Args:
        keep: ICCIDs that the card had before; a faulty card may have taken one of them twice.
    """
    profiles = installed_by_tester(context)
    while len(profiles) > since:
        if profiles[-1] not in keep:
            remove(context, profiles[-1])
        profiles.pop()


def forget_results(context: Context) -> None:
    """Remove the results of loads of this sequence that are still pending."""
    pending = context.part(LoadResults).pending
    while pending:
        context.isdr().remove_notification_from_list(pending.pop(0))


def remove(context: Context, iccid: bytes) -> None:
    """Delete a profile of the tester's if it is still there, with the notifications of it; else it is left behind.

    Where its rules forbid that, and every operational profile on the card is the tester's, a memory reset takes it.
    """
    with context.undoing(f"the profile {iccid.hex()} is installed"):
        isdr = fresh_isdr(context)
        there = profiles_on(context)
        profile = next((entry for entry in there if entry.iccid == iccid), None)
        if profile is not None:
            code = isdr.disable_profile(iccid) if profile.enabled else 0
            code = code or isdr.delete_profile(iccid)
            installed = {*installed_by_tester(context), iccid}
            if code == _DISALLOWED_BY_POLICY and all(
                entry.iccid in installed for entry in there if entry.profile_class == "operational"
            ):
                code = isdr.euicc_memory_reset("deleteOperationalProfiles")
            if code:
                raise Refused(f"the eUICC answered {to_json(code)}")
        forget_notifications(context, iccid)


def forget_notifications(context: Context, iccid: bytes) -> None:
    """Remove the pending notifications of a profile of the tester's."""
    for entry in pending_on(context):
        if entry.get("iccid") == iccid:
            context.isdr().remove_notification_from_list(int(entry["seqNumber"]))


def _describe(wish: ProfileWish) -> str:
    parts = [wish.profile_class]
    if wish.ppr is not None:
        parts.append("without policy rules" if not wish.ppr else f"with {' and '.join(sorted(wish.ppr))}")
    if wish.icon is not None:
        parts.append("with an icon" if wish.icon else "without an icon")
    if wish.notify:
        parts.append(f"notifying {', '.join(sorted(wish.notify, key=EVENTS.index))}")
    if wish.addresses is not None:
        parts.append(f"with {wish.addresses} notification addresses")
    return ", ".join(parts)
