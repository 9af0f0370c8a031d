"""What a server shows in its TLS handshake, without verifying it."""

from __future__ import annotations

import socket
import ssl
from contextlib import closing
from dataclasses import dataclass, replace

from pytest_euicc.es9.address import https_authority
from pytest_euicc.es9.deadline import Deadline, another
from pytest_euicc.es9.errors import (
    CertificateExpired,
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
from pytest_euicc.rsp.certificates import Certificate


@dataclass(frozen=True)
class Handshake:
    """A handshake: version (``TLSv1.2``), suite in OpenSSL's name, the certificates sent, the server's own first."""

    version: str
    cipher: str
    chain: tuple[Certificate, ...]


def handshake(url: str, settings: TlsSettings, *, verify: bool = False) -> Handshake:
    """Connect, shake hands, leave.

    Args:
        verify: False accepts any certificate, so that one that must be refused can be inspected.

    Raises:
        Es9Error: no connection, or no handshake.
        CertificateFault: what the server sent is no certificate with an EC key.
    """
    context = client_context(replace(settings, verify=verify))
    with tls_connection(url, settings, context, Deadline(settings.timeout)) as secure:
        cipher = secure.cipher()
        return Handshake(secure.version() or "", cipher[0] if cipher else "", _chain(secure))


def tls_connection(url: str, settings: TlsSettings, context: ssl.SSLContext, deadline: Deadline) -> ssl.SSLSocket:
    """A TLS connection to the host and port of a URL.

    Raises:
        Es9Error: no connection, or no handshake before the deadline.
    """
    _, host, _ = https_authority(url)
    plain = tcp_connection(url, settings, deadline)
    try:
        deadline.limit(plain)
        with closing(another(plain)) as same, deadline.guard(same):
            return context.wrap_socket(plain, server_hostname=host)
    except ssl.SSLError as error:
        fault: Es9Error = explain_tls(url, host, error, settings)
    except TimeoutError:
        fault = ServerTimeout(url, f"no handshake within {settings.timeout:g} s")
    except OSError as error:
        fault = TlsError(url, f"the server ended the handshake ({error.strerror or error})")
    plain.close()
    raise fault


def tcp_connection(url: str, settings: TlsSettings, deadline: Deadline | None = None) -> socket.socket:
    """A connection to the host and port of a URL; the deadline is the time limit of the settings unless one is given.

    Raises:
        ServerUnreachable: it does not come about.
    """
    _, host, port = https_authority(url)
    there = settings.resolve.get(host, host)
    try:
        return (deadline or Deadline(settings.timeout)).connect(there, port)
    except TimeoutError:
        raise ServerUnreachable(
            url, f"no connection within {settings.timeout:g} s to {there}:{port}; is the server up?"
        ) from None
    except socket.gaierror:
        raise ServerUnreachable(url, f"{host} has no address; give one with resolve, or correct the name") from None
    except OSError as error:
        raise ServerUnreachable(
            url, f"nothing listens at {there}:{port} ({error.strerror or error}); is the server up and the port right?"
        ) from None


def _chain(secure: ssl.SSLSocket) -> tuple[Certificate, ...]:
    # The whole chain is public from Python 3.13 on; before, only the object underneath gives it.
    public = getattr(secure, "get_unverified_chain", None)
    if public is not None:
        return tuple(Certificate(der) for der in public())
    private = getattr(secure, "_sslobj", None)
    sent = private.get_unverified_chain() if private is not None else None
    return tuple(Certificate(ssl.PEM_cert_to_DER_cert(certificate.public_bytes())) for certificate in sent or ())


# X509_V_ERR_… of OpenSSL: not yet valid, expired; unable to get issuer (2, 20, 21), self-signed (18, 19).
_VALIDITY = (9, 10)


_ISSUER = (2, 18, 19, 20, 21)


_NAME = (62, 64)


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
        return NotTls(url, "the server does not use TLS on this port (plain HTTP?)")
    words = str(reason).lower().replace("_", " ")
    # OpenSSL: TLSV1_ALERT_PROTOCOL_VERSION, SSLV3_ALERT_HANDSHAKE_FAILURE.
    alert = str(reason).rpartition("_ALERT_")[2].lower() if "_ALERT_" in str(reason) else ""
    return TlsError(url, f"no TLS connection: {words}; {_offered(settings)}", alert)


def _names_shown(url: str, settings: TlsSettings) -> list[str]:
    """The host names in a certificate that was refused; a handshake that fails does not give it out."""
    from pytest_euicc.rsp.certificates import CertificateFault

    try:
        return list(handshake(url, settings).chain[0].host_names)
    except (Es9Error, CertificateFault, IndexError):
        return []


def _offered(settings: TlsSettings) -> str:
    """What the client offered, for error messages."""
    if settings.curve != "brainpool":
        return "do both sides have a TLS version, a cipher suite and a curve in common?"
    if not can_offer_several():
        return (
            "this client offers TLS 1.2 and brainpoolP256r1 alone, for the certificate and for the key agreement "
            "(this Python can offer no second curve, 3.15 can): is the server's ECDHE on another one?"
        )
    return "this client offers TLS 1.2 with brainpoolP256r1 and P-256: does the server take them?"
