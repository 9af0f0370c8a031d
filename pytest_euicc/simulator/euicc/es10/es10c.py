"""ES10c on the eUICC: local profile management (SGP.22 5.7.15 to 5.7.21)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.simulator.euicc.core import REFRESH_PROFILE_STATE_CHANGE, REFRESH_UICC_RESET, EuiccCore
from pytest_euicc.simulator.euicc.state import Profile, encode_profile_info
from pytest_euicc.simulator.euicc.variants import lists

_ICON = b"\x94"
_DEFAULT_TAGS = [b"\x5a", b"\x4f", b"\x9f\x70", b"\x90", b"\x91", b"\x92", b"\x93", _ICON, b"\x95"]
"""SGP.22 5.7.15: what comes without a tag list."""

_PPR1, _PPR2 = 1, 2
_OPERATIONAL = 2
_V2_2_2 = b"\x02\x02\x02"
_MAXIMUM_NICKNAME = 64
"""Characters: the SIZE of a UTF8String counts them, not octets (X.680 51.5)."""

_RESET_OPTIONS = ("deleteOperationalProfiles", "deleteFieldLoadedTestProfiles", "resetDefaultSmdpAddress")


def get_profiles_info(core: EuiccCore, request: bytes) -> bytes:
    """Profiles that match the criteria, with the fields of the tag list."""
    try:
        value = codec.decode("ProfileInfoListRequest", request)
    except codec.Asn1Error:
        if not core.defective("malformed-criteria-list-all"):
            raise
        value = {}
    profiles: list[Profile] = list(core.state.profiles)
    criteria = value.get("searchCriteria")
    if criteria is not None and not core.defective("ignores-search-criteria"):
        kind, wanted = criteria
        if kind == "profileClass":
            ignored = core.defective("ignores-class-criterion")
            profiles = [profile for profile in profiles if ignored or profile.profile_class == wanted]
        else:
            found = core.find((kind, wanted))
            profiles = [found] if found else []
            if not found and core.defective("unknown-iccid-is-error"):
                return codec.encode("ProfileInfoListResponse", ("profileInfoListError", "incorrectInputValues"))
    if not core.state.profiles and core.defective("no-profile-is-error"):
        return codec.encode("ProfileInfoListResponse", ("profileInfoListError", "undefinedError"))
    tags: list[bytes] | None = [tag for tag in _DEFAULT_TAGS if tag not in _omitted(core)]
    if "tagList" in value and not core.defective("ignores-tag-list"):
        tags = split_tags(value["tagList"])
    if tags is None:
        return codec.encode("ProfileInfoListResponse", ("profileInfoListError", "incorrectInputValues"))
    if core.defective("always-gives-icon"):
        tags = [*tags, _ICON]
    if core.defective("omits-default-icon") and "tagList" not in value:
        tags = [tag for tag in tags if tag != _ICON]
    if core.defective("always-disabled") or (core.channel != 1 and core.defective("states-of-channel-1")):
        profiles = [replace(profile, enabled=False) for profile in profiles]
    if core.varies("newest-profile-first"):
        profiles.reverse()
    if core.varies("enabled-profile-first"):
        profiles.sort(key=lambda profile: not profile.enabled)
    listed = [encode_profile_info(profile, tags) for profile in profiles]
    if listed and core.settings.svn < _V2_2_2 and core.varies("class-left-out"):
        listed = [{k: v for k, v in info.items() if (k, v) != ("profileClass", _OPERATIONAL)} for info in listed]
    octets = codec.encode("ProfileInfoListResponse", ("profileInfoListOk", listed))
    if core.variants and listed and "tagList" not in value:
        infos = tlv.parse(octets).children()[0].children()
        octets = tlv.encode(
            0xBF2D, tlv.encode(0xA0, b"".join(lists.vary_profile_info(info.octets, core.varies) for info in infos))
        )
    return octets


def _omitted(core: EuiccCore) -> list[bytes]:
    """Default tags that are left out; none without a defect."""
    named = {"omits-default-nickname": b"\x90", "omits-default-name": b"\x92"}
    return [tag for name, tag in named.items() if core.defective(name)]


def split_tags(octets: bytes) -> list[bytes] | None:
    """The tags of a tag list; None if the last one is cut off."""
    tags, at = [], 0
    while at < len(octets):
        end = at + 1
        if octets[at] & 0x1F == 0x1F:
            while end < len(octets) and octets[end] & 0x80:
                end += 1
            end += 1
        if end > len(octets):
            return None
        tags.append(octets[at:end])
        at = end
    return tags


def enable_profile(core: EuiccCore, request: bytes) -> bytes:
    """Enable a profile in the place of the one that is enabled (SGP.22 5.7.16)."""
    value = codec.decode("EnableProfileRequest", request)
    result = _enable(core, value["profileIdentifier"], refresh=value["refreshFlag"])
    return codec.encode("EnableProfileResponse", {"enableResult": result})


def _enable(core: EuiccCore, identifier: tuple[str, bytes], *, refresh: bool) -> str:
    core.finish_switch()
    target, current = core.find(identifier), core.state.enabled
    if core.busy and (target is not None or not core.varies("profile-before-busy")):
        return "catBusy"
    if target is None:
        return "undefinedError" if core.defective("enable-unknown-is-undefined") else "iccidOrAidNotFound"
    if target.enabled and target.has_rule(_PPR1) and core.varies("rule-before-state-to-enable"):
        return "disallowedByPolicy"
    if target.enabled:
        return "ok" if core.defective("enable-again-is-ok") else "profileNotInDisabledState"
    if current is not None and (refused := _may_replace(core, current, target)):
        return refused
    if core.defective("enable-has-no-effect"):
        return "ok"
    core.switch(lambda: _switch_on(core, target.aid), refresh=refresh)
    _ask_refresh(core, refresh)
    return "ok"


def _switch_on(core: EuiccCore, aid: bytes) -> None:
    target, current = core.state.find(("isdpAid", aid)), core.state.enabled
    assert target is not None  # noqa: S101
    if current is not None:
        if not core.defective("enables-two"):
            core.replace_profile(current, enabled=False)
        if not core.defective("omits-disable-notification"):
            core.notify(current, "disable")
    core.state = replace(core.state, before_test=_pushed_aside(core, current, target))
    enabled = core.replace_profile(target, enabled=True)
    if not core.defective("omits-enable-notification"):
        core.notify(enabled, "enable")


def _pushed_aside(core: EuiccCore, current: Profile | None, target: Profile) -> bytes | None:
    """ICCID of the profile that comes back after a test profile, through any number of test profiles in a row."""
    if not target.is_test or current is None:
        return None
    if core.defective("second-test-profile-forgets"):
        return current.iccid
    return core.state.before_test if current.is_test else current.iccid


def _may_replace(core: EuiccCore, current: Profile, target: Profile) -> str:
    """Why the enabled profile must stay, or nothing (SGP.22 5.7.16, 3.2.1)."""
    if current.is_test and not target.is_test:
        # Under a test profile only the operational profile that it pushed aside may come back.
        before = core.state.before_test
        allowed = before in (None, target.iccid) or core.defective("any-profile-after-test")
        return "" if allowed else "wrongProfileReenabling"
    # PPR1 yields to a test profile (SGP.22 2.9.3.3) and to a provisioning profile (2.4.5.2).
    named = "ppr1-blocks-test-profile" if target.is_test else "ppr1-stops-provisioning"
    held = target.is_operational or core.defective(named)
    if current.has_rule(_PPR1) and held and not core.defective("ignores-ppr1"):
        return "disallowedByPolicy"
    return ""


def disable_profile(core: EuiccCore, request: bytes) -> bytes:
    """Disable the enabled profile (SGP.22 5.7.17)."""
    value = codec.decode("DisableProfileRequest", request)
    result = _disable(core, value["profileIdentifier"], refresh=value["refreshFlag"])
    return codec.encode("DisableProfileResponse", {"disableResult": result})


def _disable(core: EuiccCore, identifier: tuple[str, bytes], *, refresh: bool) -> str:
    core.finish_switch()
    target = core.find(identifier)
    if core.busy and (target is not None or not core.varies("profile-before-busy")):
        return "catBusy"
    if target is None:
        return "ok" if core.defective("disable-unknown-is-ok") else "iccidOrAidNotFound"
    if not target.enabled:
        return "ok" if core.defective("disable-again-is-ok") else "profileNotInEnabledState"
    if target.has_rule(_PPR1) and not core.defective("ignores-ppr1"):
        return "disallowedByPolicy"
    if core.defective("disable-has-no-effect"):
        return "ok"
    core.switch(lambda: _switch_off(core, target.aid), refresh=refresh)
    _ask_refresh(core, refresh)
    return "ok"


def _switch_off(core: EuiccCore, aid: bytes) -> None:
    target = core.state.find(("isdpAid", aid))
    assert target is not None  # noqa: S101
    core.replace_profile(target, enabled=False)
    core.disabled_last = target.aid
    if not core.defective("omits-disable-notification"):
        core.notify(target, "disable")
    _reenable(core, target)


def _reenable(core: EuiccCore, test_profile: Profile) -> None:
    """After a test profile the operational profile of before is enabled again (SGP.22 5.7.17)."""
    before = core.state.before_test
    if not test_profile.is_test or before is None or core.defective("test-profile-leaves-none"):
        return
    core.state = replace(core.state, before_test=None)
    profile = core.state.find(("iccid", before))
    if profile is not None:
        core.notify(core.replace_profile(profile, enabled=True), "enable")


def _ask_refresh(core: EuiccCore, refresh: bool) -> None:
    if (refresh and not core.defective("no-refresh")) or core.defective("always-refreshes"):
        core.refresh = REFRESH_PROFILE_STATE_CHANGE


def delete_profile(core: EuiccCore, request: bytes) -> bytes:
    """Delete a disabled profile (SGP.22 5.7.18)."""
    identifier = codec.decode("DeleteProfileRequest", request)
    core.finish_switch()
    target = core.find(identifier)
    result = "ok"
    if target is None:
        result = "ok" if core.defective("delete-unknown-is-ok") else "iccidOrAidNotFound"
    elif target.enabled and target.has_rule(_PPR2) and core.varies("rule-before-state-to-delete"):
        result = "disallowedByPolicy"
    elif target.enabled and not core.defective("deletes-enabled"):
        result = "profileNotInDisabledState"
    elif target.has_rule(_PPR2) and not core.defective("ignores-ppr2"):
        result = "disallowedByPolicy"
    elif not core.defective("delete-has-no-effect"):
        _remove(core, target)
        if core.defective("deletes-neighbours"):
            core.state = replace(core.state, profiles=tuple(p for p in core.state.profiles if p.enabled))
    return codec.encode("DeleteProfileResponse", {"deleteResult": result})


def _remove(core: EuiccCore, profile: Profile) -> None:
    core.state = core.state.without(profile)
    if core.varies("isdp-aids-not-again"):
        core.state = replace(core.state, former_aids=core.state.former_aids | {profile.aid})
    if core.varies("memory-back-at-reset"):
        core.state = replace(core.state, unreleased_memory=core.state.unreleased_memory + profile.memory)
    if core.defective("remembers-deleted-iccid"):
        core.state = replace(core.state, deleted=core.state.deleted | {profile.iccid})
    if core.defective("keeps-memory"):
        core.state = replace(core.state, lost_memory=core.state.lost_memory + profile.memory)
    if core.defective("delete-drops-notifications"):
        kept = tuple(entry for entry in core.state.notifications if entry.iccid != profile.iccid)
        core.state = replace(core.state, notifications=kept)
    if not core.defective("omits-delete-notification"):
        core.notify(profile, "delete")


def memory_reset(core: EuiccCore, request: bytes) -> bytes:
    """Delete what the options name, policy rules notwithstanding (SGP.22 5.7.19)."""
    octets, size = codec.decode("EuiccMemoryResetRequest", request)["resetOptions"]
    chosen = {name for bit, name in enumerate(_RESET_OPTIONS[:size]) if octets[bit // 8] >> (7 - bit % 8) & 1}
    return codec.encode("EuiccMemoryResetResponse", {"resetResult": _reset(core, chosen)})


def _reset(core: EuiccCore, chosen: set[str]) -> str:
    core.finish_switch()
    if core.busy:
        return "catBusy"
    doomed = [profile for profile in core.state.profiles if _is_doomed(profile, chosen)]
    if core.defective("reset-spares-ppr2"):
        doomed = [profile for profile in doomed if not profile.has_rule(_PPR2)]
    if core.defective("reset-spares-test-profiles"):
        doomed = [profile for profile in doomed if not profile.is_test]
    clears = "resetDefaultSmdpAddress" in chosen and not core.defective("reset-keeps-address")
    clears = clears or core.defective("reset-always-clears-address")
    address = clears and core.state.default_address != core.settings.default_address
    if not doomed and not address:
        return "ok" if core.defective("reset-nothing-is-ok") else "nothingToDelete"
    if any(profile.enabled for profile in doomed):
        core.refresh = REFRESH_UICC_RESET
    for profile in doomed:
        _remove(core, profile)
    if address:
        initial = "" if core.defective("reset-empties-address") else core.settings.default_address
        core.state = replace(core.state, default_address=initial)
    return "ok"


def _is_doomed(profile: Profile, chosen: set[str]) -> bool:
    if profile.is_test:
        return profile.field_loaded and "deleteFieldLoadedTestProfiles" in chosen
    return profile.is_operational and "deleteOperationalProfiles" in chosen


def get_euicc_data(core: EuiccCore, request: bytes) -> bytes:
    """The EID (SGP.22 5.7.20)."""
    tag_list = codec.decode("GetEuiccDataRequest", request)["tagList"]
    if tag_list != b"\x5a" and core.defective("eid-under-any-tag"):
        return tlv.encode(0xBF3E, tlv.encode(tag_list[0], core.settings.eid))
    if tag_list != b"\x5a":
        raise codec.Asn1Error("GetEuiccDataRequest", "tagList", None, f"{tag_list.hex()} is not the tag of the EID")
    eid: bytes = core.settings.eid
    if core.defective("wrong-eid-check-digits") or core.changed_by_reset:
        eid = eid[:-1] + bytes([eid[-1] ^ 0x01])
    return codec.encode("GetEuiccDataResponse", {"eidValue": eid})


def set_nickname(core: EuiccCore, request: bytes) -> bytes:
    """Give a profile a nickname, or take it away with the empty string (SGP.22 5.7.21)."""
    iccid = codec.locate("SetNicknameRequest", request, "iccid").value
    result: Any = "ok"
    target = core.state.find(("iccid", iccid))
    try:
        nickname = codec.locate("SetNicknameRequest", request, "profileNickname").value.decode()
    except UnicodeDecodeError:
        nickname = None
    too_long = nickname is not None and len(nickname) > _MAXIMUM_NICKNAME and not core.defective("long-nickname")
    if target is None and core.varies("profile-before-nickname"):
        result = "iccidNotFound"
    elif nickname is None or too_long:
        result = "undefinedError"
    elif target is None:
        result = "ok" if core.defective("nickname-unknown-is-ok") else "iccidNotFound"
    elif target.enabled and core.defective("no-nickname-while-enabled"):
        result = "undefinedError"
    else:
        _name(core, target, nickname)
    return codec.encode("SetNicknameResponse", {"setNicknameResult": result})


def _name(core: EuiccCore, profile: Profile, text: str) -> None:
    kept = "nickname-cannot-be-changed" if text else "nickname-cannot-be-removed"
    stays = core.defective("nickname-is-not-set") or (profile.nickname is not None and core.defective(kept))
    if stays:
        return
    if core.defective("short-nicknames"):
        text = text[:24]
    kept_empty = core.varies("empty-nickname-is-kept")
    for one in core.state.profiles if core.defective("nickname-for-all") else (profile,):
        core.replace_profile(one, nickname=text if kept_empty else text or None)


HANDLERS = {
    0xBF2D: get_profiles_info,
    0xBF31: enable_profile,
    0xBF32: disable_profile,
    0xBF33: delete_profile,
    0xBF34: memory_reset,
    0xBF3E: get_euicc_data,
    0xBF29: set_nickname,
}
