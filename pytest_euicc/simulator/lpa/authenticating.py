"""Common mutual authentication as the simulated LPA does it (SGP.22 3.1.2)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es10.functions import FUNCTIONS
from pytest_euicc.es10.isdr import Reply
from pytest_euicc.lpa.errors import LpaError, ServerRefused
from pytest_euicc.lpa.outcomes import Es9, Session
from pytest_euicc.lpa.reading import b64, octets_of
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.simulator.lpa.base import Deviating

_ERRORS = {"authenticate_server": "authenticateResponseError", "prepare_download": "downloadResponseError"}
_READS = {
    "reads-info2-first": "get_euicc_info2",
    "reads-eid-first": "get_eid",
    "lists-profiles-first": "get_profiles_info",
    "reads-addresses-first": "get_euicc_configured_addresses",
    "lists-notifications-first": "list_notification",
}


class Authenticating(Deviating):
    """The session up to AuthenticateClient."""

    _signed_transaction = b""

    def authenticate(self, address: str, matching_id: str | None = None, *, smdp_oid: str | None = None) -> Session:
        """See Lpa."""
        for name, function in _READS.items():
            if self.varies(name):
                self._isdr.call(function)
        if smdp_oid is not None and self.defective("ignores-oid"):
            smdp_oid = None
        if matching_id and self.defective("omits-matching-id"):
            matching_id = None
        if matching_id == "" and self.varies("omits-empty-matching-id"):
            matching_id = None
        return super().authenticate(address, matching_id, smdp_oid=smdp_oid)

    def _introduction(self) -> tuple[Reply, bytes]:
        if self.varies("challenge-before-info1"):
            challenge = bytes(self._ask_card("get_euicc_challenge", "5.7.7").value["euiccChallenge"])
            info1 = self._ask_card("get_euicc_info1", "5.7.8")
        else:
            info1, challenge = super()._introduction()
        if self.defective("remembers-info1"):
            info1 = self._memory.info1 = self._memory.info1 or info1
        if self._memory.challenge and self.defective("reuses-challenge"):
            challenge = self._memory.challenge
        self._memory.challenge = challenge
        if info1.received is not None and info1.received.unknown and self.defective("re-encodes-info1"):
            info1 = replace(info1, octets=codec.encode("EUICCInfo1", info1.value))
        return info1, challenge

    def _check_server(
        self, server_signed1: bytes, certificate: Certificate, transaction_id: bytes, address: str, oid: str | None
    ) -> None:
        if self.defective("asks-challenge-again"):
            self._isdr.call("get_euicc_challenge")
        signed = codec.decode("ServerSigned1", server_signed1)
        self._signed_transaction = bytes(signed["transactionId"])
        if self._signed_transaction != transaction_id and self.defective("tries-either-transaction-id"):
            transaction_id = self._signed_transaction
        named = str(signed["serverAddress"])
        if named != address and self.defective("compares-address-by-case"):
            address = f"not {named}"
        if named.lower() != address.lower() and self.defective("ignores-server-address"):
            address = named
        if oid and oid != certificate.oid and self.defective("compares-beginnings-of-oid"):
            shown = certificate.oid or ""
            oid = shown if shown.startswith(oid) or oid.startswith(shown) else oid
        super()._check_server(server_signed1, certificate, transaction_id, address, oid)

    def _ask_card_with(self, function: str, request: bytes, error: str, clause: str, about: str = "") -> bytes:
        if function == "authenticate_server" and self.defective("re-encodes-server-parts"):
            request = codec.encode("AuthenticateServerRequest", codec.decode("AuthenticateServerRequest", request))
        if function == "prepare_download" and self.defective("re-encodes-signed2"):
            request = codec.encode("PrepareDownloadRequest", codec.decode("PrepareDownloadRequest", request))
        if function == "authenticate_server" and self.defective("swaps-signature-and-ci"):
            parts = tlv.parse(request).children()
            order = [parts[0], parts[2], parts[1], *parts[3:]]
            request = tlv.encode(0xBF38, b"".join(part.octets for part in order))
        answer = super()._ask_card_with(function, request, error, clause, about)
        described = FUNCTIONS[function]
        if function in _ERRORS and self.defective("re-encodes-answers-of-card"):
            return codec.encode(described.response, codec.decode(described.response, answer))
        return answer

    def _ask_server(self, server: Es9, function: str, body: dict[str, Any], clause: str) -> dict[str, Any]:
        body = self._deviant_body(function, body)
        if self.varies("transaction-id-in-small-letters") and "transactionId" in body:
            body = body | {"transactionId": str(body["transactionId"]).lower()}
        try:
            answer = super()._ask_server(server, function, body, clause)
        except ServerRefused as refused:
            if function == "initiateAuthentication" and self.defective("cancels-without-session"):
                octets = b64(codec.encode("CancelSessionRequest", {"transactionId": b"\0", "reason": 127}))
                server.call("cancelSession", {"transactionId": "00", "cancelSessionResponse": octets})
            signed = self._signed_transaction.hex().upper()
            mixed = function == "authenticateClient" and body["transactionId"] != signed
            if mixed and self.defective("tries-either-transaction-id"):
                return super()._ask_server(server, function, body | {"transactionId": signed}, clause)
            if function == "authenticateClient" and self.defective("tries-refused-session-again"):
                super()._ask_server(server, function, body, clause)
            raise refused from None
        if function == "initiateAuthentication":
            if self.varies("takes-signed-transaction-id"):
                answer = answer | _transaction_signed(answer)
            transaction = str(answer.get("transactionId", ""))
            self._opened = (server, transaction)
            self._memory.transaction = self._memory.transaction or transaction
        return answer

    def _deviant_body(self, function: str, body: dict[str, Any]) -> dict[str, Any]:
        if function == "initiateAuthentication":
            if self.defective("tells-eid"):
                return body | {"eid": self._isdr.get_eid()}
            if self.defective("asks-for-address-in-capitals"):
                return body | {"smdpAddress": body["smdpAddress"].upper()}
        first = self._memory.transaction
        again = function == "authenticateClient" and body["transactionId"] != first
        if again and self.defective("reuses-transaction-id"):
            return body | {"transactionId": first}
        return body


def _transaction_signed(answer: dict[str, Any]) -> dict[str, str]:
    """transactionId of serverSigned1 as a member; none where it cannot be read."""
    try:
        octets = octets_of(answer, "serverSigned1")
        return {"transactionId": bytes(codec.decode("ServerSigned1", octets)["transactionId"]).hex().upper()}
    except (LpaError, codec.Asn1Error):
        return {}
