"""Notifications from the eUICC to the servers they are for (SGP.22 3.5)."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.lpa.errors import EuiccRefused, LpaError
from pytest_euicc.lpa.outcomes import Delivered, NotificationFault, NotificationReport
from pytest_euicc.lpa.reading import b64, reading
from pytest_euicc.lpa.sides import Sides


class Notifying(Sides):
    """The part of the LPA that delivers notifications."""

    def process_notifications(self, sequence_numbers: Iterable[int] | None = None) -> NotificationReport:
        """Deliver the pending notifications in the order of their sequence numbers and remove what was acknowledged.

        A notification that cannot be delivered stays on the eUICC. Later ones to the same address wait for it, those to
        other addresses do not (SGP.22 3.5).
        """
        wanted = None if sequence_numbers is None else set(sequence_numbers)
        report = NotificationReport()
        stalled: dict[str, int] = {}
        listed = self._ask_card("list_notification", "5.7.9").value[1]
        for entry in sorted(listed, key=lambda metadata: int(metadata["seqNumber"])):
            number, address = int(entry["seqNumber"]), str(entry["notificationAddress"])
            if wanted is not None and number not in wanted:
                continue
            if address in stalled:
                waits = f"waits for notification {stalled[address]} to the same address (SGP.22 3.5)"
                report.kept.append(NotificationFault(number, address, waits))
                continue
            try:
                removed = self._deliver(number, address)
            except (LpaError, Es9Error) as error:
                stalled[address] = number
                report.kept.append(NotificationFault(number, address, str(error)))
            else:
                report.delivered.append(Delivered(number, address, removed))
        return report

    def _deliver(self, number: int, address: str) -> bool:
        request = codec.encode("RetrieveNotificationsListRequest", {"searchCriteria": ("seqNumber", number)})
        reply = self._isdr.send("retrieve_notifications_list", request)
        with reading("ES10b.RetrieveNotificationsList", "5.7.10"):
            pending = tlv.parse(tlv.find(reply.octets, 0xBF2B, 0xA0)).children()
        if not pending:
            raise EuiccRefused("ES10b.RetrieveNotificationsList", f"no notification {number}", "5.7.10")
        self._ask_server(
            self._client(address), "handleNotification", {"pendingNotification": b64(pending[0].octets)}, "5.6.4"
        )
        removed = self._isdr.call("remove_notification_from_list", {"seqNumber": number}).value
        return bool(removed["deleteNotificationStatus"] == 0)
