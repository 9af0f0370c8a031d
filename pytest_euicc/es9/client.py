"""ES9+ from the side of an LPA: five functions in the JSON binding over HTTPS (SGP.22 5.6, 6.5.2)."""

from __future__ import annotations

from pytest_euicc.es9.binding import Es9Reply, JsonClient, Sender, encode
from pytest_euicc.es9.tls import TlsSettings

__all__ = ["FUNCTIONS", "PATH", "Es9Client", "Es9Reply", "encode"]

PATH = "/gsma/rsp2/es9plus/"
USER_AGENT = "gsma-rsp-lpad"
FUNCTIONS = (
    "initiateAuthentication",
    "authenticateClient",
    "getBoundProfilePackage",
    "handleNotification",
    "cancelSession",
)


class Es9Client(JsonClient):
    """An SM-DP+ seen from an LPA.

    Args:
        url: ``https://host[:port]``, or the address of an activation code.
        tls: trust and everything else of the connection.
        protocol: version of SGP.22 in X-Admin-Protocol.
        user_agent: what the client calls itself.
        sender: the way to the server, in place of HTTPS by these settings.
    """

    def __init__(
        self,
        url: str,
        tls: TlsSettings,
        protocol: str = "2.6.0",
        *,
        user_agent: str = USER_AGENT,
        sender: Sender | None = None,
    ) -> None:
        super().__init__(url, tls, PATH, protocol, user_agent, sender)

    def initiate_authentication(self, euicc_challenge: bytes, euicc_info1: bytes, smdp_address: str) -> Es9Reply:
        """InitiateAuthentication (SGP.22 5.6.1): challenge of 16 octets, EUICCInfo1 (BF20), address of the SM-DP+."""
        return self.call(
            "initiateAuthentication",
            {
                "euiccChallenge": encode(euicc_challenge),
                "euiccInfo1": encode(euicc_info1),
                "smdpAddress": smdp_address,
            },
        )

    def authenticate_client(self, transaction_id: str, authenticate_server_response: bytes) -> Es9Reply:
        """AuthenticateClient (SGP.22 5.6.3): transaction in hex, AuthenticateServerResponse (BF38)."""
        response = encode(authenticate_server_response)
        return self.call(
            "authenticateClient", {"transactionId": transaction_id, "authenticateServerResponse": response}
        )

    def get_bound_profile_package(self, transaction_id: str, prepare_download_response: bytes) -> Es9Reply:
        """GetBoundProfilePackage (SGP.22 5.6.2): transaction in hex, PrepareDownloadResponse (BF21)."""
        response = encode(prepare_download_response)
        return self.call(
            "getBoundProfilePackage", {"transactionId": transaction_id, "prepareDownloadResponse": response}
        )

    def handle_notification(self, pending_notification: bytes) -> Es9Reply:
        """HandleNotification (SGP.22 5.6.4): PendingNotification (BF37, or 30)."""
        return self.call("handleNotification", {"pendingNotification": encode(pending_notification)})

    def cancel_session(self, transaction_id: str, cancel_session_response: bytes) -> Es9Reply:
        """CancelSession (SGP.22 5.6.5): transaction in hex, CancelSessionResponse (BF41)."""
        response = encode(cancel_session_response)
        return self.call("cancelSession", {"transactionId": transaction_id, "cancelSessionResponse": response})
