"""States of an IoT eUICC: profiles that packages bring into their state (SGP.32 3.3, 3.5)."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.arguments import Makes, SaveAs
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import VectorMistake
from pytest_euicc.conformance.engine.installed import (
    forget_notifications,
    installed_by_tester,
    refuse_irreversible,
    remove,
)
from pytest_euicc.conformance.engine.profiles import TAGS, Profile, ProfilesInUse, fresh_isdr
from pytest_euicc.conformance.engine.registry import state
from pytest_euicc.interfaces.download.whole import install
from pytest_euicc.interfaces.es10.states import owner_for
from pytest_euicc.interfaces.es10b_iot.eims import associate, certificates_of
from pytest_euicc.interfaces.es10b_iot.leftovers import end_emergency, note, take_off
from pytest_euicc.interfaces.es10b_iot.listed import are_unknown, eims_listed, profiles_listed
from pytest_euicc.interfaces.es10b_iot.package import run_package
from pytest_euicc.peers.eim.peer import EimPeers

_STATES = bytes.fromhex("5A 9F70")
_IOT_TAGS = TAGS + bytes.fromhex("9F7B 9F26 9F67")
_EVENTS = ["notificationInstall", "notificationEnable", "notificationDisable", "notificationDelete"]
_AFTERWARDS = "eIM that puts back"
Rules = Annotated[
    frozenset[Literal["ppr1", "ppr2"]] | None,
    BeforeValidator(
        lambda value: [] if value == "none" else value,
        json_schema_input_type=list[Literal["ppr1", "ppr2"]] | Literal["none"] | None,
    ),
]


@state("iot_profile", implies=("isdr_selected",))
def iot_profile(
    context: Context,
    *,
    state: Literal["enabled", "disabled"] = "disabled",
    class_: Literal["operational", "test"] = "operational",
    ppr: Rules = frozenset(),
    addresses: int | None = 1,
    fallback_allowed: bool | None = None,
    ecall: bool | None = None,
    fallback: bool = False,
    as_: Annotated[SaveAs, Makes("profile")] = "profile",
) -> Generator[None, None, None]:
    """A profile with these properties, brought into its state by packages of the first associated eIM.

    Args:
        state: enabled or disabled.
        class: of the profile.
        ppr: its Profile Policy Rules; none by default.
        addresses: to how many addresses each of its events goes.
        fallback_allowed: fallbackAllowed of its metadata; left out by default.
        ecall: ecallIndication of its metadata; left out by default.
        fallback: it has the fallback attribute.
        as: name of the profile; ``$profile.iccid`` and ``.addresses`` are saved under it.
    """
    rules: frozenset[str] = ppr or frozenset()
    before = _enabled(context)
    if class_ == "operational":
        refuse_irreversible(context, rules, lambda: profiles_listed(context, _IOT_TAGS), enabled=state == "enabled")
    chosen = _choose(context, class_, rules, addresses, fallback_allowed, ecall)
    eim_name = next(iter(context.part(EimPeers).by_name), None)
    if chosen.enabled is not (state == "enabled"):
        if eim_name is None:
            raise VectorMistake("profiles are enabled by packages; name eim_associated before iot_profile in given")
        operation = "enable" if state == "enabled" else "disable"
        run_package(context, eim_name, psmo=[psmo(operation, {"iccid": chosen.iccid})])
    if fallback and eim_name is not None:
        run_package(context, eim_name, psmo=[psmo("setFallbackAttribute", {"iccid": chosen.iccid})])
    forget_notifications(context, chosen.iccid)
    context.save(as_, chosen.saved())
    yield
    _put_back(context, eim_name, chosen.iccid, before, fallback=fallback)


def psmo(name: str, value: Any) -> bytes:
    """An operation of a package."""
    return codec.encode("Psmo", (name, value))


def _choose(
    context: Context,
    class_: str,
    rules: frozenset[str],
    addresses: int | None,
    fallback_allowed: bool | None,
    ecall: bool | None,
) -> Profile:
    """A profile that fits and no other name has, or one that is downloaded for it."""
    in_use = context.part(ProfilesInUse).iccids
    for profile in profiles_listed(context, _IOT_TAGS):
        wanted = (
            profile.iccid not in in_use
            and profile.profile_class == class_
            and profile.info.get("fallbackAllowed") is fallback_allowed
            and profile.info.get("ecallIndication") is ecall
            and _tells_as_wanted(profile, rules, addresses)
        )
        if wanted:
            in_use.add(profile.iccid)
            return profile
    metadata: dict[str, Any] = {"profileClass": class_}
    metadata["notificationConfigurationInfo"] = [
        {"profileManagementOperation": {"bits": _EVENTS}, "notificationAddress": f"smdp{number}.example.com"}
        for number in range(addresses or 0)
    ] or {"absent": True}
    metadata |= {} if fallback_allowed is None else {"fallbackAllowed": fallback_allowed}
    metadata |= {} if ecall is None else {"ecallIndication": ecall}
    if rules:
        metadata |= {"profilePolicyRules": {"bits": sorted(rules)}, "profileOwner": owner_for(context, rules)}
    iccid = install(context, metadata)
    in_use.add(iccid)
    return next(profile for profile in profiles_listed(context, _IOT_TAGS) if profile.iccid == iccid)


def _tells_as_wanted(profile: Profile, rules: frozenset[str], addresses: int | None) -> bool:
    """Rules and addresses; if the card does not report them, any profile will do where no particular one is needed."""
    if are_unknown(profile):
        return not rules and addresses == 1
    reported = all(profile.addresses[event] == addresses for event in ("enable", "disable", "delete"))
    return profile.rules == rules and reported


def _enabled(context: Context) -> bytes | None:
    return next((profile.iccid for profile in profiles_listed(context, _STATES) if profile.enabled), None)


@contextmanager
def eim_at_hand(context: Context, preferred: str | None = None) -> Iterator[str]:
    """Name of an eIM of the tester's that is associated; where none is, one becomes it for the time this takes.

    Args:
        preferred: used where it is associated.

    Raises:
        Refused: others are associated, so that the tester's cannot be.
    """
    peers, there = context.part(EimPeers), eims_listed(context)
    names = [name for name, peer in peers.by_name.items() if peer.eim_id in there]
    if names:
        yield preferred if preferred in names else names[0]
        return
    certificates_of(context)
    peer = peers.new(_AFTERWARDS)
    note(context, peer)
    associate(context, peer, peer.configuration())
    try:
        yield _AFTERWARDS
    finally:
        take_off(context, peer)


def _put_back(context: Context, name: str | None, iccid: bytes, before: bytes | None, *, fallback: bool) -> None:
    """The profile that was enabled is enabled again, and the tester's is deleted, by packages."""
    end_emergency(context)
    with context.undoing(f"the profile {iccid.hex()} is not as it was"):
        fresh_isdr(context)
        if iccid in installed_by_tester(context):
            remove(context, iccid, enabled=_enabled(context) == iccid)
            installed_by_tester(context).remove(iccid)
        fresh_isdr(context)
        there = {profile.iccid: profile for profile in profiles_listed(context, _STATES)}
        now = _enabled(context)
        operations = []
        if now != before and now is not None:
            operations.append(psmo("disable", {"iccid": now}))
        if before is not None and before in there and now != before:
            operations.append(psmo("enable", {"iccid": before}))
        if fallback and iccid in there:
            operations.append(psmo("unsetFallbackAttribute", {}))
        if operations:
            with eim_at_hand(context, name) as eim_name:
                for operation in operations:
                    run_package(context, eim_name, psmo=[operation])
        forget_notifications(context, iccid)


@state("no_enabled_iot_profile", implies=("isdr_selected",))
def no_enabled_iot_profile(context: Context) -> Generator[None, None, None]:
    """No profile is enabled; an enabled one is disabled by a package of the first associated eIM."""
    before = _enabled(context)
    name = next(iter(context.part(EimPeers).by_name), None)
    if before is not None and name is not None:
        run_package(context, name, psmo=[psmo("disable", {"iccid": before})])
    elif before is not None:
        raise VectorMistake("profiles are disabled by packages; name eim_associated in given")
    yield
    if before is not None and name is not None:
        _put_back(context, name, b"", before, fallback=False)


@state("package_result_kept", implies=("eim_associated",))
def package_result_kept(context: Context, *, as_: SaveAs = "result") -> Generator[None, None, None]:
    """The result of a package that lists the profiles is kept by the eUICC.

    Args:
        as: ``$result.seqNumber`` and ``.octets`` are saved under it.
    """
    name = next(iter(context.part(EimPeers).by_name))
    run_package(context, name, psmo=[psmo("listProfileInfo", {})])
    number, octets = list(context.part(EimPeers).answers.items())[-1]
    context.save(as_, {"seqNumber": number, "octets": octets})
    yield
