"""What becomes of the simulated eUICC when its power goes, besides what a reset does."""

from __future__ import annotations

from dataclasses import replace

from pytest_euicc.simulator.euicc.core import LAST_ISDP, EuiccCore, isdp_aid
from pytest_euicc.simulator.euicc.es10.session import RspSession
from pytest_euicc.simulator.euicc.state import CardState, Profile


def cut(core: EuiccCore, before: CardState) -> None:
    """The power went inside a command: what was written since *before* is undone, as commands are atomic."""
    if not core.varies("completes-after-power-loss") and not core.defective("power-cut-leaves-half"):
        core.state = before
    if core.defective("power-cut-spoils-results"):
        results = tuple(replace(entry, octets=entry.octets[:-1] + b"\x00") for entry in core.state.iot.results)
        core.state = replace(core.state, iot=replace(core.state.iot, results=results))


def lose(core: EuiccCore) -> RspSession | None:
    """The contacts are without power; returns a session that outlives it, as it must not."""
    state, interrupted = core.state, core.installer
    if state.enabled is not None and core.defective("power-loss-disables"):
        state = replace(state, profiles=tuple(replace(profile, enabled=False) for profile in state.profiles))
    if state.notifications and core.defective("power-loss-drops-notifications"):
        state = replace(state, notifications=())
    if interrupted is not None and interrupted.metadata and core.defective("power-loss-keeps-half-a-profile"):
        metadata = {name: interrupted.metadata[name] for name in ("serviceProviderName", "profileName")}
        half = Profile(interrupted.metadata["iccid"], isdp_aid(LAST_ISDP), metadata=metadata)
        state = replace(state, profiles=(*state.profiles, half))
    core.state = state
    return core.session if core.session.server is not None and core.defective("power-loss-keeps-session") else None
