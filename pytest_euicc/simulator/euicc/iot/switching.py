"""Changes of profile states on an IoT eUICC: at once, or with the REFRESH (SGP.32 3.3.1)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_euicc.simulator.euicc.core import REFRESH_PROFILE_STATE_CHANGE, REFRESH_UICC_RESET, EuiccCore
from pytest_euicc.simulator.euicc.iot.state import Change
from pytest_euicc.simulator.euicc.state import Profile


def update(core: EuiccCore, **changes: Any) -> None:
    """Change fields of the IoT part of the state."""
    core.state = replace(core.state, iot=replace(core.state.iot, **changes))


def change(core: EuiccCore, wanted: Change, *, refresh: bool) -> None:
    """Change profile states, at once or when the REFRESH that is asked for has come to its end."""
    if refresh and core.defective("iot-no-refresh"):
        refresh = False
    if not refresh or core.defective("iot-effect-before-refresh"):
        _apply(core, wanted)
    else:
        update(core, pending=wanted)
    if refresh:
        reset = core.varies("iot-refresh-resets-uicc")
        core.refresh = REFRESH_UICC_RESET if reset else REFRESH_PROFILE_STATE_CHANGE


def settle(core: EuiccCore, *, done: bool = True) -> None:
    """The REFRESH has come to its end, by TERMINAL RESPONSE or by a reset; without success nothing changes."""
    pending = core.state.iot.pending
    if pending is None:
        return
    update(core, pending=None)
    if done or core.defective("iot-failed-refresh-counts"):
        _apply(core, pending)


def _apply(core: EuiccCore, wanted: Change) -> None:
    first = core.state.last_number + 1
    current = core.state.enabled
    target = None if wanted.enabled is None else core.state.find(("iccid", wanted.enabled))
    if current is not None and current != target:
        if not (target is not None and core.defective("iot-keeps-two-enabled")):
            core.replace_profile(current, enabled=False)
        if wanted.notify and not core.defective("iot-no-disable-notification"):
            core.notify(current, "disable")
    if target is not None and target != current and not core.defective("iot-enables-nothing"):
        enabled = core.replace_profile(target, enabled=True)
        if wanted.notify and not core.defective("iot-no-enable-notification"):
            core.notify(enabled, "enable")
    for iccid in wanted.deleted:
        profile = core.state.find(("iccid", iccid))
        if profile is not None:
            remove(core, profile)
    grant = core.state.iot.rollback
    if grant is not None and not grant.notifications:
        update(core, rollback=replace(grant, notifications=tuple(range(first, core.state.last_number + 1))))


def remove(core: EuiccCore, profile: Profile, *, notify: bool = True) -> None:
    """Delete a profile; what pointed to it points to nothing."""
    core.state = core.state.without(profile)
    if notify and not core.defective("iot-no-delete-notification"):
        core.notify(profile, "delete")


def fallback_profile(core: EuiccCore) -> Profile | None:
    """The profile with the fallback attribute."""
    return next((profile for profile in core.state.profiles if profile.metadata.get("fallbackAttribute")), None)


def mark(core: EuiccCore, profile: Profile, *, fallback: bool) -> None:
    """Set or unset the fallback attribute of a profile."""
    metadata = {name: value for name, value in profile.metadata.items() if name != "fallbackAttribute"}
    core.replace_profile(profile, metadata=metadata | ({"fallbackAttribute": True} if fallback else {}))
