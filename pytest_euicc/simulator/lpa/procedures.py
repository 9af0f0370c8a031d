"""The procedures of the simulated LPA: those of our own LPA, with named defects and permitted variants."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pytest_euicc.lpa.discovery import Event
from pytest_euicc.lpa.errors import LpaError
from pytest_euicc.lpa.outcomes import Installation, Session
from pytest_euicc.lpa.procedures import Code, Consent
from pytest_euicc.simulator.lpa.codes import Codes
from pytest_euicc.simulator.lpa.delivering import Delivering

_OK, _BY_POLICY = 0, 3


class Procedures(Codes, Delivering):
    """An LPA on the ISD-R of one channel."""

    def addresses(self) -> dict[str, str]:
        """defaultDpAddress and rootDsAddress of the eUICC, as far as they are there."""
        return self._isdr.get_euicc_configured_addresses()

    def events(self, address: str, event_id: str = "") -> list[Event]:
        """See Lpa."""
        found = super().events(address, event_id)
        return found[:1] if len(found) > 1 and self.defective("first-event-alone") else found

    def complete(self, session: Session, consent: Consent, code: Code) -> Installation:
        """What follows AuthenticateClient, without an activation code."""
        self._consent, self._cancelled = consent, False
        self.confirm(session, consent)
        return self._fetch_and_install(session, code)

    def deliver(self) -> None:
        """Deliver what is pending, as far as that works; the rest stays for the next time (SGP.22 3.5)."""
        with suppress(LpaError):
            self.process_notifications()

    def origin_of(self, iccid: bytes) -> str:
        """The first address that notifications of a profile go to; empty where there is none."""
        asked = {"searchCriteria": ("iccid", iccid), "tagList": bytes.fromhex("5AB6")}
        choice, listed = self._isdr.call("get_profiles_info", asked).value
        addresses = (
            [each["notificationAddress"] for each in _configured(listed)] if choice == "profileInfoListOk" else []
        )
        return str(addresses[0]) if addresses else ""

    def manage(self, function: str, identifier: bytes, **flags: Any) -> int:
        """EnableProfile, DisableProfile or DeleteProfile; returns the result code."""
        profiles = self._profiles() if self._looks_first(function) else []
        if function == "enable_profile":
            enabled = [profile for profile in profiles if int(profile.get("profileState", 0)) == 1]
            if enabled and self.varies("disables-before-it-enables"):
                self._isdr.disable_profile(bytes(enabled[0]["iccid"]), refresh=False)
        if function == "delete_profile" and self.varies("disables-before-it-deletes"):
            named = [profile for profile in profiles if identifier in (profile["iccid"], profile.get("isdpAid"))]
            if named and int(named[0].get("profileState", 0)) == 1:
                self._isdr.disable_profile(identifier, refresh=False)
        if profiles and self.defective("manages-the-first-profile"):
            identifier = bytes(profiles[0]["iccid"])
        aids = {bytes(profile["iccid"]): bytes(profile["isdpAid"]) for profile in profiles if "isdpAid" in profile}
        if identifier in aids and self.varies("manages-by-aid"):
            identifier = aids[identifier]
        code: int = getattr(self._isdr, function)(identifier, **flags)
        tries = 1
        while code != _OK and function == "enable_profile" and tries < 9 and self.defective("repeats-refused-enable"):
            code, tries = self._isdr.enable_profile(identifier, **flags), tries + 1
        if code == _BY_POLICY and function == "enable_profile" and self.defective("works-around-policy"):
            for profile in self._profiles():
                self._isdr.disable_profile(bytes(profile["iccid"]), refresh=False)
        if code != _OK and self.defective("takes-errors-for-success"):
            return _OK
        return code

    def _looks_first(self, function: str) -> bool:
        """Whether a deviation needs the list of profiles; asked only so that all of them are reached."""
        asked = [self.varies("manages-by-aid"), self.defective("manages-the-first-profile")]
        if function == "enable_profile":
            asked.append(self.varies("disables-before-it-enables"))
        if function == "delete_profile":
            asked.append(self.varies("disables-before-it-deletes"))
        return any(asked)

    def _profiles(self) -> list[dict[str, Any]]:
        choice, listed = self._isdr.get_profiles_info()
        return list(listed) if choice == "profileInfoListOk" else []

    def reset_memory(self, options: tuple[str, ...]) -> int:
        """EUICCMemoryReset; returns the result code."""
        if self.defective("resets-everything"):
            options = ("deleteOperationalProfiles", "deleteFieldLoadedTestProfiles", "resetDefaultSmdpAddress")
        return self._isdr.euicc_memory_reset(*options)


def _configured(listed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for profile in listed for entry in profile.get("notificationConfigurationInfo", [])]
