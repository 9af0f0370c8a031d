"""Common mutual authentication with an SM-DP+ or an SM-DS, as the LPA does it (SGP.22 3.1.2, 3.6.2)."""

from __future__ import annotations

from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.es10.isdr import Reply
from pytest_euicc.lpa.discovery import AnotherSmds, Event, events_in
from pytest_euicc.lpa.errors import ServerRefused, SessionMismatch
from pytest_euicc.lpa.explaining import certificate_text, info1_text
from pytest_euicc.lpa.metadata import Metadata
from pytest_euicc.lpa.notifying import Notifying
from pytest_euicc.lpa.outcomes import Es9, Session
from pytest_euicc.lpa.reading import b64, octets_of, reading, transaction_of
from pytest_euicc.rsp.certificates import Certificate


class Authenticating(Notifying):
    """The part of the LPA that authenticates the eUICC and a server to each other."""

    def authenticate(self, address: str, matching_id: str | None = None, *, smdp_oid: str | None = None) -> Session:
        """Common mutual authentication with an SM-DP+, up to and with AuthenticateClient.

        Args:
            address: as in the activation code or the default SM-DP+ address.
            matching_id: None leaves it out, an empty one is sent empty.
            smdp_oid: OID the server's certificate must carry (from the activation code).

        Raises:
            LpaError: EuiccRefused, ServerRefused, SessionMismatch or UnreadableAnswer.
            Es9Error: the server cannot be asked, or its answer is none of the binding.
            CardError: the eUICC is lost.
        """
        server, started, certificate, response = self._mutual_authentication(address, matching_id, smdp_oid)
        transaction_id = transaction_of(started)
        session = Session(server, transaction_id, certificate, response, address, matching_id, smdp_oid)
        self.session = session
        answer = self._ask_server(
            server,
            "authenticateClient",
            {"transactionId": started["transactionId"], "authenticateServerResponse": b64(response)},
            "5.6.3",
        )
        if "eventEntries" in answer and "profileMetadata" not in answer:
            raise AnotherSmds(list(events_in(answer)))
        with reading("ES9+.AuthenticateClient", "5.6.3"):
            session.metadata = Metadata.read(octets_of(answer, "profileMetadata"))
        session.smdp_signed2 = octets_of(answer, "smdpSigned2")
        with reading("ES9+.AuthenticateClient", "5.6.3"):
            codec.decode("SmdpSigned2", session.smdp_signed2)
        session.smdp_signature2 = octets_of(answer, "smdpSignature2")
        session.smdp_certificate = octets_of(answer, "smdpCertificate")
        return session

    def events(self, address: str, event_id: str = "") -> list[Event]:
        """The events that wait at an SM-DS, or a certain one (SGP.22 3.6.2).

        Raises:
            LpaError, Es9Error, CardError: as for `authenticate`.
        """
        server, started, _, response = self._mutual_authentication(address, event_id, None)
        answer = self._ask_server(
            server,
            "authenticateClient",
            {"transactionId": started["transactionId"], "authenticateServerResponse": b64(response)},
            "5.8.2",
        )
        return list(events_in(answer))

    def _mutual_authentication(
        self, address: str, matching_id: str | None, smdp_oid: str | None
    ) -> tuple[Es9, dict[str, Any], Certificate, bytes]:
        """Up to AuthenticateServer: the server, its answer and certificate, and the answer of the eUICC."""
        server = self._client(address)
        info1, challenge = self._introduction()
        try:
            started = self._ask_server(
                server,
                "initiateAuthentication",
                {"euiccChallenge": b64(challenge), "euiccInfo1": b64(info1.octets), "smdpAddress": address},
                "5.6.1",
            )
        except ServerRefused as error:
            raise error.on_the_card(info1_text(info1.value) if error.subject.startswith("8.8.") else "") from None
        transaction_id = transaction_of(started)
        server_signed1 = octets_of(started, "serverSigned1")
        with reading("ES9+.InitiateAuthentication", "5.6.1"):
            certificate = Certificate(octets_of(started, "serverCertificate"))
        self._check_server(server_signed1, certificate, transaction_id, address, smdp_oid)
        response = self._ask_card_with(
            "authenticate_server",
            tlv.encode(
                0xBF38,
                server_signed1
                + octets_of(started, "serverSignature1")
                + octets_of(started, "euiccCiPKIdToBeUsed")
                + certificate.der
                + self._context(matching_id),
            ),
            "authenticateResponseError",
            "5.7.13",
            about=certificate_text("CERT.DPauth", certificate),
        )
        return server, started, certificate, response

    def _introduction(self) -> tuple[Reply, bytes]:
        """EUICCInfo1 and a fresh challenge of the eUICC."""
        info1 = self._ask_card("get_euicc_info1", "5.7.8")
        return info1, bytes(self._ask_card("get_euicc_challenge", "5.7.7").value["euiccChallenge"])

    def _context(self, matching_id: str | None) -> bytes:
        parameters: dict[str, Any] = {"deviceInfo": self._device_info}
        if matching_id is not None:
            parameters["matchingId"] = matching_id
        return codec.encode("CtxParams1", ("ctxParamsForCommonAuthentication", parameters))

    def _check_server(
        self, server_signed1: bytes, certificate: Certificate, transaction_id: bytes, address: str, oid: str | None
    ) -> None:
        step = "ES9+.InitiateAuthentication"
        with reading(step, "5.6.1"):
            signed = codec.decode("ServerSigned1", server_signed1)
            shown = certificate.oid
        if signed["serverAddress"].lower() != address.lower():
            raise SessionMismatch(
                step, f"serverSigned1 names {signed['serverAddress']!r}, contacted was {address!r}", "3.1.2"
            )
        if signed["transactionId"] != transaction_id:
            raise SessionMismatch(
                step,
                f"transactionId {transaction_id.hex()} in JSON, {signed['transactionId'].hex()} in serverSigned1",
                "5.6.1",
            )
        if oid is not None and shown != oid:
            raise SessionMismatch(
                step, f"the activation code names SM-DP+ {oid}, its certificate says {shown}", "3.1.2"
            )
