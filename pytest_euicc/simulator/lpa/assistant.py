"""The simulated LPA as its user meets it: each operation opens the ISD-R, does its work, and closes the channel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from typing import Any, Protocol

from pytest_euicc.card.channel import Card
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.es10.isdr import ISDR_AID, Es10Error
from pytest_euicc.lpa.device import DEFAULT_DEVICE_INFO
from pytest_euicc.lpa.discovery import AnotherSmds
from pytest_euicc.lpa.errors import LpaError
from pytest_euicc.lpa.metadata import Metadata
from pytest_euicc.lpa.outcomes import Es9
from pytest_euicc.lpa.procedures import Decision
from pytest_euicc.rsp.iccid import to_digits, to_octets
from pytest_euicc.simulator.lpa.base import Disk, Setting
from pytest_euicc.simulator.lpa.imei import octets_of_imei
from pytest_euicc.simulator.lpa.listing import Listing
from pytest_euicc.simulator.lpa.on_card import Crash, OnCard, Told
from pytest_euicc.simulator.lpa.procedures import Procedures

_EVENTS = ("install", "enable", "disable", "delete")
_OK = 0
_PNG = bytes.fromhex("89504E470D0A1A0A")
_MOST_PIXELS = 1 << 20
_MOST_EVENTS = 16
"""Events that one look at an SM-DS leads to: servers that name each other come to an end."""
_CAPABILITIES = {"lpaSvn": bytes([2, 6, 0]), "nr5gcSupportedRelease": bytes([16, 0, 0])}


class Asked(Protocol):
    """The user, as far as the LPA asks."""

    def agrees(self, about: Mapping[str, Any]) -> Decision:
        """Shown a profile that is about to be installed."""

    def enters_code(self) -> str | None:
        """Asked for the confirmation code; None where there is none."""


class SimulatedLpa(OnCard):
    """An LPA on a card that is started.

    Args:
        card: powered up, with no channel open besides the basic one.
        server: makes the ES9+ client for an address; raises Es9Error where it has none.
        user: who is asked.
        isdr_aid: AID of the ISD-R, where it is not that of SGP.22.
        disk: what outlives the process.
        defects, variants: names of those that are switched on.

    Every operation returns what it tells its user beside the success, and raises PytestEuiccError with what it tells
    in place of one.
    """

    def __init__(
        self,
        card: Card,
        server: Callable[[str], Es9],
        user: Asked,
        *,
        isdr_aid: bytes = ISDR_AID,
        disk: Disk | None = None,
        defects: frozenset[str] = frozenset(),
        variants: frozenset[str] = frozenset(),
    ) -> None:
        setting = Setting(defects, variants, deepcopy(DEFAULT_DEVICE_INFO), disk=disk or Disk())
        super().__init__(card, isdr_aid, setting)
        self._server = server
        self._user = user
        self._memory = self._setting.memory
        self._busy = False
        self._queued: list[str] = []
        self._testing = False
        self._hidden: set[bytes] = set()
        if self.varies("tells-more-capabilities"):
            self._setting.device_info["deviceCapabilities"] |= _CAPABILITIES

    @contextmanager
    def _procedures(self) -> Iterator[Procedures]:
        with self._isdr() as isdr, Procedures(isdr, self._server, self._setting) as made:
            yield made

    def _device(self, imei: str | None) -> None:
        """The IMEI of the device, where it has one."""
        if self.varies("has-no-imei"):
            if self.defective("imei-of-zeros"):
                self._setting.device_info["imei"] = bytes(8)
            return
        if imei is None and self.varies("knows-its-imei"):
            imei = "00440245123456"
        if imei is not None:
            octets = octets_of_imei(imei)
            self._setting.device_info |= {"imei": octets, "tac": octets[:4]}
            if self.defective("tac-of-another-imei"):
                self._setting.device_info["tac"] = bytes.fromhex("35000000")

    # ------------------------------------------------------------------ downloads

    def download(
        self, code: str, confirmation_code: str | None = None, imei: str | None = None, *, enable: bool = False
    ) -> dict[str, Any]:
        """Install the profile of an activation code, then deliver what is pending.

        Args:
            enable: enable it as well.
        """
        if self._busy and not self.defective("downloads-inside-a-download"):
            if not self.varies("queues-downloads"):
                raise Told("another download is under way")
            self._queued.append(code)
            return {}
        self._busy, self._setting.aborted = True, False
        try:
            reported = self._download(code, confirmation_code, imei)
        except PytestEuiccError:
            if enable and self.defective("enables-whatever-is-there"):
                self._enable_first()
            raise
        finally:
            self._busy = False
        if enable and "iccid" in reported:
            self._manage("enable_profile", reported["iccid"], refresh=True)
        while self._queued:
            self.download(self._queued.pop(0))
        return reported

    def _enable_first(self) -> None:
        """What a defect does where nothing was installed."""
        for profile in self.list()["profiles"][:1]:
            self._manage("enable_profile", profile["iccid"], refresh=True)

    def abort(self) -> None:
        """The user aborts the download that runs."""
        self._setting.aborted = True

    def _download(self, code: str, confirmation_code: str | None, imei: str | None) -> dict[str, Any]:
        self._device(imei)
        with self._procedures() as procedures:
            try:
                done = procedures.download(
                    code, confirmation_code=confirmation_code or self._user.enters_code, consent=self._consent
                )
            except LpaError:
                if self.defective("tells-success"):
                    return {}
                raise
            procedures.deliver()
        self._note(f"profile {to_digits(done.iccid)} was installed")
        return {"iccid": done.iccid, **_names(done.metadata)}

    def _note(self, line: str) -> None:
        self._setting.disk.log.append(line)

    def _consent(self, metadata: Metadata) -> Decision:
        if self.defective("draws-any-icon") and _pixels(bytes(metadata.value.get("icon", b""))) > _MOST_PIXELS:
            raise Crash("no memory for the icon")
        return self._user.agrees({"iccid": metadata.iccid, "rules": list(metadata.policy_rules), **_names(metadata)})

    def discovery(self, smds: str | None = None, *, default: bool = False) -> dict[str, Any]:
        """Install what waits at the default SM-DP+, or at the servers that an SM-DS names (SGP.22 3.1.3, 3.6.2).

        Args:
            smds: address of the SM-DS; that of the card if None.
            default: ask the default SM-DP+ and no SM-DS.
        """
        self._device(None)
        with self._procedures() as procedures:
            addresses = procedures.addresses()
            if default:
                if self.defective("remembers-default-address"):
                    addresses = self._memory.addresses = self._memory.addresses or addresses
                return self._install(procedures, addresses.get("defaultDpAddress", ""), None)
            root = smds or addresses.get("rootDsAddress", "")
            if not root:
                raise Told("no SM-DS address is known")
            return self._work_off(procedures, root)

    def power_on(self) -> dict[str, Any]:
        """Look for a profile where there is no operational one: at the default SM-DP+, then the root SM-DS (3.4.4)."""
        there = any(each.get("class", "operational") == "operational" for each in self.list()["profiles"])
        if there and not self.defective("discovers-beside-profiles"):
            return {}
        self._device(None)
        with self._procedures() as procedures:
            addresses = procedures.addresses()
            default, root = addresses.get("defaultDpAddress", ""), addresses.get("rootDsAddress", "")
            for address in [default] * (9 if self.defective("asks-default-again-and-again") else bool(default)):
                if self.defective("asks-smds-first"):
                    break
                with suppress(LpaError, Es9Error):
                    return self._install(procedures, address, None)
            if not root or self.defective("asks-default-alone"):
                return {}
            return self._work_off(procedures, root)

    def _install(self, procedures: Procedures, address: str, matching_id: str | None) -> dict[str, Any]:
        if not address:
            raise Told("no default SM-DP+ address is set")
        session = procedures.authenticate(address, matching_id)
        done = procedures.complete(session, self._consent, self._user.enters_code)
        procedures.deliver()
        return {"iccid": done.iccid, **_names(done.metadata)}

    def _work_off(self, procedures: Procedures, root: str) -> dict[str, Any]:
        """Every event in its order; those of another SM-DS take the place of the one that led there."""
        reported: dict[str, Any] = {}
        faults: list[str] = []
        waiting = procedures.events(root)
        asked = 0
        while waiting and asked < _MOST_EVENTS:
            event, asked = waiting.pop(0), asked + 1
            try:
                reported = self._install(procedures, event.address, event.event_id)
            except AnotherSmds as another:
                if self.varies("does-not-follow-cascades"):
                    continue
                waiting[:0] = another.events
            except (LpaError, Es9Error) as error:
                faults.append(str(error))
                if self.defective("one-event-stops-all"):
                    break
        if faults or waiting:
            raise Told("; ".join(faults) or "the events have no end")
        return reported

    # ------------------------------------------------------------------ notifications

    def notifications(self) -> dict[str, Any]:
        """Deliver what is pending; raises Told where something stays."""
        with self._procedures() as procedures:
            report = procedures.process_notifications()
        if report.kept:
            raise Told("; ".join(f"notification {each.sequence_number} stays: {each.reason}" for each in report.kept))
        return {}

    def list_notifications(self) -> dict[str, Any]:
        """What is pending."""
        with self._isdr() as isdr:
            choice, listed = isdr.list_notification()
        if choice != "notificationMetadataList":
            raise Told(f"the eUICC lists no notifications: {listed}")
        return {"notifications": [_notification(entry) for entry in listed]}

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
        """The ICCID that a user gave as digits; raises Told."""
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
            raise Told("a test profile is for the test mode alone")
        self._confirm(function)
        with self._procedures() as procedures:
            code = procedures.manage(function, identifier, **flags)
            if code != _OK:
                raise Told(f"the eUICC answered {getattr(code, 'name', '') or int(code)}")
            procedures.deliver()
        if function == "enable_profile":
            self._memory.states = {iccid: {"state": "disabled"} for iccid in self._memory.states}
        if identifier in self._memory.states:
            self._memory.states[identifier] = {"state": "enabled" if function == "enable_profile" else "disabled"}
        return {}

    def _confirm(self, operation: str) -> None:
        """Simple or strong confirmation by the end user (SGP.22 3.2, 3.3.2); raises Told."""
        if self.defective("manages-without-asking"):
            return
        if self._user.agrees({"operation": operation}) != "yes":
            raise Told("the user declined")

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
            raise Told(f"the eUICC refused the list: {getattr(answer, 'name', '') or answer}")
        return {}

    def euicc_info(self) -> dict[str, Any]:
        """What EUICCInfo2 says."""
        with self._isdr() as isdr:
            info = isdr.get_euicc_info2()
        return {"svn": ".".join(map(str, info["svn"]))}


def _pixels(icon: bytes) -> int:
    """What the header of a PNG says, width times height; 0 for anything else."""
    if icon[:8] != _PNG or len(icon) < 24:
        return 0
    return int.from_bytes(icon[16:20], "big") * int.from_bytes(icon[20:24], "big")


def identifier_of(text: str) -> bytes:
    """The ICCID that a user gave as digits; raises Told."""
    try:
        return to_octets(text)
    except ValueError as error:
        raise Told(str(error)) from None


def _ok(code: int) -> None:
    if code != _OK:
        raise Told(f"the eUICC answered {getattr(code, 'name', '') or int(code)}")


def _names(metadata: Metadata) -> dict[str, Any]:
    return {
        "name": metadata.value.get("profileName", ""),
        "provider": metadata.value.get("serviceProviderName", ""),
    }


def _notification(entry: Mapping[str, Any]) -> dict[str, Any]:
    octets, size = entry["profileManagementOperation"]
    events = [name for bit, name in enumerate(_EVENTS[:size]) if octets[0] >> (7 - bit) & 1]
    reported = {
        "seqNumber": int(entry["seqNumber"]),
        "event": events[0] if events else "unknown",
        "address": entry["notificationAddress"],
    }
    return reported | ({"iccid": bytes(entry["iccid"])} if "iccid" in entry else {})
