"""What a server shows in its TLS handshake, looked at without judging it."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass, replace

from pytest_euicc.es9.address import host_and_port
from pytest_euicc.es9.connection import explain_tls
from pytest_euicc.es9.errors import ServerTimeout, ServerUnreachable, TlsError
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
        verify: False takes any certificate, so that one that must be refused can be looked at.

    Raises:
        Es9Error: no connection, or no handshake.
        CertificateFault: what the server sent is no certificate with an EC key.
    """
    host, _ = host_and_port(url)
    context = client_context(replace(settings, verify=verify))
    with tcp_connection(url, settings) as plain:
        try:
            with context.wrap_socket(plain, server_hostname=host) as secure:
                cipher = secure.cipher()
                return Handshake(secure.version() or "", cipher[0] if cipher else "", _chain(secure))
        except ssl.SSLError as error:
            raise explain_tls(url, host, error, settings) from None
        except TimeoutError:
            raise ServerTimeout(url, f"no handshake within {settings.timeout:g} s") from None
        except OSError as error:
            raise TlsError(url, f"the server ended the handshake ({error.strerror or error})") from None


def tcp_connection(url: str, settings: TlsSettings) -> socket.socket:
    """A connection to the host and port of a URL, with the time limit of the settings.

    Raises:
        ServerUnreachable: it does not come about.
    """
    host, port = host_and_port(url)
    try:
        return socket.create_connection((settings.resolve.get(host, host), port), settings.timeout)
    except TimeoutError:
        raise ServerUnreachable(
            url, f"no connection to {host}:{port} within {settings.timeout:g} s; is the server up?"
        ) from None
    except socket.gaierror:
        raise ServerUnreachable(url, f"{host} has no address; give one with resolve, or mend the name") from None
    except OSError as error:
        raise ServerUnreachable(
            url, f"nothing listens at {host}:{port} ({error.strerror or error}); is the server up and the port right?"
        ) from None


def _chain(secure: ssl.SSLSocket) -> tuple[Certificate, ...]:
    # The whole chain is public from Python 3.13 on; before, only the object underneath gives it.
    public = getattr(secure, "get_unverified_chain", None)
    if public is not None:
        return tuple(Certificate(der) for der in public())
    private = getattr(secure, "_sslobj", None)
    sent = private.get_unverified_chain() if private is not None else None
    return tuple(Certificate(ssl.PEM_cert_to_DER_cert(certificate.public_bytes())) for certificate in sent or ())
