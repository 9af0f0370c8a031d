"""The TLS contexts of the servers of the bench: CERT.DP.TLS for any host name, and what is shown in its place."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import replace

from pytest_euicc.es9.tls import limit_versions, load_identity
from pytest_euicc.peers.lpa.tls import Shown, TlsRule
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.issuing import Identity, Wish, issue
from pytest_euicc.rsp.pki import INVALID_SERVER_KINDS, Pki
from pytest_euicc.simulator.smdp.http.tls import Way

_ELSEWHERE = "another.example.org"
_NAMES: dict[str, Callable[[str], tuple[str, ...]]] = {
    "wrong-name": lambda _host: (_ELSEWHERE,),
    "no-name": lambda _host: (),
    "name-is-last": lambda host: (_ELSEWHERE, "third.example.org", host),
    "wildcard": lambda host: (f"*.{host.partition('.')[2]}",),
}


class Contexts:
    """TLS contexts by host and rule, each made once."""

    def __init__(self, pki: Pki) -> None:
        self._pki = pki
        self._made: dict[tuple[str, TlsRule], ssl.SSLContext] = {}

    def of(self, host: str, rule: TlsRule) -> ssl.SSLContext:
        """The context of a server; raises PkiFolderError where the PKI has no key to issue its certificate."""
        key = (host, rule.model_copy(update={"host": None, "connection": 1, "ends": None}))
        if key not in self._made:
            self._made[key] = self._make(host, rule)
        return self._made[key]

    def _make(self, host: str, rule: TlsRule) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers(rule.suites or Way().suites)
        brainpool = rule.certificate == "brainpool"
        limit_versions(context, rule.minimum, "1.2" if brainpool else rule.maximum)
        if brainpool:
            context.set_ecdh_curve("brainpoolP256r1")
        load_identity(context, self._identity(host, rule.certificate))
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
        if shown == "through-end-entity":
            middle = issue(Wish(Role.DP_TLS, "no CA", hosts=(host,)), valid.private_key, self._pki.authority(curve))
            made = issue(wish, valid.private_key, middle)
            return replace(made, chain=(middle.certificate,))
        return issue(wish, valid.private_key, self._pki.authority(curve, 2 if shown == "unknown-ci" else 1))
