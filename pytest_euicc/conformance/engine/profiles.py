"""The profiles on a card as states need them: read, choose, bring into a state, put back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.context import DEFAULT_CHANNEL, Context, ProfileWish
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.lists import entries_of
from pytest_euicc.conformance.files.observations import UNREADABLE_ENTRY
from pytest_euicc.conformance.values.text import describe, to_json
from pytest_euicc.es10.isdr import Es10Error, Isdr
from pytest_euicc.rsp.rat import rule_names

# Every tag of ProfileInfo that a v2 eUICC of any version knows (SGP.22 5.7.15).
TAGS = bytes.fromhex("5A 4F 9F70 90 91 92 93 94 95 B6 B7 B8 99")
_STATE_TAGS = bytes.fromhex("5A 9F70")
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


def enabled_on(context: Context) -> Profile | None:
    """The enabled profile, if there is one; no more than its ICCID is asked for, which is a fraction of the list."""
    return next((profile for profile in profiles_on(context, _STATE_TAGS) if profile.enabled), None)


def switch(context: Context, profile: Profile, *, enable: bool, refresh: bool = False) -> None:
    """Enable or disable a profile, with permission.

    Raises:
        NotPermitted: the card must not be changed.
        InconclusiveError: the eUICC refuses.
    """
    verb = "enable" if enable else "disable"
    context.change(f"to {verb} the profile {profile.iccid.hex()}")
    isdr = context.isdr()
    try:
        call = isdr.enable_profile if enable else isdr.disable_profile
        code = call(profile.iccid, refresh=refresh)
    except Es10Error as error:
        raise Refused(f"cannot {verb} the profile {profile.iccid.hex()}: {error}") from error
    if code != 0:
        raise Refused(f"cannot {verb} the profile {profile.iccid.hex()}: the eUICC answered {to_json(code)}")


def fresh_isdr(context: Context) -> Isdr:
    """The ISD-R after a reset: clean-up does not rely on what steps left."""
    context.reset()
    context.select_isdr(DEFAULT_CHANNEL)
    return context.isdr()


def _enabled_after_reset(context: Context) -> Profile | None:
    fresh_isdr(context)
    return enabled_on(context)


def put_back_enabled(context: Context, before: Profile | None) -> None:
    """Make the profile that was enabled the enabled one again."""
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
    for profile in profiles_on(context):
        if profile.iccid == iccid:
            return profile
    raise Refused(f"the profile {iccid.hex()} was installed but is not listed")
