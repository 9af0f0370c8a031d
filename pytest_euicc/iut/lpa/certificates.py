"""The TLS contexts of the servers of the bench: CERT.DP.TLS for any host name, and what is shown in its place."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from pytest_euicc.es9.tls import limit_versions, load_identity, load_pem
from pytest_euicc.iut.lpa import http2
from pytest_euicc.peers.lpa.tls import Shown, TlsRule
from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.rsp.crl import issue_crl
from pytest_euicc.rsp.issuing import Identity, Wish, issue
from pytest_euicc.rsp.pki import INVALID_SERVER_KINDS, Pki
from pytest_euicc.rsp.signatures import private_key_from
from pytest_euicc.simulator.smdp.http.tls import Way

_RSA_SUITES = "ECDHE+AESGCM"
_RSA_BITS = 2048
_ELSEWHERE = "another.example.org"
_NAMES: dict[str, Callable[[str], tuple[str, ...]]] = {
    "wrong-name": lambda _host: (_ELSEWHERE,),
    "no-name": lambda _host: (),
    "name-is-last": lambda host: (_ELSEWHERE, "third.example.org", host),
    "wildcard": lambda host: (f"*.{host.partition('.')[2]}",),
    "wildcard-above": lambda host: (f"*.{host.split('.', 2)[2]}",),
    "wildcard-below": lambda host: (f"*.{host}",),
}


def public_ca() -> Identity:
    """A CA that issues TLS certificates and is no CI of GSMA."""
    key = private_key_from(b"pytest-euicc/public CA", ec.SECP256R1())
    return issue(Wish(Role.CI, "Public CA of the tester", policy=None), key)


class Contexts:
    """TLS contexts by host and rule, each made once."""

    def __init__(self, pki: Pki) -> None:
        self._pki = pki
        self._made: dict[tuple[str, TlsRule], ssl.SSLContext] = {}
        self._revoked: list[Certificate] = []

    def of(self, host: str, rule: TlsRule) -> ssl.SSLContext:
        """The context of a server; raises PkiFolderError where the PKI has no key to issue its certificate."""
        key = (host, rule.model_copy(update={"host": None, "connection": 1, "ends": None}))
        if key not in self._made:
            self._made[key] = self._make(host, rule)
        return self._made[key]

    def revocation_list(self) -> bytes:
        """The list of the CI, DER, with every ``revoked`` certificate that was shown (RFC 5280 5)."""
        return issue_crl(self._pki.authority("nist"), self._revoked)

    def _make(self, host: str, rule: TlsRule) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        suites = _RSA_SUITES if rule.certificate == "rsa" else Way().suites
        context.set_ciphers(rule.suites or suites)
        brainpool = rule.certificate == "brainpool"
        limit_versions(context, rule.minimum, "1.2" if brainpool else rule.maximum)
        if rule.http2:
            context.set_alpn_protocols([http2.PROTOCOL, "http/1.1"])
        if brainpool:
            context.set_ecdh_curve("brainpoolP256r1")
        identity = self._identity(host, rule.certificate)
        if rule.certificate == "rsa":
            load_pem(context, _on_rsa(identity.certificate.x509, self._pki.authority("nist").private_key))
        else:
            load_identity(context, identity)
        return context

    def _identity(self, host: str, shown: Shown) -> Identity:
        curve = "brainpool" if shown == "brainpool" else "nist"
        valid = self._pki.server(Role.DP_TLS, curve)
        if shown == "dpauth":
            return self._pki.server(Role.DP_AUTH, curve)
        hosts = _NAMES[shown](host) if shown in _NAMES else (host,)
        wish = Wish(Role.DP_TLS, host, oid=valid.certificate.oid, hosts=hosts)
        if shown in INVALID_SERVER_KINDS:
            wish = INVALID_SERVER_KINDS[shown](wish)
        if shown == "self-signed":
            return issue(wish, valid.private_key)
        if shown == "public-ca":
            return issue(replace(wish, oid=None, policy=None), valid.private_key, public_ca())
        if shown == "through-end-entity":
            middle = issue(Wish(Role.DP_TLS, "no CA", hosts=(host,)), valid.private_key, self._pki.authority(curve))
            made = issue(wish, valid.private_key, middle)
            return replace(made, chain=(middle.certificate,))
        if shown == "revoked":
            made = issue(replace(wish, further_extensions=True), valid.private_key, self._pki.authority(curve))
            self._revoked.append(made.certificate)
            return made
        key = private_key_from(b"pytest-euicc/p384", ec.SECP384R1()) if shown == "p384" else valid.private_key
        return issue(wish, key, self._pki.authority(curve, 2 if shown == "unknown-ci" else 1))


def _on_rsa(like: x509.Certificate, authority: ec.EllipticCurvePrivateKey) -> bytes:
    """A certificate that says the same for an RSA key, and the key, both in PEM."""
    key = _rsa_key()
    builder = (
        x509.CertificateBuilder()
        .subject_name(like.subject)
        .issuer_name(like.issuer)
        .public_key(key.public_key())
        .serial_number(like.serial_number + 1)
        .not_valid_before(like.not_valid_before_utc)
        .not_valid_after(like.not_valid_after_utc)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    for extension in like.extensions:
        if not isinstance(extension.value, x509.SubjectKeyIdentifier):
            builder = builder.add_extension(extension.value, extension.critical)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem + builder.sign(authority, hashes.SHA256()).public_bytes(Encoding.PEM)


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, _RSA_BITS)
