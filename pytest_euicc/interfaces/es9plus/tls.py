"""TLS with the SM-DP+ as actions: a handshake, or an offer that no library would make (SGP.22 2.6.6)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from pydantic import AfterValidator

from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.errors import NotReachable, VectorMistake
from pytest_euicc.conformance.engine.message import Message, Outcome
from pytest_euicc.conformance.engine.registry import action, check
from pytest_euicc.conformance.files.orders import Curve
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import BOOLEAN, TEXT, listing, mapping
from pytest_euicc.conformance.values.text import describe
from pytest_euicc.es9 import client_hello
from pytest_euicc.es9.client_hello import OfferedVersion
from pytest_euicc.es9.errors import Es9Error, ServerTimeout, ServerUnreachable, TlsError
from pytest_euicc.es9.inspection import Handshake, handshake
from pytest_euicc.es9.suites import SUITES, iana_name, openssl_names
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role
from pytest_euicc.rsp.verification import verify_chain
from pytest_euicc.text import closest

_CERTIFICATE = mapping(
    "certificate",
    subject=TEXT,
    curve=TEXT,
    names=listing(TEXT),
    oids=listing(TEXT),
    policies=listing(TEXT),
    keyUsage=listing(TEXT),
    keyUsageCritical=BOOLEAN,
    extKeyUsage=listing(TEXT),
    ca=BOOLEAN,
)
_CONNECTION = mapping(
    "TLS connection", refused=BOOLEAN, alert=TEXT, reason=TEXT, version=TEXT, suite=TEXT, certificate=_CERTIFICATE
)
_USAGES = {"digital_signature": "digitalSignature", "key_cert_sign": "keyCertSign", "crl_sign": "cRLSign"}
_USAGES |= {"content_commitment": "nonRepudiation", "key_encipherment": "keyEncipherment"}
_USAGES |= {"data_encipherment": "dataEncipherment", "key_agreement": "keyAgreement"}
_USUAL = ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256"]
_PURPOSES = {ExtendedKeyUsageOID.SERVER_AUTH: "serverAuth", ExtendedKeyUsageOID.CLIENT_AUTH: "clientAuth"}


@dataclass
class TlsShown:
    """The URL that was called last and the certificates that it showed, the server's own first."""

    by_last: tuple[str, tuple[Certificate, ...]] | None = None


def _known_suite(name: str) -> str:
    if name not in SUITES:
        raise ValueError(f"no suite {name!r}{closest(name, SUITES)}")
    return name


def _offerable_suite(name: str) -> str:
    openssl_names([_known_suite(name)])
    return name


Suite = Annotated[str, AfterValidator(_known_suite)]
"""A cipher suite by its name of the IANA registry."""
HandshakeSuite = Annotated[str, AfterValidator(_offerable_suite)]
"""One that OpenSSL can go through a handshake with."""


@action("tls.connect", response=_CONNECTION)
def connect(
    context: Context,
    _message: Message,
    *,
    curve: Curve = "nist",
    version: Literal["1.2", "1.3"] | None = None,
    suites: list[HandshakeSuite] = _USUAL,
) -> Outcome:
    """A TLS handshake with the ES9+ listener. The certificate is recorded, not verified.

    Args:
        curve: of the server certificate.
        version: the only TLS version offered.
        suites: the only cipher suites offered up to TLS 1.2 (IANA names); by default those of SGP.22 2.6.6.

    Returns:
        ``refused`` with the TLS ``alert`` and a ``reason``, or ``version``, ``suite`` and ``certificate``.
    """
    url, settings = context.smdp.endpoint(curve)
    settings = replace(settings, minimum=version or "1.2", maximum=version or "1.3", ciphers=openssl_names(suites))
    offered = {"url": url, "versions": [version] if version else ["1.2", "1.3"], "suites": suites}
    try:
        made = handshake(url, settings)
    except (ServerUnreachable, ServerTimeout) as error:
        raise NotReachable(str(error)) from error
    except (TlsError, CertificateFault) as error:
        alert = error.alert if isinstance(error, TlsError) else ""
        value = {"refused": True, "alert": alert, "reason": str(error)}
        return Outcome(sent_value=offered, value=value, shape=_CONNECTION)
    context.part(TlsShown).by_last = (url, made.chain)
    shown = b"".join(certificate.der for certificate in made.chain)
    return Outcome(sent_value=offered, received=shown, value=_value(made), shape=_CONNECTION)


def _value(made: Handshake) -> dict[str, Any]:
    value: dict[str, Any] = {
        "refused": False,
        "version": made.version.removeprefix("TLSv"),
        "suite": iana_name(made.cipher),
    }
    return value | ({"certificate": facts(made.chain[0])} if made.chain else {})


@action("tls.offer", response=_CONNECTION)
def offer(
    context: Context, _message: Message, *, version: OfferedVersion, suites: list[Suite], curve: Curve = "nist"
) -> Outcome:
    """A ClientHello alone, to offer what OpenSSL does not.

    The answer is a ServerHello, an alert or a closed connection.

    Args:
        version: the TLS version offered.
        suites: the cipher suites offered (IANA names).
        curve: the group and the signature algorithm offered.

    Returns:
        ``refused`` with the TLS ``alert`` and a ``reason``, or ``version``, ``suite`` and ``certificate``.
    """
    url, settings = context.smdp.endpoint(curve)
    random = context.random.randbytes(client_hello.RANDOM_OCTETS)
    try:
        answer = client_hello.offer(url, settings, version, suites, random)
    except Es9Error as error:
        raise NotReachable(str(error)) from error
    value: dict[str, Any] = {"refused": answer.refused, "alert": answer.alert}
    if not answer.refused:
        value |= {"version": answer.version, "suite": answer.suite}
    return Outcome(answer.sent, received=answer.received, value=value, shape=_CONNECTION)


def facts(certificate: Certificate) -> dict[str, Any]:
    """What a certificate says, as vectors have it."""
    names = certificate.extension(x509.SubjectAlternativeName)
    usage = certificate.extension(x509.KeyUsage)
    purposes = certificate.extension(x509.ExtendedKeyUsage)
    constraints = certificate.extension(x509.BasicConstraints)
    oids = names.value.get_values_for_type(x509.RegisteredID) if names is not None else []
    return {
        "subject": certificate.subject,
        "curve": certificate.curve,
        "names": certificate.host_names,
        "oids": [oid.dotted_string for oid in oids],
        "policies": list(certificate.policies),
        "keyUsage": [name for attribute, name in _USAGES.items() if usage and getattr(usage.value, attribute)],
        "keyUsageCritical": bool(usage and usage.critical),
        "extKeyUsage": [_PURPOSES.get(oid, oid.dotted_string) for oid in purposes.value] if purposes else [],
        "ca": bool(constraints and constraints.value.ca),
    }


_OF_CHAIN = (
    *(FaultKind.CHAIN, FaultKind.UNKNOWN_CI, FaultKind.ISSUER, FaultKind.SIGNATURE),
    *(FaultKind.EXPIRED, FaultKind.NOT_YET_VALID, FaultKind.CURVE),
)
"""What is wrong between a certificate and its CI, as opposed to what it says of itself; found first."""


def _shown(context: Context) -> tuple[str, tuple[Certificate, ...]]:
    shown = context.part(TlsShown).by_last
    if shown is None:
        raise VectorMistake("no TLS handshake has succeeded in this sequence")
    return shown


@check("tls_chain")
def tls_chain(context: Context, _outcome: Outcome) -> Iterator[Mismatch]:
    """CERT.DP.TLS is signed by a CI of the session, on a curve of SGP.22 2.6.7.1, and valid now (SGP.22 4.5.2.2)."""
    _, chain = _shown(context)
    trust = context.session.trust
    # A server may send the CI's certificate as well (RFC 5246 7.4.2).
    below = [certificate for certificate in chain if certificate not in trust]
    try:
        verify_chain(below, trust, Role.DP_TLS, at=datetime.datetime.now(datetime.UTC))
    except CertificateFault as fault:
        if fault.kind in _OF_CHAIN:
            yield Mismatch("certificate", "one under a CI, valid now (SGP.22 4.5.2)", str(fault))


@check("tls_name")
def tls_name(context: Context, _outcome: Outcome) -> Iterator[Mismatch]:
    """CERT.DP.TLS is for the host that was called (SGP.22 2.6.6, RFC 6125)."""
    url, chain = _shown(context)
    host = (urlsplit(url).hostname or "").lower()
    names = chain[0].host_names
    if not any(_covers(name.lower(), host) for name in names):
        yield Mismatch("certificate.names", f"{host} among the names of subjectAltName", describe(names))


def _covers(name: str, host: str) -> bool:
    # A wildcard stands for the whole first label, and for no other (RFC 6125 6.4.3).
    first, _, rest = name.partition(".")
    return name == host or (first == "*" and rest != "" and host.partition(".")[2] == rest)
