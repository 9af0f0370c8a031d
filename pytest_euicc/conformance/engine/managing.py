"""How profiles are managed while a card is restored: by the functions of an LPA, or in the way of an interface."""

from __future__ import annotations

from typing import Protocol

from pytest_euicc.conformance.engine.arguments import Registry
from pytest_euicc.conformance.engine.context import Context


class Manager(Protocol):
    """One way; every result is a code of SGP.22, 0 for success. Raises `Refused` where there is no result."""

    def serves(self, context: Context) -> bool:
        """Whether the declared card is managed in this way."""

    def enable(self, context: Context, iccid: bytes, *, refresh: bool = False) -> int:
        """Enable a profile."""

    def disable(self, context: Context, iccid: bytes, *, refresh: bool = False) -> int:
        """Disable a profile."""

    def delete(self, context: Context, iccid: bytes) -> int:
        """Delete a profile."""

    def delete_operational(self, context: Context) -> int:
        """Delete every operational profile, whatever its rules."""

    def set_default_address(self, context: Context, address: str) -> int:
        """Set the default SM-DP+ address."""

    def finish(self, context: Context) -> None:
        """The sequence is over: restore what it changed besides profiles and addresses."""


class ByLpad:
    """The functions ES10a and ES10c of SGP.22."""

    def serves(self, context: Context) -> bool:  # noqa: ARG002
        """Every card without a way of its own."""
        return True

    def enable(self, context: Context, iccid: bytes, *, refresh: bool = False) -> int:
        """ES10c.EnableProfile."""
        return context.isdr().enable_profile(iccid, refresh=refresh)

    def disable(self, context: Context, iccid: bytes, *, refresh: bool = False) -> int:
        """ES10c.DisableProfile."""
        return context.isdr().disable_profile(iccid, refresh=refresh)

    def delete(self, context: Context, iccid: bytes) -> int:
        """ES10c.DeleteProfile."""
        return context.isdr().delete_profile(iccid)

    def delete_operational(self, context: Context) -> int:
        """ES10c.eUICCMemoryReset."""
        return context.isdr().euicc_memory_reset("deleteOperationalProfiles")

    def set_default_address(self, context: Context, address: str) -> int:
        """ES10a.SetDefaultDpAddress."""
        return context.isdr().set_default_dp_address(address)

    def finish(self, context: Context) -> None:
        """Nothing else is changed by sequences of SGP.22."""


MANAGERS: Registry[Manager] = Registry("way to manage profiles")
"""Those of interfaces; the first that serves a card is used, and an LPA's functions where none does."""
_BY_LPAD = ByLpad()


def manager_of(context: Context) -> Manager:
    """How the profiles of the card are managed."""
    return next((each for each in MANAGERS.entries.values() if each.serves(context)), _BY_LPAD)
