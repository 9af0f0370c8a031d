"""Puts a card back after a sequence: by snapshot, by declared commands, or by what it held before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.card.channel import UnexpectedStatus
from pytest_euicc.card.errors import CardError
from pytest_euicc.card.transport import SnapshotTransport
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.installed import delete_installed, forget_results, installed_by_tester
from pytest_euicc.conformance.engine.kinds import Preparation, Undo
from pytest_euicc.conformance.engine.profiles import Profile, fresh_isdr, pending_on, profiles_on, switch
from pytest_euicc.conformance.files.observations import NOT_COMPARED, NOT_RESTORED
from pytest_euicc.conformance.values.text import to_json
from pytest_euicc.es10.isdr import Es10Error, Isdr

# ICCID, state, nickname and class: what else a profile has is not changed by sequences.
_TAGS = bytes.fromhex("5A 9F70 90 95")


class OnCard:
    """An eUICC, whose card is changed only with permission and put back afterwards."""

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
        if isinstance(transport, SnapshotTransport):
            return _Snapshot(context, transport, transport.snapshot())
        if session.declaration.restore:
            return _Commands(context)
        return _Inventory(context, take_inventory(context) if changes else None)


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


@dataclass
class _Commands:
    """The declared APDUs that put the card back to its personalised state."""

    context: Context

    def restore(self, undo: Undo) -> None:
        if not self.context.changed:
            undo.run()
            return
        undo.forget()
        restore_by_commands(self.context)


def restore_by_commands(context: Context) -> None:
    """Send the declared APDUs that put the card back to its personalised state."""
    with context.undoing("not restored"):
        context.reset(start=False)
        for apdu in context.declaration.restore:
            answer = context.card.basic.send(CommandApdu.parse(bytes.fromhex(apdu)))
            if not answer.ok:
                context.left_behind.append(f"not restored: {apdu} was answered {answer}")
                return
        # Whatever single clean-ups could not put back, the personalised state has none of it.
        context.restored()


@dataclass
class _Inventory:
    """Neither of these: states undo what they did, and the rest is compared with what the card held before."""

    context: Context
    before: Inventory | None

    def restore(self, undo: Undo) -> None:
        undo.run()
        if self.before is not None:
            put_back(self.context, self.before)
        else:
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
    """What the card holds, on the default channel."""
    profiles = {profile.iccid: profile for profile in profiles_on(context, _TAGS)}
    address = context.isdr().get_euicc_configured_addresses().get("defaultDpAddress", "")
    return Inventory(profiles, address, frozenset(int(entry["seqNumber"]) for entry in pending_on(context)))


def take_inventory(context: Context) -> Inventory | None:
    """What the card holds, read after a reset; another reset follows. None, and an observation, if it cannot be read.

    Raises:
        CardError: the card is gone.
    """
    inventory = None
    try:
        fresh_isdr(context)
        inventory = _look(context)
    except (Es10Error, Refused, UnexpectedStatus) as error:
        context.observe(NOT_COMPARED, f"what the card holds could not be read before the sequence: {error}")
    context.reset(start=False)
    return inventory


def put_back(context: Context, before: Inventory) -> None:
    """Enabled profile, nicknames and default address as they were, nothing of the tester's; the rest is noted."""
    delete_installed(context, keep=before.profiles)
    try:
        isdr = fresh_isdr(context)
        forget_results(context)
        now = _look(context)
    except (Es10Error, Refused, UnexpectedStatus) as error:
        context.observe(NOT_COMPARED, f"what the card holds could not be read after the sequence: {error}")
        return
    except CardError as error:
        context.left_behind.append(f"what the sequence changed: {error}")
        return
    for iccid in before.profiles.keys() - now.profiles.keys():
        context.observe(NOT_RESTORED, f"the profile {iccid.hex()} was deleted")
    for iccid in now.profiles.keys() - before.profiles.keys():
        context.left_behind.append(f"the profile {iccid.hex()} is installed")
    for iccid in before.profiles.keys() & now.profiles.keys():
        _nickname(context, isdr, before.profiles[iccid], now.profiles[iccid])
    _enabled(context, before, now)
    if now.address != before.address:
        with context.undoing(f"the default SM-DP+ address is {now.address!r}, it was {before.address!r}"):
            _ok(isdr.set_default_dp_address(before.address))
    with context.undoing("the notifications cannot be compared"):
        pending = frozenset(int(entry["seqNumber"]) for entry in pending_on(context))
        for numbers, what in ((before.notifications - pending, "removed"), (pending - before.notifications, "added")):
            if numbers:
                context.observe(NOT_RESTORED, f"notifications {what}: {', '.join(map(str, sorted(numbers)))}")


def _nickname(context: Context, isdr: Isdr, before: Profile, now: Profile) -> None:
    old, new = (profile.info.get("profileNickname", "") for profile in (before, now))
    if old != new:
        with context.undoing(f"the nickname of {now.iccid.hex()} is {new!r}, it was {old!r}"):
            _ok(isdr.set_nickname(now.iccid, old))


def _enabled(context: Context, before: Inventory, now: Inventory) -> None:
    old, new = (next((entry for entry in each.profiles.values() if entry.enabled), None) for each in (before, now))
    if old is not None and old.iccid in now.profiles and (new is None or new.iccid != old.iccid):
        with context.undoing(f"the profile {old.iccid.hex()} is not enabled again"):
            switch(context, old, enable=True)
    elif old is None and new is not None:
        with context.undoing(f"the profile {new.iccid.hex()} is enabled"):
            switch(context, new, enable=False)


def _ok(code: int) -> None:
    if code != 0:
        raise Refused(f"the eUICC answered {to_json(code)}")
