"""TLS as a client of RSP servers: whom to trust, versions, curves, the certificate to show (SGP.22 2.6.6)."""

from __future__ import annotations

import ssl
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pytest_euicc.es9 import groups
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.rsp.issuing import Identity

TlsVersion = Literal["1.0", "1.1", "1.2", "1.3"]

_VERSIONS: dict[str, ssl.TLSVersion] = {
    "1.0": ssl.TLSVersion.TLSv1,
    "1.1": ssl.TLSVersion.TLSv1_1,
    "1.2": ssl.TLSVersion.TLSv1_2,
    "1.3": ssl.TLSVersion.TLSv1_3,
}
_OLD = ("1.0", "1.1")
_BRAINPOOL_GROUPS = ("brainpoolP256r1", "P-256")


@dataclass(frozen=True)
class TlsSettings:
    """TLS settings of a client.

    Attributes:
        trust: CI certificates that a server's certificate may chain to.
        curve: ``nist`` for servers with a P-256 certificate, ``brainpool`` for brainpoolP256r1. OpenSSL takes a
            certificate only if its curve is among the groups offered, and TLS 1.3 has no such group: with ``brainpool``
            TLS ends at 1.2. Such a server may agree on keys (ECDHE) on either curve; its certificate is verified under
            CIs on brainpoolP256r1 alone, as by the LPA of an eUICC that has no others (SGP.22 2.6.6). ``any`` is for
            both, where several groups can be offered (`groups.can_offer_several`).
        identity: certificate and key to show when the server asks for one.
        minimum, maximum: versions of TLS.
        ciphers: suites up to TLS 1.2 in OpenSSL's notation; those of SGP.22 2.6.6 if None.
        verify: False accepts any certificate, to inspect one that must be refused.
        timeout: seconds to connect, for each wait for octets, and for the body of an answer as a whole.
        resolve: addresses of host names, in place of the resolver.
        largest_answer: octets of body at most.
    """

    trust: Sequence[Certificate] = ()
    curve: Literal["nist", "brainpool", "any"] = "nist"
    identity: Identity | None = None
    minimum: TlsVersion = "1.2"
    maximum: TlsVersion = "1.3"
    ciphers: str | None = None
    verify: bool = True
    timeout: float = 30.0
    resolve: dict[str, str] = field(default_factory=dict)
    largest_answer: int = 8 << 20

    @property
    def trusted(self) -> list[Certificate]:
        """The certificates of ``trust`` that count on the curve."""
        return [ci for ci in self.trust if self.curve != "brainpool" or ci.curve == _BRAINPOOL_GROUPS[0]]


def client_context(settings: TlsSettings) -> ssl.SSLContext:
    """The context for connections with these settings."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old = settings.minimum in _OLD
    # OpenSSL 3 allows SHA-1 signatures, which TLS before 1.2 needs, at security level 0 only.
    context.set_ciphers(settings.ciphers or ("ECDHE+ECDSA+AES@SECLEVEL=0" if old else "ECDHE+ECDSA+AESGCM"))
    limit_versions(context, settings.minimum, settings.maximum)
    if settings.curve == "any":
        groups.offer(context, tuple(reversed(_BRAINPOOL_GROUPS)))
    if settings.curve == "brainpool":
        groups.offer(context, _BRAINPOOL_GROUPS)
        context.maximum_version = min(context.maximum_version, ssl.TLSVersion.TLSv1_2)
    if settings.verify:
        for certificate in settings.trusted:
            context.load_verify_locations(cadata=certificate.der)
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if settings.identity is not None:
        load_identity(context, settings.identity)
    return context


def limit_versions(context: ssl.SSLContext, minimum: TlsVersion, maximum: TlsVersion) -> None:
    """Set the versions of a context, also those that the ssl module warns of: who asks for them means it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = _VERSIONS[minimum]
        context.maximum_version = _VERSIONS[maximum]


def load_identity(context: ssl.SSLContext, identity: Identity) -> None:
    """Give a context a certificate with its chain and key."""
    chain = (identity.certificate, *identity.chain)
    pem = identity.private_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    load_pem(context, pem + b"".join(certificate.x509.public_bytes(Encoding.PEM) for certificate in chain))


def load_pem(context: ssl.SSLContext, pem: bytes) -> None:
    """Give a context a key and certificates in PEM; the ssl module takes them from a file only."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "identity.pem"
        path.touch(mode=0o600)
        path.write_bytes(pem)
        context.load_cert_chain(path)
