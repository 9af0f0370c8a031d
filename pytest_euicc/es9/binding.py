"""The JSON binding of RSP functions over HTTPS, client side (SGP.22 6.2, 6.5)."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from types import TracebackType
from typing import Any, Protocol, Self

from pytest_euicc.es9.connection import Connection, HttpAnswer
from pytest_euicc.es9.errors import Es9Error, NotJson, Redirected, UnexpectedHttpStatus
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.text import encodable

_OK, _NO_CONTENT = 200, 204
_REDIRECTS = range(300, 400)
_LINE_BREAKS = str.maketrans("", "", "\r\n")


def encode(octets: bytes) -> str:
    """Octets as the binding carries them."""
    return base64.b64encode(octets).decode("ascii")


def decode(text: str) -> bytes:
    """Octets of a base64 field, in lines as well: RFC 2045 6.8 has them, RFC 4648 3.1 not, and SGP.22 names neither.

    Raises:
        TypeError: it is no text.
        ValueError: it is no base64.
    """
    return base64.b64decode(str.translate(text, _LINE_BREAKS), validate=True)


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
        """The JSON object; None where the body is none, or is nested beyond what anybody reads."""
        try:
            value = encodable(json.loads(self.octets))
        except (ValueError, RecursionError):
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
        if name not in self._decoded:
            try:
                self._decoded[name] = decode(body[name])
            except (TypeError, ValueError):
                raise ValueError(f"{self.function}: {name} is not base64") from None
        return self._decoded[name]

    @property
    def in_lines(self) -> list[str]:
        """Base64 fields that were asked for and have line breaks."""
        return [name for name in self._decoded if "\n" in (self.body or {})[name]]

    @cached_property
    def _decoded(self) -> dict[str, bytes]:
        """Base64 fields that were asked for, so that each is decoded once."""
        return {}


@dataclass(frozen=True)
class HttpExchange:
    """One request and its answer, as sent over HTTPS.

    Attributes:
        reply: None if no complete answer was received; ``fault`` says why.
    """

    method: str
    url: str
    headers: Mapping[str, str]
    octets: bytes
    reply: Es9Reply | None
    seconds: float
    fault: str = ""


class Sender(Protocol):
    """A way to one server: `Connection`, or one that stays in this process."""

    @property
    def url(self) -> str:
        """``https://host[:port]``."""

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> HttpAnswer:
        """Send and wait for the whole answer; raises Es9Error where none comes."""

    def close(self) -> None:
        """End the connections."""


class JsonClient:
    """A server seen from one that calls its functions.

    Args:
        url: ``https://host[:port]``, or ``host[:port]``.
        tls: trust and everything else of the connection.
        path: of the functions, up to their names.
        protocol: version of SGP.22 in X-Admin-Protocol.
        user_agent: what the client calls itself.
        sender: the way to the server, in place of HTTPS by these settings.

    Attributes:
        listener: called with every exchange, for reports.
    """

    def __init__(
        self, url: str, tls: TlsSettings, path: str, protocol: str, user_agent: str, sender: Sender | None = None
    ) -> None:
        self._connection: Sender = sender or Connection(url, tls)
        self._path = path
        self.listener: Callable[[HttpExchange], None] | None = None
        self.url = self._connection.url
        self.headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": user_agent,
            "X-Admin-Protocol": f"gsma/rsp/v{protocol}",
        }

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
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
            Es9Error: no complete answer was received.
        """
        merged = {**self.headers, **(headers or {})}
        sent = {name: value for name, value in merged.items() if value is not None}
        url = self.url_of(function, path)
        started = time.perf_counter()
        try:
            answer = self._connection.request(method, url.removeprefix(self.url), sent, octets)
        except Es9Error as error:
            self._tell(HttpExchange(method, url, sent, octets, None, time.perf_counter() - started, str(error)))
            raise
        reply = Es9Reply(function, answer.status, answer.headers, answer.octets)
        self._tell(HttpExchange(method, url, sent, octets, reply, time.perf_counter() - started))
        return reply

    def url_of(self, function: str, path: str | None = None) -> str:
        """The URL of a function; ``path`` replaces its path."""
        return self.url + (self._path + function if path is None else path)

    def _tell(self, exchange: HttpExchange) -> None:
        if self.listener is not None:
            self.listener(exchange)

    def call(self, function: str, body: Mapping[str, Any]) -> Es9Reply:
        """Call a function with a body as the binding has it.

        A function that the server answers with ``Failed`` is an answer, not an error.

        Raises:
            Es9Error: no answer of the binding: an HTTP status other than 200 (handleNotification: 204), a body
                that is no JSON object, a redirect, or nothing at all.
        """
        reply = self.send(function, json.dumps(body).encode())
        fault = fault_of(reply, self.url_of(function))
        if fault is not None:
            raise fault
        return reply


def fault_of(reply: Es9Reply, url: str) -> Es9Error | None:
    """Why an answer is none of the binding; None for one that is."""
    if reply.status in _REDIRECTS:
        where = reply.headers.get("location")
        return Redirected(url, f"HTTP {reply.status} sends to {where}; SGP.22 6.5 knows no redirects, none is followed")
    if reply.status not in (_OK, _NO_CONTENT):
        wanted = _NO_CONTENT if reply.function == "handleNotification" else _OK
        message = f"HTTP {reply.status}, expected {wanted} (SGP.22 6.5.2); {_beginning(reply)}"
        return UnexpectedHttpStatus(url, message, reply.status)
    if reply.status == _OK and reply.body is None:
        return NotJson(url, f"the answer is not a JSON object (SGP.22 6.5.2): {_beginning(reply)}")
    return None


def _beginning(reply: Es9Reply) -> str:
    kind = reply.headers.get("content-type", "no content type")
    text = " ".join(reply.octets[:200].decode("utf-8", "replace").split())
    return f"{kind}, beginning {text[:80]!r}" if text else f"{kind}, no body"
