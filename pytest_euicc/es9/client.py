"""ES9+ as an LPA speaks it: five functions in the JSON binding over HTTPS (SGP.22 5.6, 6.5.2)."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest_euicc.es9.connection import Connection
from pytest_euicc.es9.errors import NotJson, Redirected, UnexpectedHttpStatus
from pytest_euicc.es9.tls import TlsSettings

PATH = "/gsma/rsp2/es9plus/"
USER_AGENT = "gsma-rsp-lpad"
FUNCTIONS = (
    "initiateAuthentication",
    "authenticateClient",
    "getBoundProfilePackage",
    "handleNotification",
    "cancelSession",
)
_OK, _NO_CONTENT = 200, 204


def encode(octets: bytes) -> str:
    """Octets as the binding carries them."""
    return base64.b64encode(octets).decode("ascii")


@dataclass(frozen=True)
class Es9Reply:
    """An answer with its octets as received.

    Attributes:
        status: of HTTP.
        headers: names in lower case.
        octets: the body.
    """

    function: str
    status: int
    headers: dict[str, str]
    octets: bytes

    @cached_property
    def body(self) -> dict[str, Any] | None:
        """The JSON object; None where the body is none."""
        try:
            value = json.loads(self.octets)
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    @property
    def execution_status(self) -> dict[str, Any]:
        """header.functionExecutionStatus (SGP.22 6.5.1.4); empty where there is none."""
        header = (self.body or {}).get("header")
        found = header.get("functionExecutionStatus") if isinstance(header, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def failed(self) -> bool:
        """True for anything but ``Executed-Success`` and ``Executed-WithWarning``; an empty 204 has not failed."""
        if self.status == _NO_CONTENT:
            return False
        return self.execution_status.get("status") not in ("Executed-Success", "Executed-WithWarning")

    @property
    def status_code(self) -> str:
        """``subject/reason`` such as ``8.10.1/3.9``; empty where there is none."""
        return f"{self.subject_code}/{self.reason_code}" if self.subject_code else ""

    @property
    def subject_code(self) -> str:
        """Subject code (SGP.22 5.2.6.2); empty where there is none."""
        return self._code("subjectCode")

    @property
    def reason_code(self) -> str:
        """Reason code (SGP.22 5.2.6.2); empty where there is none."""
        return self._code("reasonCode")

    @property
    def message(self) -> str:
        """What the server says for people; empty where it says nothing."""
        return self._code("message")

    def _code(self, name: str) -> str:
        data = self.execution_status.get("statusCodeData")
        return str(data.get(name) or "") if isinstance(data, dict) else ""

    def octets_of(self, name: str) -> bytes:
        """The octets of a base64 field; raises ValueError naming the field."""
        body = self.body or {}
        if name not in body:
            raise ValueError(f"{self.function}: the answer has no {name}")
        try:
            return base64.b64decode(body[name], validate=True)
        except (TypeError, ValueError):
            raise ValueError(f"{self.function}: {name} is not base64") from None


class Es9Client:
    """An SM-DP+ seen from an LPA.

    Args:
        url: ``https://host[:port]``, or the address of an activation code.
        tls: trust and everything else of the connection.
        protocol: version of SGP.22 in X-Admin-Protocol.
    """

    def __init__(self, url: str, tls: TlsSettings, protocol: str = "2.6.0") -> None:
        self._connection = Connection(url, tls)
        self.url = self._connection.url
        self.headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": USER_AGENT,
            "X-Admin-Protocol": f"gsma/rsp/v{protocol}",
        }

    def __enter__(self) -> Es9Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the connections."""
        self._connection.close()

    def send(
        self,
        function: str,
        octets: bytes,
        *,
        headers: Mapping[str, str | None] | None = None,
        path: str | None = None,
        method: str = "POST",
    ) -> Es9Reply:
        """Send any octets and return any answer, unjudged; for tests of the binding.

        Args:
            headers: put over the usual ones; None leaves one out.
            path: in place of the function's.

        Raises:
            Es9Error: no whole answer came.
        """
        merged = {**self.headers, **(headers or {})}
        sent = {name: value for name, value in merged.items() if value is not None}
        answer = self._connection.request(method, PATH + function if path is None else path, sent, octets)
        return Es9Reply(function, answer.status, answer.headers, answer.octets)

    def call(self, function: str, body: Mapping[str, Any]) -> Es9Reply:
        """Call a function with a body as the binding has it.

        A function that the server answers with ``Failed`` is an answer, not an error.

        Raises:
            Es9Error: no answer of the binding came: an HTTP status other than 200 (handleNotification: 204), a body
                that is no JSON object, a redirect, or nothing at all.
        """
        reply = self.send(function, json.dumps(body).encode())
        url = f"{self.url}{PATH}{function}"
        if 300 <= reply.status < 400:
            raise Redirected(url, f"HTTP {reply.status} sends to {reply.headers.get('location')}; it is not followed")
        if reply.status not in (_OK, _NO_CONTENT):
            wanted = _NO_CONTENT if function == "handleNotification" else _OK
            message = f"HTTP {reply.status}, wanted {wanted} (SGP.22 6.5.2); {_beginning(reply)}"
            raise UnexpectedHttpStatus(url, message, reply.status)
        if reply.status == _OK and reply.body is None:
            raise NotJson(url, f"the answer is no JSON object (SGP.22 6.5.2): {_beginning(reply)}")
        return reply

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


def _beginning(reply: Es9Reply) -> str:
    kind = reply.headers.get("content-type", "no content type")
    text = " ".join(reply.octets[:200].decode("utf-8", "replace").split())
    return f"{kind}, beginning {text[:80]!r}" if text else f"{kind}, no body"
