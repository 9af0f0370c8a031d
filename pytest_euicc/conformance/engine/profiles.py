"""The profiles on a card as states need them: read, choose, enable or disable, restore."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.context import DEFAULT_CHANNEL, Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.lists import entries_of
from pytest_euicc.conformance.engine.managing import manager_of
from pytest_euicc.conformance.engine.wishes import ProfileWish
from pytest_euicc.conformance.files.observations import UNREADABLE_ENTRY
from pytest_euicc.conformance.values.text import describe, to_json
from pytest_euicc.es10.isdr import Es10Error, Isdr
from pytest_euicc.rsp.rat import rule_names

# Every tag of ProfileInfo that a v2 eUICC of any version knows (SGP.22 5.7.15).
TAGS = bytes.fromhex("5A 4F 9F70 90 91 92 93 94 95 B6 B7 B8 99")
_STATE_TAGS, _NICKNAME_TAGS = bytes.fromhex("5A 9F70"), bytes.fromhex("5A 90")
_CLASSES = ("test", "provisioning", "operational")
_OPERATIONAL = 2
EVENTS = ("install", "enable", "disable", "delete")
"""The events of NotificationEvent in the order of their bits."""


@dataclass
class ProfilesInUse:
    """ICCIDs of the profiles that states of this sequence have given names to."""

    iccids: set[bytes] = field(default_factory=set)


@dataclass(frozen=True)
class Profile:
    """One profile, from ProfileInfo; ``info`` is all that the card gave."""

    info: dict[str, Any]

    @property
    def iccid(self) -> bytes:
        """Coded as in EF ICCID."""
        return bytes(self.info["iccid"])

    @property
    def enabled(self) -> bool:
        """ProfileState enabled(1)."""
        return int(self.info.get("profileState", 0)) == 1

    @property
    def profile_class(self) -> str:
        """``test``, ``provisioning`` or ``operational``, which is the default; another number by itself."""
        number = int(self.info.get("profileClass", _OPERATIONAL))
        return _CLASSES[number] if 0 <= number < len(_CLASSES) else f"profileClass {number}"

    @property
    def rules(self) -> frozenset[str]:
        """The Profile Policy Rules that are set, ``ppr1`` and ``ppr2``."""
        return rule_names(self.info.get("profilePolicyRules", (b"", 0))) - {"pprUpdateControl"}

    @property
    def addresses(self) -> Counter[str]:
        """To how many addresses each event is announced."""
        configured = self.info.get("notificationConfigurationInfo") or []
        return Counter(event for entry in configured for event in _events(entry["profileManagementOperation"]))

    @property
    def notify(self) -> frozenset[str]:
        """The events for which a notification address is configured."""
        return frozenset(self.addresses)

    def fits(self, wish: ProfileWish) -> bool:
        """Whether this is what a state asks for."""
        return (
            self.profile_class == wish.profile_class
            and (wish.ppr is None or self.rules == wish.ppr)
            and (wish.icon is None or wish.icon == ("icon" in self.info))
            and wish.notify <= self.notify
            and (
                wish.addresses is None
                or all(self.addresses[event] == wish.addresses for event in wish.notify or EVENTS)
            )
        )

    def saved(self) -> dict[str, Any]:
        """What ``$profile.…`` reaches."""
        names = {
            "isdpAid": "aid",
            "profileName": "name",
            "profileNickname": "nickname",
            "serviceProviderName": "provider",
            "profileOwner": "owner",
            "iconType": "icon_type",
            "icon": "icon",
        }
        configured = self.info.get("notificationConfigurationInfo") or []
        return {
            "iccid": self.iccid,
            "class": self.profile_class,
            "ppr": sorted(self.rules),
            "notify": sorted(self.notify, key=EVENTS.index),
            "addresses": [entry["notificationAddress"] for entry in configured],
            **{short: self.info[name] for name, short in names.items() if name in self.info},
        }


def _events(bits: tuple[bytes, int]) -> list[str]:
    """The events of a NotificationEvent whose bits are set."""
    octets, length = bits
    return [name for number, name in enumerate(EVENTS[:length]) if octets[0] & 0x80 >> number]


def profiles_on(context: Context, tags: bytes = TAGS, channel: str | None = None) -> list[Profile]:
    """All profiles of the card that can be told apart, with what the tags ask for.

    The list is read entry by entry: one that cannot be decoded, or has no ICCID (OPTIONAL in SGP.22 5.7.15), is an
    observation and is left alone.

    Raises:
        Refused: the card does not list them.
    """
    request = codec.encode("ProfileInfoListRequest", {"tagList": tags})
    entries = entries_of(context, context.isdr(channel).send("get_profiles_info", request), "profileInfoListOk")
    found = []
    for info in entries:
        if isinstance(info.get("iccid"), bytes) and info["iccid"]:
            found.append(Profile(info))
        else:
            context.observe(UNREADABLE_ENTRY, f"ProfileInfo without an ICCID: {describe(info, 200)}", "SGP.22 5.7.15")
    return found


_MANDATORY = {"seqNumber", "profileManagementOperation", "notificationAddress"}


def pending_on(context: Context, channel: str | None = None) -> list[dict[str, Any]]:
    """Metadata of the pending notifications, read entry by entry as by `profiles_on`.

    Raises:
        Refused: the card does not list them.
    """
    request = codec.encode("ListNotificationRequest", {})
    entries = entries_of(context, context.isdr(channel).send("list_notification", request), "notificationMetadataList")
    return [entry for entry in entries if entry.keys() >= _MANDATORY]


def listed_profiles(context: Context) -> list[Profile]:
    """All profiles with everything: as the card lists them, or as is known; raises Refused."""
    holding = context.session.knowledge.holding
    if holding.metadata is not None:
        there, nicknames = held_profiles(context), held_nicknames(context)
        if all(profile.iccid in holding.metadata for profile in there):
            return [_merged(holding.metadata[each.iccid], each, nicknames.get(each.iccid, "")) for each in there]
    found = profiles_on(context)
    holding.metadata = {profile.iccid: profile.info for profile in found}
    holding.profiles, holding.assumed = [profile.info for profile in found], False
    holding.nicknames = _nicknames(found)
    return found


def _merged(metadata: dict[str, Any], state: Profile, nickname: str) -> Profile:
    """A profile with its state and nickname of now."""
    info = {name: value for name, value in metadata.items() if name not in ("profileState", "profileNickname")}
    now = {"profileState": state.info["profileState"]} if "profileState" in state.info else {}
    return Profile(info | now | ({"profileNickname": nickname} if nickname else {}))


def held_profiles(context: Context, *, assumed: bool = False) -> list[Profile]:
    """ICCID and state of all profiles: as the card lists them, or as is known; raises Refused.

    Args:
        assumed: while cleaning up: results of own functions count as well. The card is asked at the end of it.
    """
    holding = context.session.knowledge.holding
    if holding.profiles is None or (holding.assumed and not assumed):
        found = profiles_on(context, _STATE_TAGS)
        holding.profiles, holding.assumed = [profile.info for profile in found], False
        if holding.metadata is not None:
            # What is installed again later may be another one with the same ICCID.
            there = {profile.iccid for profile in found}
            holding.metadata = {iccid: info for iccid, info in holding.metadata.items() if iccid in there}
        return found
    return [Profile(info) for info in holding.profiles]


def held_nicknames(context: Context) -> dict[bytes, str]:
    """The nicknames of the profiles that have one, by ICCID: as the card lists them, or as is known; raises Refused."""
    holding = context.session.knowledge.holding
    if holding.nicknames is None:
        found = _nicknames(profiles_on(context, _NICKNAME_TAGS))
        holding.nicknames = found
        return found
    return holding.nicknames


def _nicknames(profiles: Iterable[Profile]) -> dict[bytes, str]:
    return {profile.iccid: name for profile in profiles if (name := str(profile.info.get("profileNickname", "")))}


def assume(context: Context, profiles: Iterable[Profile]) -> None:
    """The profiles are these now, by the result of a function that changed them."""
    holding = context.session.knowledge.holding
    holding.profiles, holding.assumed = [profile.info for profile in profiles], True


def held_notifications(context: Context) -> list[dict[str, Any]]:
    """Metadata of the pending notifications: as the card lists them, or as is known; raises Refused."""
    holding = context.session.knowledge.holding
    if holding.notifications is None:
        found = pending_on(context)
        holding.notifications = found
        return found
    return holding.notifications


def held_address(context: Context) -> str:
    """The default SM-DP+ address, empty where there is none: as the card says, or as is known; raises Es10Error."""
    holding = context.session.knowledge.holding
    if holding.address is None:
        found = context.isdr().get_euicc_configured_addresses().get("defaultDpAddress", "")
        holding.address = found
        return str(found)
    return holding.address


def remove_notification(context: Context, number: int) -> int:
    """Remove a notification; returns the result code. That no other one goes with it is known of a call that succeeds.

    Raises:
        Es10Error: the eUICC gives no result.
    """
    known = context.session.knowledge.holding.notifications
    code = context.isdr().remove_notification_from_list(number)
    if code == 0 and known is not None:
        context.session.knowledge.holding.notifications = [
            entry for entry in known if int(entry["seqNumber"]) != number
        ]
    return code


def enabled_on(context: Context) -> Profile | None:
    """The enabled profile, if there is one."""
    return enabled_of(held_profiles(context))


def enabled_of(profiles: Iterable[Profile]) -> Profile | None:
    """The enabled one of these profiles, if there is one."""
    return next((profile for profile in profiles if profile.enabled), None)


def switch(context: Context, profile: Profile, *, enable: bool, refresh: bool = False) -> None:
    """Enable or disable a profile, with permission.

    Raises:
        NotPermitted: the card must not be changed.
        InconclusiveError: the eUICC refuses.
    """
    verb = "enable" if enable else "disable"
    context.change(f"to {verb} the profile {profile.iccid.hex()}")
    manager, known = manager_of(context), context.session.knowledge.holding.profiles
    try:
        call = manager.enable if enable else manager.disable
        code = call(context, profile.iccid, refresh=refresh)
    except Es10Error as error:
        raise Refused(f"cannot {verb} the profile {profile.iccid.hex()}: {error}") from error
    if code != 0:
        raise Refused(f"cannot {verb} the profile {profile.iccid.hex()}: the eUICC answered {to_json(code)}")
    if known is not None:
        # Of several profiles one is enabled (SGP.22 2.4.1).
        assume(context, (_switched(Profile(info), profile.iccid, enable=enable) for info in known))


def _switched(profile: Profile, iccid: bytes, *, enable: bool) -> Profile:
    if profile.iccid == iccid:
        return Profile(profile.info | {"profileState": int(enable)})
    return Profile(profile.info | {"profileState": 0}) if enable and profile.enabled else profile


def fresh_isdr(context: Context) -> Isdr:
    """The ISD-R after a reset: clean-up does not rely on what steps left, but on what clean-up itself did since."""
    knowledge = context.session.knowledge
    channel = knowledge.usable
    if channel is None:
        context.reset(start=False)
        context.card.announce_terminal()
        knowledge.isdr_selected(context.select_isdr(DEFAULT_CHANNEL))
    else:
        context.channels = {DEFAULT_CHANNEL: channel}
    return context.isdr()


def _enabled_after_reset(context: Context) -> Profile | None:
    fresh_isdr(context)
    return enabled_of(held_profiles(context, assumed=True))


def put_back_enabled(context: Context, before: Profile | None) -> None:
    """Make the profile that was enabled the enabled one again, unless a comparison of the whole card will."""
    if context.compared_afterwards:
        return
    what = f"{before.iccid.hex()} is not enabled again" if before else "a profile is enabled that was not"
    with context.undoing(what):
        now = _enabled_after_reset(context)
        if before is not None and (now is None or now.iccid != before.iccid):
            switch(context, before, enable=True)
        elif before is None and now is not None:
            switch(context, now, enable=False)


def by_iccid(context: Context, iccid: bytes) -> Profile:
    """An installed profile.

    Raises:
        InconclusiveError: the card does not list it.
    """
    for profile in listed_profiles(context):
        if profile.iccid == iccid:
            return profile
    raise Refused(f"the profile {iccid.hex()} was installed but is not listed")
