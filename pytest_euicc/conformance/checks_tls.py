"""Checks of the certificate that an SM-DP+ showed in the handshake before (SGP.22 2.6.6, 4.5.2)."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from urllib.parse import urlsplit

from pytest_euicc.conformance.actions import Outcome
from pytest_euicc.conformance.actions_tls import SHOWN
from pytest_euicc.conformance.checks import check
from pytest_euicc.conformance.context import Context
from pytest_euicc.conformance.matchers import Mismatch
from pytest_euicc.conformance.states import Unreachable
from pytest_euicc.conformance.text import describe
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role, verify_chain

_OF_CHAIN = (
    *(FaultKind.CHAIN, FaultKind.UNKNOWN_CI, FaultKind.ISSUER, FaultKind.SIGNATURE),
    *(FaultKind.EXPIRED, FaultKind.NOT_YET_VALID, FaultKind.CURVE),
)
"""What is wrong between a certificate and its CI, as opposed to what it says of itself; found first."""


def _shown(context: Context) -> tuple[str, tuple[Certificate, ...]]:
    shown: tuple[str, tuple[Certificate, ...]] | None = context.notes.get(SHOWN)
    if shown is None:
        raise Unreachable("no TLS handshake has succeeded in this sequence")
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
