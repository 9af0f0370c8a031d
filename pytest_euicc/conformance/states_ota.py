"""States of a profile that can be reached over the air."""

from __future__ import annotations

from collections.abc import Generator
from typing import Literal

from pytest_euicc.conformance import ota_platform
from pytest_euicc.conformance.bringing import brought, forget_notifications, remove_brought
from pytest_euicc.conformance.context import Context, ProfileWish
from pytest_euicc.conformance.profiles import (
    by_iccid,
    enabled_on,
    put_back_enabled,
    switch,
    taken,
)
from pytest_euicc.conformance.provisioning import install, metadata_for
from pytest_euicc.conformance.registry import SaveAs
from pytest_euicc.conformance.states import state
from pytest_euicc.conformance.states_profiles import Rules


@state("ota_profile", implies=("isdr_selected",))
def ota_profile(
    context: Context,
    *,
    state: Literal["enabled", "disabled"] = "enabled",
    ppr: Rules = None,
    icon: bool = False,
    as_: SaveAs = "profile",
) -> Generator[None, None, None]:
    """A profile that the tester downloaded, whose OTA keys are known."""
    before, there = enabled_on(context.isdr()), len(brought(context))
    metadata = metadata_for(context, ProfileWish(ppr=frozenset(ppr or ()), icon=icon))
    installed = by_iccid(context, install(context, metadata))
    taken(context).add(installed.iccid)
    ota_platform.connect(context, installed.iccid)
    if state == "enabled":
        switch(context, installed, enable=True)
    forget_notifications(context.isdr(), installed.iccid)
    context.save(as_, installed.saved())
    yield
    remove_brought(context, there)
    if state == "enabled":
        put_back_enabled(context, before)
