"""TLS of the listeners: the certificate shown, versions, suites (SGP.22 2.6.6), and how these may deviate."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from pytest_euicc.es9.tls import TlsVersion, limit_versions, load_identity, load_pem
from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.rsp.issuing import Identity, Wish, issue
from pytest_euicc.rsp.pki import Pki
from pytest_euicc.simulator.smdp.credentials import of_today, varied

_PREFIX = "tls-certificate-"
_RSA_BITS = 2048
_ELSEWHERE = ("another.example.com",)


@dataclass(frozen=True)
class Way:
    """How a listener speaks TLS; the defaults are right."""

    suites: str = "ECDHE+ECDSA+AESGCM"
    minimum: TlsVersion = "1.2"
    maximum: TlsVersion = "1.3"


_CERTIFICATES: dict[str, Callable[[Wish], Wish]] = {
    "tls-certificate-with-names": lambda wish: replace(wish, hosts=(*_ELSEWHERE, *wish.hosts, "*.example.org")),
    "tls-certificate-with-extensions": lambda wish: replace(wish, further_extensions=True),
    "tls-certificate-of-today": of_today,
}
"""What variants change of CERT.DP.TLS."""
_MANY_TICKETS = 6
_WAYS = {
    # OpenSSL 3 allows SHA-1 signatures, which TLS before 1.2 needs, at security level 0 only.
    "accepts-tls-1.1": Way("ECDHE+ECDSA+AES@SECLEVEL=0", minimum="1.1"),
    "accepts-rsa-key-transport": Way("ECDHE+ECDSA+AESGCM:kRSA+AESGCM"),
    "no-tls-1.3": Way(maximum="1.2"),
    "no-gcm-suite": Way("ECDHE-ECDSA-AES128-SHA256", maximum="1.2"),
}


def listener_context(
    pki: Pki,
    curve: str,
    client_trust: list[Certificate],
    deviations: frozenset[str] = frozenset(),
    variants: frozenset[str] = frozenset(),
) -> ssl.SSLContext:
    """TLS of a listener with a certificate on a curve.

    Args:
        client_trust: CI certificates that a client's must chain to; no client certificate is asked for without.
        deviations: names of TLS_DEFECTS; of those that exclude each other one holds.
        variants: names of LISTENER_VARIANTS.

    Raises:
        PkiFolderError: the PKI has no such certificate.
    """
    shown = "nist" if curve == "brainpool" and "brainpool-listener-on-nist" in deviations else curve
    way = next((way for name, way in _WAYS.items() if name in deviations), Way())
    if "tls-prefers-aes-128" in variants:
        way = replace(way, suites=way.suites.replace("AESGCM", "AESGCM+AES128") + ":" + way.suites)
    identity = varied(pki, _identity(pki, shown, deviations), Role.DP_TLS, shown, variants, _CERTIFICATES)
    if "tls-shows-the-ci" in variants:
        identity = replace(identity, chain=(*identity.chain, pki.ci(shown)))
    context = server_context(identity, shown, client_trust, way)
    _vary(context, shown, variants)
    if "accepts-rsa-key-transport" in deviations:
        load_pem(context, _rsa_pem())
    return context


def _vary(context: ssl.SSLContext, curve: str, variants: frozenset[str]) -> None:
    if "tls-without-tickets" in variants:
        context.options |= ssl.OP_NO_TICKET
        context.num_tickets = 0
    if "tls-with-many-tickets" in variants:
        context.num_tickets = _MANY_TICKETS
    if "tls-order-of-client" in variants:
        context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    if "tls-one-group" in variants and curve != "brainpool":
        context.set_ecdh_curve("prime256v1")
    if "tls-names-protocol" in variants:
        context.set_alpn_protocols(["http/1.1"])


def server_context(
    identity: Identity, curve: str, client_trust: list[Certificate] | None = None, way: Way | None = None
) -> ssl.SSLContext:
    """TLS of an RSP server: 1.2 or later, ECDHE with ECDSA and AES-GCM (SGP.22 2.6.6), unless ``way`` deviates.

    Args:
        curve: of the certificate. TLS 1.3 has no Brainpool group of this name, so that such a server ends at 1.2.
        client_trust: CI certificates that a client's must chain to; no client certificate is asked for without.
    """
    way = way or Way()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers(way.suites)
    limit_versions(context, way.minimum, "1.2" if curve == "brainpool" else way.maximum)
    if curve == "brainpool":
        context.set_ecdh_curve("brainpoolP256r1")
    load_identity(context, identity)
    if client_trust:
        context.verify_mode = ssl.CERT_REQUIRED
        for certificate in client_trust:
            context.load_verify_locations(cadata=certificate.der)
    return context


def _identity(pki: Pki, curve: str, deviations: frozenset[str]) -> Identity:
    """CERT.DP.TLS, or the invalid one that a deviation names."""
    for name in sorted(deviations):
        if name == "tls-certificate-wrong-name":
            valid = pki.server(Role.DP_TLS, curve)
            wish = Wish(Role.DP_TLS, "TEST SM-DP+ elsewhere", oid=valid.certificate.oid, hosts=_ELSEWHERE)
            return issue(wish, valid.private_key, pki.authority(curve))
        if name.startswith(_PREFIX):
            return pki.invalid_server(Role.DP_TLS, name.removeprefix(_PREFIX), curve)
    return pki.server(Role.DP_TLS, curve)


@cache
def _rsa_pem() -> bytes:
    """An RSA certificate with its key: suites with RSA key transport need one beside that on the curve."""
    key = rsa.generate_private_key(65537, _RSA_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TEST SM-DP+ RSA")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, now - timedelta(1), now + timedelta(30))
    certificate = builder.sign(key, hashes.SHA256())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + certificate.public_bytes(Encoding.PEM)
