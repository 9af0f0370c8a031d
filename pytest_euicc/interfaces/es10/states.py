"""States of profiles, notifications and addresses, reached through ES10."""

from __future__ import annotations

from collections.abc import Generator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.conformance.engine.arguments import Makes, SaveAs, Uses
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import NotPermitted, Refused, VectorMistake
from pytest_euicc.conformance.engine.installed import choose, delete_installed, installed_by_tester, provide
from pytest_euicc.conformance.engine.profiles import (
    Profile,
    by_iccid,
    enabled_of,
    enabled_on,
    fresh_isdr,
    held_address,
    held_notifications,
    held_profiles,
    listed_profiles,
    pending_on,
    profiles_on,
    put_back_enabled,
    remove_notification,
    switch,
)
from pytest_euicc.conformance.engine.registry import state
from pytest_euicc.conformance.engine.wishes import ProfileWish
from pytest_euicc.conformance.files.observations import NOT_RESTORED
from pytest_euicc.conformance.values.text import to_json
from pytest_euicc.es10.isdr import Es10Error
from pytest_euicc.rsp.rat import authorises, rule_names

Rule = Literal["ppr1", "ppr2"]
Rules = Annotated[
    list[Rule] | None,
    BeforeValidator(
        lambda value: [] if value == "none" else value, json_schema_input_type=list[Rule] | Literal["none"] | None
    ),
]
NotifiedEvent = Literal["install", "enable", "disable", "delete"]
_NOTHING_TO_DELETE = 1
TextOrNone = Annotated[str, BeforeValidator(lambda value: "" if value == "none" else value, json_schema_input_type=str)]


@state("profile", implies=("isdr_selected",))
def profile(
    context: Context,
    *,
    state: Literal["enabled", "disabled"] = "disabled",
    class_: Literal["operational", "test", "provisioning"] = "operational",
    ppr: Rules = None,
    icon: bool | None = None,
    notify: list[NotifiedEvent] | None = None,
    addresses: int | None = None,
    as_: Annotated[SaveAs, Makes("profile")] = "profile",
) -> Generator[None, None, None]:
    """A profile with these properties, enabled or disabled.

    A profile that the card lacks is downloaded by the tester and deleted afterwards. Different ``as`` names are
    different profiles. If the Rules Authorisation Table allows the rules to nobody, the sequence is not applicable.

    Args:
        state: enabled or disabled.
        class: profileClass.
        ppr: Profile Policy Rules, or ``none``; any if left out.
        icon: whether it has an icon; either way if left out.
        notify: events that are to be notified.
        addresses: to how many addresses each of these events (or every event) is notified.
        as: saves ``iccid``, ``aid``, ``name``, ``class``, ``provider``, ``ppr``, ``notify``, ``owner`` and so on, as
            far as the card reports them.
    """
    wanted = state == "enabled"
    rules = None if ppr is None else frozenset[str](ppr)
    wish = ProfileWish(class_, rules, icon, frozenset(notify or ()), addresses)
    listed, there = listed_profiles(context), len(installed_by_tester(context))
    before, chosen = enabled_of(listed), choose(context, wish, listed, enabled=wanted)
    moved = chosen.enabled is not wanted
    if moved and wanted and "ppr1" in chosen.rules and chosen.iccid not in installed_by_tester(context):
        _check_reversible(context, chosen)
    if moved:
        switch(context, chosen, enable=wanted)
    context.save(as_, chosen.saved())
    yield
    delete_installed(context, there, enabled=wanted)
    if moved:
        put_back_enabled(context, before)


def _check_reversible(context: Context, profile: Profile) -> None:
    """A profile with PPR1 that is not the tester's would stay enabled for good (SGP.22 2.9.1)."""
    if not context.session.puts_back_whole:
        raise NotPermitted(
            f"the profile {profile.iccid.hex()} has PPR1 and could not be disabled again; "
            "declare restore: with the commands that restore the card"
        )


@state("no_enabled_profile", implies=("isdr_selected",))
def no_enabled_profile(context: Context) -> Generator[None, None, None]:
    """No profile is enabled."""
    before = enabled_on(context)
    if before is not None:
        switch(context, before, enable=False)
    yield
    if before is not None:
        put_back_enabled(context, before)


_POLLS = 2


@state("proactive_session", implies=("isdr_selected",))
def proactive_session(context: Context, *, profile: Annotated[str, Uses("profile")]) -> Generator[None, None, None]:
    """A proactive session is in progress: the REFRESH after enabling a profile has not been fetched.

    ``card.fetch`` ends it.

    Args:
        profile: the name of a profile, which is enabled with refreshFlag.
    """
    before = enabled_on(context)
    chosen = by_iccid(context, _named(context, profile)["iccid"])
    context.card.hold_proactive()
    try:
        switch(context, chosen, enable=True, refresh=True)
        for _ in range(_POLLS):
            if context.card.held is None:
                # The card may announce it only when it is asked (ETSI TS 102 221 14.5.2); P2 0C: no data in return.
                context.card.basic.send(CommandApdu(0x80, 0xF2, 0x00, 0x0C))
        if context.card.held is None:
            raise Refused("enabling a profile with refreshFlag announced no proactive command (91xx)")
        yield
    finally:
        context.card.release_proactive()
    put_back_enabled(context, before)


@state("no_profiles", implies=("isdr_selected",))
def no_profiles(context: Context) -> Generator[None, None, None]:
    """No profile is installed.

    Deletes the profiles of the card: needs permission on a real card.
    """
    there = listed_profiles(context)
    if there:
        context.change("to delete every profile")
        if not context.session.puts_back_whole and any(each.profile_class == "provisioning" for each in there):
            raise NotPermitted(
                "the card's provisioning profile would be gone, which comes from its manufacturer alone; "
                "declare restore: with the commands that restore the card"
            )
        foreign = (profile for profile in there if profile.iccid not in installed_by_tester(context))
        for each in foreign:
            context.observe(NOT_RESTORED, f"the profile {each.iccid.hex()} was deleted")
        # A memory reset spares provisioning profiles and test profiles of the manufacturer (SGP.22 5.7.19).
        options = _reset_options(there)
        _ask("delete every profile", context.isdr().euicc_memory_reset, *options, harmless=_NOTHING_TO_DELETE)
        for profile in profiles_on(context):
            if profile.enabled:
                switch(context, profile, enable=False)
            _ask(f"delete the profile {profile.iccid.hex()}", context.isdr().delete_profile, profile.iccid)
    yield


def _reset_options(there: list[Profile]) -> list[str]:
    options = ["deleteOperationalProfiles"]
    if any(profile.profile_class == "test" for profile in there):
        options.append("deleteFieldLoadedTestProfiles")
    return options


def _ask(what: str, call: Any, *arguments: Any, harmless: int = 0) -> None:
    """Call a function of the ISD-R whose result must be ok(0), or one that is as good."""
    try:
        code = call(*arguments)
    except Es10Error as error:
        raise Refused(f"cannot {what}: {error}") from error
    if code not in (0, harmless):
        raise Refused(f"cannot {what}: the eUICC answered {to_json(code)}")


@state("profiles", implies=("isdr_selected",))
def profiles(context: Context, *, count: int, as_: SaveAs = "profiles") -> Generator[None, None, None]:
    """At least this number of profiles is installed.

    Args:
        count: the number of profiles; missing ones are downloaded by the tester.
        as: saves a list with what ``profile`` saves.
    """
    before = len(installed_by_tester(context))
    there = listed_profiles(context)
    there += [provide(context, ProfileWish()) for _ in range(count - len(there))]
    context.save(as_, [profile.saved() for profile in there])
    yield
    delete_installed(context, before)


@state("no_notifications", implies=("isdr_selected",))
def no_notifications(context: Context) -> Generator[None, None, None]:
    """No notification is pending.

    Removes pending notifications: needs permission on a real card.
    """
    for entry in held_notifications(context):
        number = int(entry["seqNumber"])
        context.change(f"to remove the pending notification {number}")
        _ask(f"remove the notification {number}", remove_notification, context, number)
        if entry.get("iccid") not in installed_by_tester(context):
            context.observe(NOT_RESTORED, f"the notification {number} was removed unsent")
    yield


@state("notification", implies=("isdr_selected",))
def notification(
    context: Context,
    *,
    event: Literal["enable", "disable", "delete"] = "enable",
    as_: SaveAs = "notification",
) -> Generator[None, None, None]:
    """A notification is pending, caused by its event. Others stay pending.

    Args:
        event: what happens to a profile.
        as: saves ``seqNumber``, ``address``, ``iccid`` and ``event``.
    """
    known = {int(entry["seqNumber"]) for entry in pending_on(context)}
    listed, there = listed_profiles(context), len(installed_by_tester(context))
    wish = ProfileWish(notify=frozenset({event}), ppr=frozenset())
    before, chosen = enabled_of(listed), choose(context, wish, listed, enabled=event == "disable")
    iccid = chosen.iccid
    if event == "delete":
        if chosen.enabled:
            switch(context, chosen, enable=False)
        context.change(f"to delete the profile {iccid.hex()}")
        _ask(f"delete the profile {iccid.hex()}", context.isdr().delete_profile, iccid)
        if iccid not in installed_by_tester(context):
            context.observe(NOT_RESTORED, f"the profile {iccid.hex()} was deleted")
    else:
        if chosen.enabled is (event == "enable"):
            switch(context, chosen, enable=event != "enable")
            known |= {int(entry["seqNumber"]) for entry in pending_on(context)}
        switch(context, chosen, enable=event == "enable")
    new = [
        entry for entry in pending_on(context) if int(entry["seqNumber"]) not in known and entry.get("iccid") == iccid
    ]
    if not new:
        raise Refused(f"{event} of the profile {iccid.hex()} led to no notification")
    entry = new[0]
    context.save(
        as_,
        {"seqNumber": entry["seqNumber"], "address": entry["notificationAddress"], "iccid": iccid, "event": event},
    )
    yield
    delete_installed(context, there)
    if event != "delete":
        put_back_enabled(context, before)


@state("default_address", implies=("isdr_selected",))
def default_address(context: Context, *, value: TextOrNone) -> Generator[None, None, None]:
    """The default SM-DP+ address is set, or there is none.

    Args:
        value: the address, or ``none``.
    """
    try:
        before = held_address(context)
    except Es10Error as error:
        raise Refused(f"the addresses cannot be read: {error}") from error
    if before != value:
        context.change("to set the default SM-DP+ address")
        _ask("set the default SM-DP+ address", context.isdr().set_default_dp_address, value)
    yield
    with context.undoing(f"the default SM-DP+ address is not {before!r} again"):
        isdr = fresh_isdr(context)
        if held_address(context) != before:
            _ask("set the default SM-DP+ address", isdr.set_default_dp_address, before)


@state("nickname", implies=("isdr_selected",))
def nickname(
    context: Context, *, profile: Annotated[str, Uses("profile")], value: TextOrNone
) -> Generator[None, None, None]:
    """A profile has a nickname, or none.

    Args:
        profile: the name of a profile.
        value: the nickname, or ``none``.
    """
    named = _named(context, profile)
    before = named.get("nickname", "")
    if before != value:
        context.change("to set a nickname")
        _ask("set the nickname", context.isdr().set_nickname, named["iccid"], value)
    yield
    with context.undoing(f"the nickname of {named['iccid'].hex()} is not {before!r} again"):
        if profiles_have(context, named["iccid"]):
            _ask("set the nickname", context.isdr().set_nickname, named["iccid"], before)


def _named(context: Context, name: str) -> dict[str, Any]:
    """What was saved of a profile that has a name here."""
    named = context.variables.get(name)
    if not isinstance(named, dict) or "iccid" not in named:
        raise VectorMistake(f"there is no profile named {name!r}; name one by the state profile: {{as: {name}}}")
    return named


def profiles_have(context: Context, iccid: bytes) -> bool:
    """Whether a profile is still there, asked after a reset."""
    fresh_isdr(context)
    return any(profile.iccid == iccid for profile in held_profiles(context, assumed=True))


def owner_for(context: Context, rules: frozenset[str]) -> dict[str, Any]:
    """A profileOwner for which the eUICC takes a profile with these rules (SGP.22 2.9.3.1).

    Raises:
        NotPermitted: its Rules Authorisation Table or EUICCInfo2 rules them out.
        InconclusiveError: the card does not say.
    """
    isdr = context.isdr()
    try:
        rat, info = isdr.get_rat(), isdr.get_euicc_info2()
    except Es10Error as error:
        raise Refused(f"the Rules Authorisation Table cannot be read: {error}") from error
    shown = " and ".join(sorted(rules))
    if rules & rule_names(info.get("forbiddenProfilePolicyRules", (b"", 0))):
        raise NotPermitted(f"the eUICC forbids profiles with {shown} (SGP.22 5.7.8, forbiddenProfilePolicyRules)")
    operators = [operator for entry in rat for operator in entry["allowedOperators"]]
    for operator in operators:
        # Digit E stands for any: 1 is one of those.
        owner = operator | {"mccMnc": bytes.fromhex(operator["mccMnc"].hex().replace("e", "1"))}
        if all(authorises(rat, rule, owner) for rule in rules):
            return dict(owner)
    raise NotPermitted(f"no operator of the Rules Authorisation Table may have profiles with {shown} (SGP.22 2.9.2.1)")
