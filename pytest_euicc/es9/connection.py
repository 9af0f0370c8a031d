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
    CertificateExpired,
    ConnectionBroken,
    Es9Error,
    NameMismatch,
    NotTls,
    ServerCertificateError,
    ServerTimeout,
    ServerUnreachable,
    TlsError,
    UnknownIssuer,
)
from pytest_euicc.es9.groups import can_offer_several
from pytest_euicc.es9.tls import TlsSettings, client_context

_CHUNK = 1 << 16
# X509_V_ERR_… of OpenSSL: not yet valid, expired; unable to get issuer (2, 20, 21), self-signed (18, 19).
_VALIDITY = (9, 10)
_ISSUER = (2, 18, 19, 20, 21)
_NAME = (62, 64)


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
        ValueError: the URL names no host or is not HTTPS.
    """

    def __init__(self, url: str, settings: TlsSettings) -> None:
        parts = address.parts(url)
        if parts.scheme != "https" or not parts.hostname:
            raise ValueError(f"{url}: wanted https://host[:port]")
        self.settings = settings
        self.host, self.port = address.host_and_port(url)
        self._authority = parts.netloc
        self.url = f"https://{parts.netloc}"
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


def explain_tls(url: str, host: str, error: BaseException, settings: TlsSettings) -> TlsError:
    """The error for a handshake that failed."""
    if isinstance(error, ssl.SSLCertVerificationError):
        said = error.verify_message
        if error.verify_code in _NAME:
            names = ", ".join(_names_shown(url, settings)) or "other hosts"
            return NameMismatch(url, f"the server's certificate is for {names}, not for {host}; which name is wrong?")
        if error.verify_code in _VALIDITY:
            return CertificateExpired(url, f"the server's certificate is not valid now: {said}")
        if error.verify_code in _ISSUER:
            trusted = ", ".join(ci.subject for ci in settings.trusted) or "none"
            return UnknownIssuer(
                url, f"the server's certificate does not chain to a trusted CI ({said}); trusted: {trusted}"
            )
        return ServerCertificateError(url, f"the server's certificate is refused: {said}")
    reason = getattr(error, "reason", None) or str(error)
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE"):
        return NotTls(url, "the server does not speak TLS on this port (plain HTTP?)")
    words = str(reason).lower().replace("_", " ")
    # OpenSSL: TLSV1_ALERT_PROTOCOL_VERSION, SSLV3_ALERT_HANDSHAKE_FAILURE.
    alert = str(reason).rpartition("_ALERT_")[2].lower() if "_ALERT_" in str(reason) else ""
    return TlsError(url, f"no TLS connection: {words}; {_offered(settings)}", alert)


def _names_shown(url: str, settings: TlsSettings) -> list[str]:
    """The host names in a certificate that was refused; a handshake that fails does not give it out."""
    from pytest_euicc.es9.inspection import handshake
    from pytest_euicc.rsp.certificates import CertificateFault

    try:
        return list(handshake(url, settings).chain[0].host_names)
    except (Es9Error, CertificateFault, IndexError):
        return []


def _offered(settings: TlsSettings) -> str:
    """What the client offered, for people whose server wants something else."""
    if settings.curve != "brainpool":
        return "do versions, suites and curve of both sides meet?"
    if not can_offer_several():
        return (
            "this client offers TLS 1.2 and brainpoolP256r1 alone, for the certificate and for the key agreement "
            "(this Python can offer no second curve, 3.15 can): is the server's ECDHE on another one?"
        )
    return "this client offers TLS 1.2 with brainpoolP256r1 and P-256: does the server take them?"
