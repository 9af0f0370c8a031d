"""Revocation lists of TLS certificates, for the simulated LPA (SGP.22 4.5.2.2, RFC 5280 4.2.1.13, 6.3)."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.es9.address import https_authority
from pytest_euicc.es9.errors import ServerCertificateError
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.rsp.crl import CrlFault, read_crl

_LARGEST = 1 << 20


def refuse_revoked(url: str, leaf: Certificate, tls: TlsSettings) -> None:
    """Look into the list that a certificate names.

    Args:
        tls: whom to trust, and where the host of the list is.

    Raises:
        ServerCertificateError: the certificate is on the list, or there is no list that holds.
    """
    place = _place_of(leaf)
    if place is None:
        return
    try:
        found = read_crl(_fetched(place, url, tls))
    except (OSError, CrlFault) as error:
        raise ServerCertificateError(url, f"no revocation list from {place}: {error}") from None
    keys = [ci.x509.public_key() for ci in tls.trust]
    if not any(isinstance(key, ec.EllipticCurvePublicKey) and found.is_signed_by(key) for key in keys):
        raise ServerCertificateError(url, f"the revocation list from {place} is not that of a trusted CI")
    if leaf.x509.serial_number in found.revoked:
        raise ServerCertificateError(url, "the server's certificate has been revoked")


def _place_of(leaf: Certificate) -> str | None:
    """URL of the first distribution point; None where there is none."""
    try:
        points = leaf.x509.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except x509.ExtensionNotFound:
        return None
    names = [name.value for point in points for name in point.full_name or ()]
    return str(names[0]) if names else None


def _fetched(place: str, url: str, tls: TlsSettings) -> bytes:
    """The list; the port is that of the server, where all hosts of the tester are."""
    parts = urlsplit(place)
    _, _, port = https_authority(url)
    host = parts.hostname or ""
    octets = b""
    with socket.create_connection((tls.resolve.get(host, host), port), tls.timeout) as plain:
        plain.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        while len(octets) < _LARGEST and (more := plain.recv(1 << 16)):
            octets += more
    return octets.partition(b"\r\n\r\n")[2]
