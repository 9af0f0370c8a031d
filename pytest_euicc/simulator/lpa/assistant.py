"""The simulated LPA as its user meets it: downloads and notifications; the rest is in managing.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from copy import deepcopy
from typing import Any

from pytest_euicc.card.channel import Card
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.es10.isdr import ISDR_AID
from pytest_euicc.lpa.device import DEFAULT_DEVICE_INFO
from pytest_euicc.lpa.discovery import AnotherSmds
from pytest_euicc.lpa.errors import LpaError
from pytest_euicc.lpa.metadata import Metadata
from pytest_euicc.lpa.outcomes import Es9
from pytest_euicc.lpa.procedures import Decision
from pytest_euicc.rsp.iccid import to_digits
from pytest_euicc.simulator.lpa.base import Disk, Setting
from pytest_euicc.simulator.lpa.imei import octets_of_imei
from pytest_euicc.simulator.lpa.managing import Asked, Managing
from pytest_euicc.simulator.lpa.on_card import Crash, Failure
from pytest_euicc.simulator.lpa.procedures import Procedures

_EVENTS = ("install", "enable", "disable", "delete")
_OK = 0
_PNG, _IEND = bytes.fromhex("89504E470D0A1A0A"), bytes.fromhex("49454E44AE426082")
_SOI, _EOI = b"\xff\xd8", b"\xff\xd9"
_MOST_PIXELS = 1 << 20
_MOST_EVENTS = 16
"""Events that one look at an SM-DS leads to: servers that name each other come to an end."""
_CAPABILITIES = {"lpaSvn": bytes([2, 6, 0]), "nr5gcSupportedRelease": bytes([16, 0, 0])}


class SimulatedLpa(Managing):
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
        super().__init__(card, isdr_aid, setting, server, user)
        self._busy = False
        self._queued: list[str] = []
        if self.varies("tells-more-capabilities"):
            self._setting.device_info["deviceCapabilities"] |= _CAPABILITIES

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
                raise Failure("another download is under way")
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
        icon = metadata.value.get("icon")
        if icon is not None and self.defective("draws-any-icon") and _pixels(icon) > _MOST_PIXELS:
            raise Crash("no memory for the icon")
        if icon is not None and self.varies("refuses-broken-icons") and not _is_image(icon):
            raise Failure("the icon of the profile is no image")
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
                raise Failure("no SM-DS address is known")
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
            raise Failure("no default SM-DP+ address is set")
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
            raise Failure("; ".join(faults) or "the events have no end")
        return reported

    def retrieve_code(self, iccid: bytes) -> dict[str, Any]:
        """Ask the SM-DP+ that a profile came from for another activation code of it (SGP.22 v2.7 3.1.7)."""
        self._device(None)
        with self._procedures() as procedures:
            address = procedures.origin_of(iccid)
            if self.defective("asks-default-for-codes"):
                address = procedures.addresses().get("defaultDpAddress", "")
            if not address:
                raise Failure("it is not known where the profile came from")
            session = procedures.authenticate(address, f"ACR-0-{to_digits(iccid)}")
        return _names(session.metadata) if session.metadata is not None else {}

    # ------------------------------------------------------------------ notifications

    def notifications(self) -> dict[str, Any]:
        """Deliver what is pending; raises Failure where something stays."""
        with self._procedures() as procedures:
            report = procedures.process_notifications()
        if report.kept:
            raise Failure(
                "; ".join(f"notification {each.sequence_number} stays: {each.reason}" for each in report.kept)
            )
        return {}

    def list_notifications(self) -> dict[str, Any]:
        """What is pending."""
        with self._isdr() as isdr:
            choice, listed = isdr.list_notification()
        if choice != "notificationMetadataList":
            raise Failure(f"the eUICC lists no notifications: {listed}")
        return {"notifications": [_notification(entry) for entry in listed]}


def _pixels(icon: bytes) -> int:
    """What the header of a PNG says, width times height; 0 for anything else."""
    if icon[:8] != _PNG or len(icon) < 24:
        return 0
    return int.from_bytes(icon[16:20], "big") * int.from_bytes(icon[20:24], "big")


def _is_image(icon: bytes) -> bool:
    """Whether a PNG or a JPEG begins and ends as it should."""
    return any(icon.startswith(begin) and icon.endswith(end) for begin, end in ((_PNG, _IEND), (_SOI, _EOI)))


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
