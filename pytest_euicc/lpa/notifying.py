"""Notifications from the eUICC to the servers they are for (SGP.22 3.5)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es9.errors import AddressFault, Es9Error, NoServer
from pytest_euicc.es10.isdr import Es10Error
from pytest_euicc.lpa.errors import EuiccRefused, LpaError, UnreadableAnswer
from pytest_euicc.lpa.outcomes import Delivered, NotificationFault, NotificationReport
from pytest_euicc.lpa.reading import b64, error_name, reading
from pytest_euicc.lpa.sides import Sides

_LIST, _RETRIEVE, _REMOVE = (
    f"ES10b.{name}" for name in ("ListNotification", "RetrieveNotificationsList", "RemoveNotificationFromList")
)
_METADATA, _INSTALLATION_RESULT, _INSTALLATION_DATA = 0xBF2F, 0xBF37, 0xBF27
_SEQUENCE_NUMBER = 0x80
_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]\\%]+)(:[0-9]{1,5})?")
_OK, _NOTHING_TO_DELETE = 0, 1


@dataclass(frozen=True)
class Entry:
    """The NotificationMetadata of a notification.

    Attributes:
        to: where it is sent; empty for its address.
    """

    number: int
    address: str
    to: str = ""

    @classmethod
    def read(cls, octets: bytes) -> Entry:
        """Decode a NotificationMetadata; raises Asn1Error."""
        metadata = codec.decode("NotificationMetadata", octets)
        return cls(int(metadata["seqNumber"]), str(metadata["notificationAddress"]))


class Notifying(Sides):
    """The part of the LPA that delivers notifications."""

    def process_notifications(self, sequence_numbers: Iterable[int] | None = None) -> NotificationReport:
        """Send each pending notification to the address that it names, and remove what was acknowledged (SGP.22 3.5).

        They go in the order of their sequence numbers. One that cannot be read, sent or removed stays on the eUICC, and
        later ones to the same address wait for one that was not sent; all others go. A notification for whose address
        there is no server is not sent to any other.

        Raises:
            LpaError: the eUICC gives no list.
            CardError: the eUICC is lost.
        """
        wanted = None if sequence_numbers is None else set(sequence_numbers)
        report = NotificationReport()
        entries, report.kept = self._pending()
        if wanted is not None:
            entries = [entry for entry in entries if entry.number in wanted]
            report.kept = [fault for fault in report.kept if fault.sequence_number in wanted]
        stalled: dict[str, int] = {}
        for entry in self._in_order(entries):
            place = entry.address.lower()
            if self._waits(place, stalled):
                first = stalled.get(place, min(stalled.values()))
                waits = f"waits for notification {first} to the same address (SGP.22 3.5)"
                report.kept.append(NotificationFault(entry.number, entry.address, waits))
                continue
            try:
                self._send(entry)
            except NoServer as error:
                report.kept.append(NotificationFault(entry.number, entry.address, str(error), no_server=True))
                continue
            except (LpaError, Es9Error, Es10Error) as error:
                stalled[place] = entry.number
                report.kept.append(NotificationFault(entry.number, entry.address, str(error)))
                continue
            try:
                self._remove(entry.number)
            except (LpaError, Es10Error) as error:
                reported = f"sent and acknowledged, but not removed: {error}"
                report.kept.append(NotificationFault(entry.number, entry.address, reported))
            else:
                report.delivered.append(Delivered(entry.number, entry.address))
        return report

    def _in_order(self, entries: list[Entry]) -> list[Entry]:
        return sorted(entries, key=lambda each: each.number)

    def _waits(self, place: str, stalled: dict[str, int]) -> bool:
        """Whether a notification to an address waits for an earlier one that was not sent."""
        return place in stalled

    def _pending(self) -> tuple[list[Entry], list[NotificationFault]]:
        """The entries of ListNotification; each is read separately, so that an invalid one does not hide the others."""
        reply = self._isdr.call("list_notification")
        if not reply.ok or not reply.octets:
            raise EuiccRefused(_LIST, f"status {reply.sw:04X}{'' if reply.octets else ' and no data'}", "5.7.9")
        if reply.received is not None and reply.value[0] != "notificationMetadataList":
            raise EuiccRefused(_LIST, error_name(reply.value[1]), "5.7.9")
        with reading(_LIST, "5.7.9"):
            listed = tlv.parse(tlv.find(reply.octets, 0xBF28, 0xA0)).children()
        entries: list[Entry] = []
        odd: list[NotificationFault] = []
        for element in listed:
            try:
                entries.append(Entry.read(element.octets))
            except codec.Asn1Error as fault:
                reported = str(UnreadableAnswer(_LIST, f"{fault}: {element.octets.hex().upper()}", "5.7.9"))
                odd.append(NotificationFault(_number(element), "", reported))
        return entries, odd

    def _send(self, entry: Entry) -> None:
        if not _HOST.fullmatch(entry.address):
            # Nobody is asked instead: a part of what is no host name names another server.
            raise AddressFault(ascii(entry.address), "it is not a host name (SGP.22 3.5)")
        server = self._client(entry.to or entry.address)
        request = codec.encode("RetrieveNotificationsListRequest", {"searchCriteria": ("seqNumber", entry.number)})
        reply = self._isdr.send("retrieve_notifications_list", request)
        if not reply.ok:
            raise EuiccRefused(_RETRIEVE, f"status {reply.sw:04X}", "5.7.10")
        with reading(_RETRIEVE, "5.7.10"):
            pending = tlv.parse(tlv.find(reply.octets, 0xBF2B, 0xA0)).children()
            # A card that gives others than the one asked for must not have them sent to this address.
            found = [each for each in pending if _entry_of(each) == (entry.number, entry.address)]
        if not found:
            raise EuiccRefused(_RETRIEVE, f"no notification {entry.number} for {entry.address!a}", "5.7.10")
        self._ask_server(server, "handleNotification", {"pendingNotification": b64(found[0].octets)}, "5.6.4")

    def _remove(self, number: int) -> None:
        status = self._isdr.remove_notification_from_list(number)
        if status not in (_OK, _NOTHING_TO_DELETE):
            raise EuiccRefused(_REMOVE, error_name(status), "5.7.11")


def _entry_of(pending: tlv.Tlv) -> tuple[int, str]:
    """Number and address in a PendingNotification; raises Asn1Error or TlvError."""
    inside = (_INSTALLATION_DATA, _METADATA) if pending.tag == _INSTALLATION_RESULT else (_METADATA,)
    found = Entry.read(tlv.find(pending.octets, pending.tag, *inside))
    return found.number, found.address


def _number(metadata: tlv.Tlv) -> int | None:
    """The sequence number of metadata that cannot be read as a whole."""
    try:
        return int.from_bytes(tlv.parse(tlv.find(metadata.octets, metadata.tag, _SEQUENCE_NUMBER)).value)
    except tlv.TlvError:
        return None
