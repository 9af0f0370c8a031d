"""The simulated LPA as its user meets it: what it does with profiles and reads from the card."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from pytest_euicc.card.channel import Card
from pytest_euicc.es10.isdr import Es10Error
from pytest_euicc.lpa.outcomes import Es9
from pytest_euicc.lpa.procedures import Decision
from pytest_euicc.rsp.iccid import to_digits, to_octets
from pytest_euicc.simulator.lpa.base import Setting
from pytest_euicc.simulator.lpa.listing import Listing
from pytest_euicc.simulator.lpa.on_card import Failure, OnCard
from pytest_euicc.simulator.lpa.procedures import Procedures

_OK = 0


class Asked(Protocol):
    """The user, as far as the LPA asks."""

    def agrees(self, about: Mapping[str, Any]) -> Decision:
        """Shown a profile that is about to be installed."""

    def enters_code(self) -> str | None:
        """Asked for the confirmation code; None where there is none."""


class Managing(OnCard):
    """The part of the simulated LPA that manages profiles; see SimulatedLpa."""

    def __init__(
        self, card: Card, isdr_aid: bytes, setting: Setting, server: Callable[[str], Es9], user: Asked
    ) -> None:
        super().__init__(card, isdr_aid, setting)
        self._server = server
        self._user = user
        self._memory = setting.memory
        self._testing = False
        self._hidden: set[bytes] = set()

    @contextmanager
    def _procedures(self) -> Iterator[Procedures]:
        with self._isdr() as isdr, Procedures(isdr, self._server, self._setting) as made:
            yield made

    # ------------------------------------------------------------------ profiles

    def test_mode(self, *, on: bool) -> dict[str, Any]:
        """Enter the device's test mode, or leave it; outside of it there are no test profiles for the user."""
        self._testing = on
        return {}

    def list(self) -> dict[str, Any]:
        """The profiles that are installed, but test profiles outside test mode."""
        with self._isdr() as isdr:
            listed = Listing(isdr, self.defective, self.varies)
            try:
                profiles = listed.profiles()
            except Es10Error:
                if self.defective("error-is-an-empty-list"):
                    return {"profiles": []}
                raise
        if self.defective("remembers-states"):
            profiles = [{**each, **self._memory.states.get(each["iccid"], {})} for each in profiles]
            self._memory.states = {each["iccid"]: {"state": each["state"]} for each in profiles}
        tests = {each["iccid"] for each in profiles if each["class"] == "test"}
        self._hidden = set() if self._testing or self.varies("always-shows-test-profiles") else tests
        shown = [each for each in profiles if each["iccid"] not in self._hidden]
        if any(each["class"] != "operational" for each in profiles) and self.defective("every-profile-is-operational"):
            shown = [{**each, "class": "operational"} for each in profiles]
        return {"profiles": shown}

    def enable(self, identifier: bytes, *, refresh: bool = True) -> dict[str, Any]:
        """Enable a profile."""
        return self._manage("enable_profile", identifier, refresh=refresh)

    def disable(self, identifier: bytes, *, refresh: bool = True) -> dict[str, Any]:
        """Disable a profile."""
        return self._manage("disable_profile", identifier, refresh=refresh)

    def identifier(self, text: str) -> bytes:
        """The ICCID that a user gave as digits; raises Failure."""
        if self.defective("completes-iccids"):
            for profile in self.list()["profiles"]:
                if to_digits(profile["iccid"]).startswith(text):
                    return bytes(profile["iccid"])
        return identifier_of(text)

    def delete(self, identifier: bytes) -> dict[str, Any]:
        """Delete a profile."""
        return self._manage("delete_profile", identifier)

    def _manage(self, function: str, identifier: bytes, **flags: Any) -> dict[str, Any]:
        if identifier in self._hidden:
            raise Failure("a test profile is for the test mode alone")
        self._confirm(function)
        with self._procedures() as procedures:
            code = procedures.manage(function, identifier, **flags)
            if code != _OK:
                raise Failure(f"the eUICC answered {getattr(code, 'name', '') or int(code)}")
            procedures.deliver()
        if function == "enable_profile":
            self._memory.states = {iccid: {"state": "disabled"} for iccid in self._memory.states}
        if identifier in self._memory.states:
            self._memory.states[identifier] = {"state": "enabled" if function == "enable_profile" else "disabled"}
        return {}

    def _confirm(self, operation: str) -> None:
        """Simple or strong confirmation by the end user (SGP.22 3.2, 3.3.2); raises Failure."""
        if self.defective("manages-without-asking"):
            return
        if self._user.agrees({"operation": operation}) != "yes":
            raise Failure("the user declined")

    def nickname(self, iccid: bytes, name: str) -> dict[str, Any]:
        """Give a profile a nickname."""
        if len(name) > 16 and self.defective("cuts-nicknames"):
            name = name[:16]
        with self._isdr() as isdr:
            _ok(isdr.set_nickname(iccid, name))
        return {}

    def memory_reset(self, options: tuple[str, ...]) -> dict[str, Any]:
        """Reset the memory of the eUICC."""
        self._confirm("memory_reset")
        with self._procedures() as procedures:
            _ok(procedures.reset_memory(options))
            procedures.deliver()
        return {}

    # ------------------------------------------------------------------ reading

    def default_address(self) -> dict[str, Any]:
        """The addresses that the eUICC has."""
        with self._isdr() as isdr:
            found = isdr.get_euicc_configured_addresses()
        return {
            "default_address": found.get("defaultDpAddress", ""),
            "root_sds_address": found.get("rootDsAddress", ""),
        }

    def set_default_address(self, address: str) -> dict[str, Any]:
        """Set or clear the default SM-DP+ address."""
        self._confirm("set_default_address")
        if address != address.lower() and self.defective("folds-default-address"):
            address = address.lower()
        with self._isdr() as isdr:
            code = isdr.set_default_dp_address(address)
            if not self.defective("ignores-result-of-address"):
                _ok(code)
        return {}

    def eid(self) -> dict[str, Any]:
        """The EID."""
        with self._isdr() as isdr:
            eid = bytes.fromhex(isdr.get_eid())
        if self.defective("remembers-eid"):
            eid = self._memory.eid = self._memory.eid or eid
        return {"eid": eid}

    def load_crl(self, crl: bytes) -> dict[str, Any]:
        """Pass a revocation list to the eUICC; the numbers of partial lists that it still wants are told."""
        if self.defective("cuts-revocation-list"):
            crl = crl[:255]
        with self._isdr() as isdr:
            choice, answer = isdr.load_crl(crl)
        if choice != "loadCRLResponseOk" and not self.defective("ignores-result-of-crl"):
            raise Failure(f"the eUICC refused the list: {getattr(answer, 'name', '') or answer}")
        return {}

    def euicc_info(self) -> dict[str, Any]:
        """What EUICCInfo2 says."""
        with self._isdr() as isdr:
            info = isdr.get_euicc_info2()
        return {"svn": ".".join(map(str, info["svn"]))}


def identifier_of(text: str) -> bytes:
    """The ICCID that a user gave as digits; raises Failure."""
    try:
        return to_octets(text)
    except ValueError as error:
        raise Failure(str(error)) from None


def _ok(code: int) -> None:
    if code != _OK:
        raise Failure(f"the eUICC answered {getattr(code, 'name', '') or int(code)}")
