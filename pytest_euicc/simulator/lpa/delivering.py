"""Notifications as the simulated LPA delivers them (SGP.22 3.5)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.es9.errors import Es9Error
from pytest_euicc.lpa.errors import LpaError
from pytest_euicc.lpa.notifying import Entry
from pytest_euicc.lpa.outcomes import Es9, NotificationReport
from pytest_euicc.lpa.reading import b64, octets_of
from pytest_euicc.simulator.lpa.loading import Loading


class Delivering(Loading):
    """Delivers what is pending as our own LPA does, and otherwise where a defect or a variant says so."""

    def process_notifications(self, sequence_numbers: Iterable[int] | None = None) -> NotificationReport:
        """See Lpa."""
        self._stop = False
        return super().process_notifications(sequence_numbers)

    def _in_order(self, entries: list[Entry]) -> list[Entry]:
        ordered = super()._in_order(entries)
        if len(ordered) > 1 and self.defective("latest-notification-first"):
            ordered.reverse()
        if len(ordered) > 1 and self.varies("delivers-by-address"):
            ordered.sort(key=lambda each: (each.address, each.number))
        return ordered

    def _waits(self, place: str, stalled: dict[str, int]) -> bool:
        if stalled and self.defective("one-failure-stops-all"):
            return True
        return super()._waits(place, stalled) and not self.defective("does-not-wait-for-earlier")

    def _send(self, entry: Entry) -> None:
        if self.defective("removes-before-sending"):
            self._isdr.remove_notification_from_list(entry.number)
        if self.varies("retrieves-all-notifications"):
            self._isdr.call("retrieve_notifications_list")
        if self.defective("drops-notifications"):
            return
        to = entry
        elsewhere = self.session is not None and entry.address != self.session.address
        if self.session is not None and elsewhere and self.defective("sends-to-smdp-of-download"):
            to = Entry(entry.number, entry.address, self.session.address)
        try:
            super()._send(to)
        except (LpaError, Es9Error):
            if self.defective("removes-unacknowledged"):
                return
            raise

    def _remove(self, number: int) -> None:
        if self.defective("never-removes"):
            return
        if self.defective("removes-earlier-ones-too"):
            for earlier in range(1, number):
                self._isdr.remove_notification_from_list(earlier)
        if self.defective("removes-before-sending"):
            return
        super()._remove(number)

    def _ask_server(self, server: Es9, function: str, body: dict[str, Any], clause: str) -> dict[str, Any]:
        if function == "handleNotification" and self.defective("re-encodes-notifications"):
            octets = octets_of(body, "pendingNotification")
            value = codec.decode("PendingNotification", octets)
            body = {"pendingNotification": b64(codec.encode("PendingNotification", value))}
        if function == "handleNotification" and self.defective("adds-transaction-to-notification"):
            body = body | {"transactionId": "00"}
        return super()._ask_server(server, function, body, clause)
