"""One server over HTTPS: requests with every octet under control, faults of the way as clear errors."""

from __future__ import annotations

import ssl
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import urllib3
from urllib3 import exceptions

from pytest_euicc.es9 import address
from pytest_euicc.es9.errors import (
    AnswerTooLarge,
    ConnectionBroken,
    Es9Error,
    ServerTimeout,
    ServerUnreachable,
)
from pytest_euicc.es9.inspection import explain_tls
from pytest_euicc.es9.tls import TlsSettings, client_context

_CHUNK = 1 << 16


@contextmanager
def _without_warning() -> Iterator[None]:
    """Whoever sets verify=False means it; urllib3 warns of it at each connection."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", exceptions.InsecureRequestWarning)
        yield


@dataclass(frozen=True)
class HttpAnswer:
    """What came back, unjudged: status, headers with names in lower case, body as received."""

    status: int
    headers: dict[str, str]
    octets: bytes


class Connection:
    """Keep-alive connections to one server.

    Args:
        url: ``https://host[:port]``; ``https://`` may be left out.
        settings: trust, versions, name resolution, time limits.

    Raises:
        AddressFault: the URL names no host or is not HTTPS.
    """

    def __init__(self, url: str, settings: TlsSettings) -> None:
        self._authority, self.host, self.port = address.https_authority(url)
        self.settings = settings
        self.url = f"https://{self._authority}"
        self._context = client_context(settings)
        self._pool = self._new_pool()

    def _new_pool(self) -> urllib3.HTTPSConnectionPool:
        settings = self.settings
        return urllib3.HTTPSConnectionPool(
            settings.resolve.get(self.host, self.host),
            self.port,
            timeout=urllib3.Timeout(connect=settings.timeout, read=settings.timeout),
            maxsize=8,
            retries=False,
            ssl_context=self._context,
            server_hostname=self.host,
            assert_hostname=None if settings.verify else False,
            cert_reqs="CERT_REQUIRED" if settings.verify else "CERT_NONE",
        )

    def request(self, method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> HttpAnswer:
        """Send and wait for the whole answer; redirects are not followed.

        Raises:
            Es9Error: no whole answer came.
        """
        sent = {"Host": self._authority, **headers}
        try:
            return self._request(method, path, sent, body)
        except exceptions.HTTPError as error:
            raise self._explain(self.url + path, error) from None

    def _request(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        connections = self._pool.num_connections
        try:
            response = self._begin(method, path, headers, body)
        except exceptions.ProtocolError:
            # A server may end a connection that is kept alive at any time (RFC 9112 9.5), just as it is used again.
            if self._pool.num_connections > connections:
                raise
            self._pool.close()
            self._pool = self._new_pool()
            response = self._begin(method, path, headers, body)
        try:
            octets = self._read(self.url + path, response)
        finally:
            response.release_conn()
        found = {name.lower(): value for name, value in response.headers.items()}
        return HttpAnswer(response.status, found, octets)

    def _begin(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> urllib3.BaseHTTPResponse:
        with nullcontext() if self.settings.verify else _without_warning():
            return self._pool.request(
                method, path, body=body, headers=headers, redirect=False, preload_content=False, decode_content=False
            )

    def _read(self, url: str, response: urllib3.BaseHTTPResponse) -> bytes:
        limit, deadline = self.settings.largest_answer, time.monotonic() + self.settings.timeout
        octets = bytearray()
        # Only a read that finds the end notices that octets are missing.
        while chunk := response.read1(_CHUNK):
            octets += chunk
            if len(octets) > limit:
                response.close()
                raise AnswerTooLarge(url, f"the answer has no end: it is larger than {limit} octets")
            if time.monotonic() > deadline:
                response.close()
                raise ServerTimeout(url, f"the answer is not whole after {self.settings.timeout:g} s")
        return bytes(octets)

    def close(self) -> None:
        """End the connections."""
        self._pool.close()

    def _explain(self, url: str, error: exceptions.HTTPError) -> Es9Error:
        cause: Any = error
        if isinstance(error, exceptions.SSLError):
            inner = error.args[0] if error.args else error
            return explain_tls(url, self.host, inner if isinstance(inner, ssl.SSLError) else error, self.settings)
        if isinstance(error, exceptions.NameResolutionError):
            return ServerUnreachable(url, f"{self.host} has no address; give one with resolve, or mend the name")
        if isinstance(error, exceptions.NewConnectionError):
            return ServerUnreachable(
                url, f"nothing listens at {self._pool.host}:{self.port}; is the server up and the port right?"
            )
        if isinstance(error, exceptions.ConnectTimeoutError):
            return ServerUnreachable(url, f"no connection within {self.settings.timeout:g} s; is the server up?")
        if isinstance(error, exceptions.TimeoutError):
            return ServerTimeout(url, f"no answer within {self.settings.timeout:g} s; give it more time, or see why")
        if isinstance(error, exceptions.ProtocolError):
            cause = error.args[-1] if error.args else error
            if isinstance(cause, exceptions.IncompleteRead):
                return ConnectionBroken(url, f"the answer broke off after {cause.partial} octets")
            return ConnectionBroken(url, f"the connection ended before the answer: {' '.join(str(cause).split())}")
        return Es9Error(url, str(cause))
