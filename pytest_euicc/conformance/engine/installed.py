"""Profiles that the tester installs on a card in a sequence: when states ask for them; deleted afterwards."""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import NotPermitted, Refused, SetupIncomplete
from pytest_euicc.conformance.engine.managing import manager_of
from pytest_euicc.conformance.engine.profiles import (
    EVENTS,
    Profile,
    ProfilesInUse,
    assume,
    by_iccid,
    fresh_isdr,
    held_notifications,
    held_profiles,
    listed_profiles,
    remove_notification,
)
from pytest_euicc.conformance.engine.wishes import ProfileWish
from pytest_euicc.conformance.values.text import to_json

_NOT_THERE, _NOT_DISABLED, _DISALLOWED_BY_POLICY = 1, 2, 3
"""Values of deleteResult (SGP.22 5.7.18): iccidOrAidNotFound, profileNotInDisabledState, disallowedByPolicy."""


@dataclass
class InstalledByTester:
    """ICCIDs of the profiles that the tester installed in this sequence, in order, and of those deleted again."""

    iccids: list[bytes] = field(default_factory=list)
    deleted: set[bytes] = field(default_factory=set)


@dataclass
class LoadResults:
    """The results of the loads of this sequence.

    Attributes:
        data: every ProfileInstallationResultData, in order.
        pending: sequence numbers of the results that may still be pending on the card.
    """

    data: list[dict[str, Any]] = field(default_factory=list)
    pending: list[int] = field(default_factory=list)


def choose(context: Context, wish: ProfileWish, there: Collection[Profile], *, enabled: bool) -> Profile:
    """A profile that fits and no other name has; one that is in the wanted state already is preferred.

    Args:
        there: the profiles on the card.

    Raises:
        NotPermitted: it would have to be installed, and could not be deleted again, or the card must not be changed or
            allows no such profile.
        InconclusiveError: the card has none and none can be had.
    """
    in_use = context.part(ProfilesInUse).iccids
    free = [profile for profile in there if profile.iccid not in in_use]
    fitting = [profile for profile in free if profile.fits(wish)]
    # Of those that are alike the one whose events fewest have to learn of.
    fitting.sort(key=lambda profile: (profile.enabled is not enabled, profile.addresses.total()))
    if not fitting:
        refuse_irreversible(context, wish.ppr or (), lambda: there, enabled=enabled)
    chosen = fitting[0] if fitting else provide(context, wish)
    in_use.add(chosen.iccid)
    return chosen


def refuse_irreversible(
    context: Context, rules: Container[str], there: Callable[[], Iterable[Profile]], *, enabled: bool
) -> None:
    """Some profiles with rules are deleted by a memory reset alone, which would delete the card's own ones as well.

    Args:
        rules: of the profile that is to be installed.
        there: lists the profiles on the card.
        enabled: it is to be enabled.

    Raises:
        NotPermitted: it could not be deleted again (SGP.22 2.9.1).
    """
    bound = [rule for rule, binds in (("PPR1", enabled and "ppr1" in rules), ("PPR2", "ppr2" in rules)) if binds]
    if not bound or context.session.puts_back_whole:
        return
    own = (entry for entry in there() if entry.iccid not in installed_by_tester(context))
    if any(entry.profile_class == "operational" for entry in own):
        raise NotPermitted(
            f"a profile with {' and '.join(bound)} could only be deleted together with the card's own profiles; "
            "declare restore: with the commands that restore the card"
        )


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
    # A provisioner of somebody else's may change the card in other ways than by commands.
    context.session.knowledge.unknown()
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


def delete_installed(context: Context, since: int = 0, keep: Container[bytes] = (), *, enabled: bool = False) -> None:
    """Delete the tester's profiles, newest first, except the first ``since``.

    Args:
        keep: ICCIDs that the card had before; a faulty card may have taken one of them twice.
        enabled: they are perhaps enabled.
    """
    profiles = installed_by_tester(context)
    while len(profiles) > since:
        if profiles[-1] not in keep:
            remove(context, profiles[-1], enabled=enabled)
        profiles.pop()


def forget_results(context: Context) -> None:
    """Remove the results of loads of this sequence that are still pending."""
    pending = context.part(LoadResults).pending
    there = {int(entry["seqNumber"]) for entry in held_notifications(context)} if pending else set()
    while pending:
        number = pending.pop(0)
        if number in there:
            remove_notification(context, number)


def remove(context: Context, iccid: bytes, *, enabled: bool = False) -> None:
    """Delete a profile of the tester's if it is still there; else it is left behind. Its notifications come last.

    Where its rules forbid that, and every operational profile on the card is the tester's, a memory reset takes it.
    """
    with context.undoing(f"the profile {iccid.hex()} is installed"):
        fresh_isdr(context)
        manager, known = manager_of(context), context.session.knowledge.holding.profiles
        code = _NOT_DISABLED if enabled else manager.delete(context, iccid)
        if code == _NOT_DISABLED and manager.disable(context, iccid) == 0:
            code = manager.delete(context, iccid)
        if code not in (0, _NOT_THERE):
            code = _delete_listed(context, iccid)
        elif known is not None:
            assume(context, (entry for entry in map(Profile, known) if entry.iccid != iccid))
        if code not in (0, _NOT_THERE):
            raise Refused(f"the eUICC answered {to_json(code)}")
        context.part(InstalledByTester).deleted.add(iccid)


def _delete_listed(context: Context, iccid: bytes) -> int:
    """Delete a profile that is perhaps enabled, or perhaps protected by its rules; returns the result code."""
    manager, there = manager_of(context), held_profiles(context)
    profile = next((entry for entry in there if entry.iccid == iccid), None)
    if profile is None:
        return 0
    code = manager.disable(context, iccid) if profile.enabled else 0
    code = code or manager.delete(context, iccid)
    installed = {*installed_by_tester(context), iccid}
    if code == _DISALLOWED_BY_POLICY and all(
        entry.iccid in installed for entry in listed_profiles(context) if entry.profile_class == "operational"
    ):
        code = manager.delete_operational(context)
    elif code == 0:
        assume(context, (entry for entry in there if entry.iccid != iccid))
    return code


def forget_deleted(context: Context) -> None:
    """Remove the pending notifications of all profiles that the tester has deleted again."""
    deleted = context.part(InstalledByTester).deleted
    if deleted:
        for entry in held_notifications(context):
            if entry.get("iccid") in deleted:
                remove_notification(context, int(entry["seqNumber"]))
        deleted.clear()


def forget_notifications(context: Context, iccid: bytes) -> None:
    """Remove the pending notifications of a profile of the tester's."""
    for entry in held_notifications(context):
        if entry.get("iccid") == iccid:
            remove_notification(context, int(entry["seqNumber"]))


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
