"""An SM-DS without its transport: ES11 for an LPA, and a list of events (SGP.22 3.6.2, 5.8).

Mutual authentication is that of the SM-DP+, with certificates of an SM-DS; registration over ES12 is not part of it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.pki import Pki
from pytest_euicc.simulator.smdp.core import SmdpCore
from pytest_euicc.simulator.smdp.credentials import CredentialStore
from pytest_euicc.simulator.smdp.es9plus import authentication, verification, wording
from pytest_euicc.simulator.smdp.http import json_binding
from pytest_euicc.simulator.smdp.http.status import Refusal, euicc_unverified
from pytest_euicc.simulator.smdp.orders.inventory import Inventory
from pytest_euicc.simulator.smdp.sessions import Stage


@dataclass(frozen=True)
class Event:
    """A profile that waits for an eUICC (SGP.22 3.6.1).

    Attributes:
        event_id: what the SM-DP+ takes as matchingId.
        address: of the SM-DP+, or of another SM-DS in a cascade.
        eid: 16 octets; None for any eUICC.
    """

    event_id: str
    address: str
    eid: bytes | None = None


class SmdsService:
    """An SM-DS; one thread at a time may use it.

    Args:
        address: its own.
        random: returns the given number of random bytes.

    Attributes:
        events: those that wait, in their order.
    """

    def __init__(self, address: str, pki: Pki, *, random: Callable[[int], bytes] = os.urandom) -> None:
        inventory = Inventory(addresses=(address, f"other.{address}"), curves=pki.curves)
        self.core = SmdpCore(inventory, [], pki, random=random)
        self.core.credentials = CredentialStore(pki, pki.curves, auth=Role.DS_AUTH)
        self.events: list[Event] = []

    def call(self, function: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Carry out ``initiateAuthentication`` or ``authenticateClient``; the answer as the JSON binding has it."""
        functions = {"initiateAuthentication": self._initiate, "authenticateClient": self._authenticate}
        try:
            answer = functions[function](body)
        except Refusal as refusal:
            return {"header": wording.refused(refusal, self.core.variants)}
        return {"header": wording.succeeded(self.core.variants), **answer}

    def _initiate(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """InitiateAuthentication (SGP.22 5.8.1); the address is called as in ES9+ by many an LPA."""
        named = body.get("smdsAddress", body.get("smdpAddress"))
        return authentication.initiate_authentication(self.core, {**body, "smdpAddress": named})

    def _authenticate(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """AuthenticateClient (SGP.22 5.8.2).

        Raises:
            Refusal: as in ES9+, and 8.9.5/3.9 for an event that is not there.
        """
        transaction_id = json_binding.transaction_id(body)
        octets, (outcome, response) = json_binding.message(
            body, "authenticateServerResponse", "AuthenticateServerResponse"
        )
        session = self.core.sessions.find(transaction_id, Stage.INITIATED)
        try:
            if outcome == "authenticateResponseError":
                raise euicc_unverified(f"the eUICC answered {response['authenticateErrorCode']!r}")
            verification.verify(self.core, session, octets, response)
            wanted = response["euiccSigned1"]["ctxParams1"][1].get("matchingId", "")
            found = [event for event in self.events if event.eid in (None, session.eid)]
            if wanted:
                found = [event for event in found if event.event_id == wanted]
                if not found:
                    raise Refusal("8.9.5", "3.9", "no such event")
        finally:
            self.core.sessions.end(session)
        entries = [{"eventId": event.event_id, "rspServerAddress": event.address} for event in found]
        return {"transactionId": session.transaction_id.hex().upper(), "eventEntries": entries}
