"""The procedures of the simulated LPA: those of our own LPA, with named defects and permitted variants."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.lpa.device import DEFAULT_DEVICE_INFO
from pytest_euicc.lpa.errors import LpaError
from pytest_euicc.lpa.outcomes import Es9, Installation, Session
from pytest_euicc.lpa.procedures import Code, Lpa
from pytest_euicc.simulator.lpa.imei import octets_of_imei


class Procedures(Lpa):
    """An LPA on the ISD-R of one channel.

    Args:
        imei: of the device, 14 to 16 digits; None where it has none.
    """

    def __init__(
        self,
        isdr: Isdr,
        server: Callable[[str], Es9],
        defects: frozenset[str],
        variants: frozenset[str],
        *,
        imei: str | None = None,
    ) -> None:
        device = dict(DEFAULT_DEVICE_INFO)
        if imei is not None:
            device |= {"imei": octets_of_imei(imei), "tac": octets_of_imei(imei)[:4]}
        super().__init__(isdr, server, device_info=device)
        self._defects = defects
        self._variants = variants

    def defective(self, name: str) -> bool:
        """True if a named deviation is switched on."""
        return name in self._defects

    def varies(self, name: str) -> bool:
        """True if a permitted variant is switched on."""
        return name in self._variants

    def default_address(self) -> str:
        """The default SM-DP+ address of the eUICC; empty for none."""
        return str(self._isdr.get_euicc_configured_addresses().get("defaultDpAddress", ""))

    def fetch_and_install(self, session: Session, code: Code) -> Installation:
        """What follows the consent."""
        return self._fetch_and_install(session, code)

    def deliver(self) -> None:
        """Deliver what is pending, as far as that works; the rest stays for the next time (SGP.22 3.5)."""
        with suppress(LpaError):
            self.process_notifications()

    def manage(self, function: str, identifier: bytes, **flags: Any) -> int:
        """EnableProfile, DisableProfile or DeleteProfile; returns the result code."""
        found: int = getattr(self._isdr, function)(identifier, **flags)
        return found

    def reset_memory(self, options: tuple[str, ...]) -> int:
        """EUICCMemoryReset; returns the result code."""
        return self._isdr.euicc_memory_reset(*options)
