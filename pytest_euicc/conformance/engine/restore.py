"""Puts a card back after a sequence: by snapshot, by declared commands, or by what it held before."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.card.errors import CardError
from pytest_euicc.card.exchange import UnexpectedStatus
from pytest_euicc.card.transport import SnapshotTransport, sections_of, snapshots_of
from pytest_euicc.conformance.engine.context import Context, Session
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.installed import (
    delete_installed,
    forget_deleted,
    forget_results,
    installed_by_tester,
    remove,
)
from pytest_euicc.conformance.engine.kinds import Preparation, Undo
from pytest_euicc.conformance.engine.managing import manager_of
from pytest_euicc.conformance.engine.profiles import (
    Profile,
    enabled_of,
    fresh_isdr,
    held_address,
    held_nicknames,
    held_notifications,
    held_profiles,
    remove_notification,
    switch,
)
from pytest_euicc.conformance.files.observations import NOT_COMPARED, NOT_RESTORED
from pytest_euicc.conformance.values.text import to_json
from pytest_euicc.es10.isdr import Es10Error, Isdr


class OnCard:
    """An eUICC, whose card is changed only with permission and restored afterwards."""

    title = "an eUICC"
    answer: Literal["sw", "status"] = "sw"
    harness = "euicc_harness"

    def prepare(self, context: Context, *, changes: bool) -> Preparation:
        """Ask for permission, and take a snapshot or an inventory."""
        session = context.session
        if session.needs_permission and session.declaration.test_cards:
            session.identify()
        if changes:
            context.change("the sequence changes the card")
        session.section(context.sequence_id)
        transport = context.card.transport
        if sections_of(transport) is not None:
            # A part of a recording is replayed by itself, so that it relies on nothing that came before.
            session.knowledge.forget()
        snapshots = snapshots_of(transport)
        if snapshots is not None:
            session.knowledge.kept()
            return _Snapshot(context, snapshots, snapshots.snapshot())
        if session.declaration.restore:
            return _Commands(context)
        return _Inventory(context, take_inventory(context) if changes else known_inventory(session))


@dataclass
class _Snapshot:
    """The whole card, kept by the transport."""

    context: Context
    transport: SnapshotTransport
    snapshot: object

    def restore(self, undo: Undo) -> None:
        undo.forget()
        self.context.restored()
        with self.context.undoing("not restored"):
            self.transport.restore(self.snapshot)
            self.context.session.other_card = False
            self.context.session.knowledge.restored()
            return
        self.context.session.knowledge.forget()


@dataclass
class _Commands:
    """The declared APDUs that restore the personalised state of the card."""

    context: Context

    def restore(self, undo: Undo) -> None:
        if not self.context.changed:
            undo.run()
            return
        undo.forget()
        restore_by_commands(self.context)


def restore_by_commands(context: Context) -> None:
    """Send the declared APDUs that restore the personalised state of the card."""
    context.session.knowledge.forget()
    with context.undoing("not restored"):
        context.reset(start=False)
        for apdu in context.declaration.restore:
            answer = context.card.basic.send(CommandApdu.parse(bytes.fromhex(apdu)))
            if not answer.ok:
                context.left_behind.append(f"not restored: {apdu} was answered with {answer}")
                return
        # The personalised state contains nothing that single clean-ups could not undo.
        context.restored()


@dataclass
class _Inventory:
    """Neither of these: states undo what they did, and the rest is compared with what the card held before."""

    context: Context
    before: Inventory | None

    def restore(self, undo: Undo) -> None:
        self.context.compared_afterwards = self.before is not None
        undo.run()
        manager_of(self.context).finish(self.context)
        if self.before is not None:
            if known_inventory(self.context.session) != self.before:
                put_back(self.context, self.before)
        else:
            with self.context.undoing("notifications of deleted profiles are pending"):
                forget_deleted(self.context)
            # Without knowing what the card held, nothing else is deleted from it.
            self.context.left_behind += [
                f"the profile {iccid.hex()} is installed" for iccid in installed_by_tester(self.context)
            ]


@dataclass(frozen=True)
class Inventory:
    """The part of a card's state that sequences change."""

    profiles: dict[bytes, Profile]
    address: str
    notifications: frozenset[int]


def _look(context: Context) -> Inventory:
    """What the card holds, on the default channel; what is known is not asked for."""
    return _inventory(
        held_profiles(context), held_nicknames(context), held_notifications(context), held_address(context)
    )


def known_inventory(session: Session) -> Inventory | None:
    """What the card holds, if that is known without asking it."""
    holding = session.knowledge.holding
    if holding.profiles is None or holding.assumed:
        return None
    if holding.nicknames is None or holding.notifications is None or holding.address is None:
        return None
    return _inventory(map(Profile, holding.profiles), holding.nicknames, holding.notifications, holding.address)


def _inventory(
    profiles: Iterable[Profile], nicknames: Mapping[bytes, str], pending: Iterable[Mapping[str, Any]], address: str
) -> Inventory:
    # Of a profile what sequences change, and no more, so that inventories are equal if nothing changed.
    held = {
        profile.iccid: Profile(
            {
                "iccid": profile.iccid,
                "profileState": int(profile.enabled),
                "profileNickname": nicknames.get(profile.iccid, ""),
            }
        )
        for profile in profiles
    }
    return Inventory(held, address, frozenset(int(entry["seqNumber"]) for entry in pending))


def take_inventory(context: Context) -> Inventory | None:
    """What the card holds, read after a reset unless it is known. None, and an observation, if it cannot be read.

    Another reset follows, except where the sequence begins as the card is then.

    Raises:
        CardError: the card is gone.
    """
    inventory = known_inventory(context.session)
    if inventory is None:
        try:
            fresh_isdr(context)
            inventory = _look(context)
        except (Es10Error, Refused, UnexpectedStatus) as error:
            context.observe(NOT_COMPARED, f"what the card holds could not be read before the sequence: {error}")
    if not context.begins_at_isdr or context.session.knowledge.as_started is None:
        context.reset(start=False)
    return inventory


def put_back(context: Context, before: Inventory) -> None:
    """Enabled profile, nicknames and default address as they were, nothing of the tester's; the rest is noted."""
    delete_installed(context, keep=before.profiles)
    try:
        isdr = fresh_isdr(context)
        now = {profile.iccid: profile for profile in held_profiles(context)}
        nicknames, address = held_nicknames(context), held_address(context)
    except (Es10Error, Refused, UnexpectedStatus) as error:
        context.observe(NOT_COMPARED, f"what the card holds could not be read after the sequence: {error}")
        return
    except CardError as error:
        context.left_behind.append(f"what the sequence changed: {error}")
        return
    for iccid in before.profiles.keys() - now.keys():
        context.observe(NOT_RESTORED, f"the profile {iccid.hex()} was deleted")
    for iccid in now.keys() - before.profiles.keys():
        # Loaded by the tester as well; what ended the sequence kept its result away.
        remove(context, iccid, enabled=now.pop(iccid).enabled)
    for iccid in before.profiles.keys() & now.keys():
        _nickname(context, isdr, before.profiles[iccid], nicknames.get(iccid, ""))
    _enabled(context, before.profiles, now)
    if address != before.address:
        with context.undoing(f"the default SM-DP+ address is {address!r}, it was {before.address!r}"):
            _ok(manager_of(context).set_default_address(context, before.address))
    # Last, as a profile that is enabled or deleted is notified.
    with context.undoing("the notifications cannot be compared"):
        forget_results(context)
        forget_deleted(context)
        _forget_events(context, before, now)
        pending = frozenset(int(entry["seqNumber"]) for entry in held_notifications(context))
        for numbers, what in ((before.notifications - pending, "removed"), (pending - before.notifications, "added")):
            if numbers:
                context.observe(NOT_RESTORED, f"notifications {what}: {', '.join(map(str, sorted(numbers)))}")


def _forget_events(context: Context, before: Inventory, now: Mapping[bytes, Profile]) -> None:
    """Remove the notifications of what was done to profiles that are again as they were: nobody has to learn of it."""
    same = before.profiles.keys() & now.keys()
    for entry in held_notifications(context):
        if int(entry["seqNumber"]) not in before.notifications and entry.get("iccid") in same:
            remove_notification(context, int(entry["seqNumber"]))


def _nickname(context: Context, isdr: Isdr, before: Profile, now: str) -> None:
    old = before.info.get("profileNickname", "")
    if old != now:
        with context.undoing(f"the nickname of {before.iccid.hex()} is {now!r}, it was {old!r}"):
            _ok(isdr.set_nickname(before.iccid, old))


def _enabled(context: Context, before: Mapping[bytes, Profile], now: Mapping[bytes, Profile]) -> None:
    old, new = enabled_of(before.values()), enabled_of(now.values())
    if old is not None and old.iccid in now and (new is None or new.iccid != old.iccid):
        with context.undoing(f"the profile {old.iccid.hex()} is not enabled again"):
            switch(context, old, enable=True)
    elif old is None and new is not None:
        with context.undoing(f"the profile {new.iccid.hex()} is enabled"):
            switch(context, new, enable=False)


def _ok(code: int) -> None:
    if code != 0:
        raise Refused(f"the eUICC answered {to_json(code)}")
