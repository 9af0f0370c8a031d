"""The profiles on a card as states need them: read, choose, bring into a state, put back."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.conformance.engine.context import DEFAULT_CHANNEL, Context, ProfileWish
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.values.text import to_json
from pytest_euicc.es10.isdr import Es10Error, Isdr
from pytest_euicc.rsp.rat import rule_names

# Every tag of ProfileInfo that a v2 eUICC of any version knows (SGP.22 5.7.15).
TAGS = bytes.fromhex("5A 4F 9F70 90 91 92 93 94 95 B6 B7 B8 99")
_STATE_TAGS = bytes.fromhex("5A 9F70")
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
        """``test``, ``provisioning`` or ``operational``, which also stands for none given."""
        number = self.info.get("profileClass")
        return "operational" if number is None else ("test", "provisioning", "operational")[int(number)]

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


def profiles_on(isdr: Isdr, tags: bytes = TAGS) -> list[Profile]:
    """All profiles of the card, with what the tags ask for.

    Raises:
        InconclusiveError: the card does not list them.
    """
    try:
        name, value = isdr.get_profiles_info({"tagList": tags})
    except Es10Error as error:
        raise Refused(f"the profiles cannot be listed: {error}") from error
    if name != "profileInfoListOk":
        raise Refused(f"the profiles cannot be listed: {name} {value}")
    return [Profile(info) for info in value]


def enabled_on(isdr: Isdr) -> Profile | None:
    """The enabled profile, if there is one; no more than its ICCID is asked for, which is a fraction of the list."""
    return next((profile for profile in profiles_on(isdr, _STATE_TAGS) if profile.enabled), None)


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


def put_back_enabled(context: Context, before: Profile | None) -> None:
    """Make the profile that was enabled the enabled one again."""
    what = f"{before.iccid.hex()} is not enabled again" if before else "a profile is enabled that was not"
    with context.undoing(what):
        now = enabled_on(fresh_isdr(context))
        if before is not None and (now is None or now.iccid != before.iccid):
            switch(context, before, enable=True)
        elif before is None and now is not None:
            switch(context, now, enable=False)


def by_iccid(context: Context, iccid: bytes) -> Profile:
    """An installed profile.

    Raises:
        InconclusiveError: the card does not list it.
    """
    for profile in profiles_on(context.isdr()):
        if profile.iccid == iccid:
            return profile
    raise Refused(f"the profile {iccid.hex()} was installed but is not listed")
