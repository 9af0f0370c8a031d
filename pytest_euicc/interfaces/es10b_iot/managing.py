"""Profiles of an IoT eUICC without an LPAd, managed while it is restored: by packages of an eIM of the tester.

Where none is associated any more, one is for the time it takes (SGP.32 3.4, 3.5.2).
"""

from __future__ import annotations

from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import Refused
from pytest_euicc.conformance.engine.managing import MANAGERS
from pytest_euicc.conformance.engine.message import Message
from pytest_euicc.conformance.engine.profiles import enabled_of, fresh_isdr, profiles_on
from pytest_euicc.interfaces.es10b_iot.functions import Changed
from pytest_euicc.interfaces.es10b_iot.leftovers import ask, end_emergency
from pytest_euicc.interfaces.es10b_iot.package import load_euicc_package
from pytest_euicc.interfaces.es10b_iot.profiles import eim_at_hand, psmo

_NEEDED = (20, 21)
"""rollbackNotAvailable, returnFallbackProfile (SGP.32 2.11.2.1)."""
_OPERATIONAL = {"resetOptions": (b"\x80", 1)}
"""Bit 0 (SGP.32 5.9.5)."""


class ByPackages:
    """Operations of an eIM, and ES10b for the IPA where that has the function."""

    def serves(self, context: Context) -> bool:
        """Whether it is one of SGP.32 without the functions for an LPAd."""
        options = context.declaration.options
        return bool(options.get("O_E_IOT")) and not options.get("O_E_IOT_LPAD")

    def enable(self, context: Context, iccid: bytes, *, refresh: bool = False) -> int:  # noqa: ARG002
        """Enable a profile; the REFRESH comes anyway."""
        return _run(context, "enable", iccid)

    def disable(self, context: Context, iccid: bytes, *, refresh: bool = False) -> int:  # noqa: ARG002
        """Disable a profile; the REFRESH comes anyway."""
        return _run(context, "disable", iccid)

    def delete(self, context: Context, iccid: bytes) -> int:
        """Delete a profile; one that a rollback or a return would need, once another change has ended that."""
        code = _run(context, "delete", iccid)
        enabled = enabled_of(profiles_on(context)) if code in _NEEDED else None
        if enabled is not None and _run(context, "disable", enabled.iccid) == 0:
            code = _run(context, "delete", iccid)
        return code

    def delete_operational(self, context: Context) -> int:
        """Delete every operational profile."""
        return ask(context, "euicc_memory_reset", _OPERATIONAL, "resetResult")

    def set_default_address(self, context: Context, address: str) -> int:
        """Set the default SM-DP+ address."""
        return ask(context, "set_default_dp_address", {"defaultDpAddress": address}, "setDefaultDpAddressResult")

    def finish(self, context: Context) -> None:
        """End an emergency, and switch immediate enabling off: what was configured before cannot be read."""
        changed = context.part(Changed)
        end_emergency(context)
        if changed.immediate:
            changed.immediate = False
            with context.undoing("immediate enabling is configured"):
                fresh_isdr(context)
                code = ask(context, "configure_immediate_profile_enabling", {}, "configImmediateEnableResult")
                if code != 0:
                    raise Refused(f"the eUICC answered {code}")


def _run(context: Context, operation: str, iccid: bytes) -> int:
    with eim_at_hand(context) as name:
        outcome = load_euicc_package(context, Message(), eim=name, psmo=[psmo(operation, {"iccid": iccid})])
    results = outcome.value.get("results") if isinstance(outcome.value, dict) else None
    if not results or not isinstance(results[0][1], int):
        raise Refused(f"a package that was to {operation} {iccid.hex()} was refused")
    return int(results[0][1])


MANAGERS.add("es10b_iot", ByPackages())
