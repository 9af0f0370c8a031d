"""The test PKI: a hierarchy of SGP.26 shape for both curves and every invalid kind, issued when first asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.rsp.chains import PAST, Deviation, Maker, check_kind, ci_number
from pytest_euicc.rsp.issuing import Identity, Wish, issue
from pytest_euicc.rsp.signatures import CURVES, private_key_from

__all__ = ["INVALID_SERVER_KINDS", "Identity", "Pki", "TestPki", "default_pki"]

EIN = "89049032"
EID = bytes.fromhex("89049032123451234512345678901235")
"""Of the PKI's own eUICC."""
HOSTS = ("localhost", "127.0.0.1", "::1", "testsmdpplus1.example.com", "testsmdpplus2.example.com")
OIDS = {1: "2.999.10", 2: "2.999.12"}
"""SM-DP+ OIDs by the number of the test server."""
_CI_OID, _EUM_OID = "2.999.1", "2.999.5"
"""As in SGP.26."""

_OTHER_CURVES: dict[str, ec.EllipticCurve] = {"p192": ec.SECP192R1(), "p384": ec.SECP384R1()}
_FUTURE = datetime(2054, 1, 1, tzinfo=UTC)

INVALID_SERVER_KINDS: dict[str, Deviation] = {
    "bad-signature": lambda wish: replace(wish, break_signature=True),
    "expired": lambda wish: replace(wish, valid_until=PAST),
    "not-yet-valid": lambda wish: replace(wish, valid_from=_FUTURE),
    "no-policy": lambda wish: replace(wish, policy=None),
    "policy-not-critical": lambda wish: replace(wish, policy_critical=False),
    "wrong-policy": lambda wish: replace(
        wish, policy=(Role.DP_PB if wish.role is Role.DP_AUTH else Role.DP_AUTH).policy
    ),
    "no-key-usage": lambda wish: replace(wish, key_usage=False),
    "key-usage-not-critical": lambda wish: replace(wish, key_usage_critical=False),
    "wrong-key-usage": lambda wish: replace(wish, swap_key_usage=True),
    "is-a-ca": lambda wish: replace(wish, ca=True),
    "no-oid": lambda wish: replace(wish, oid=None),
    "wrong-extended-key-usage": lambda wish: replace(wish, client_only=True),
    "p192": lambda wish: wish,
    "p384": lambda wish: wish,
    "unknown-ci": lambda wish: wish,
}
"""Certificates of an SM-DP+ that an eUICC or an LPA must refuse, by name (``wrong-extended-key-usage``: TLS only, and
``policy-not-critical``: not TLS)."""


class Pki(Protocol):
    """Where identities come from: issued here, or read from a folder."""

    @property
    def curves(self) -> tuple[str, ...]:
        """Names of the curves there are identities for, ``nist`` and ``brainpool``."""

    def trust(self) -> list[Certificate]:
        """The CI certificates."""

    def ci(self, curve: str = "nist") -> Certificate:
        """The CI certificate of a curve."""

    def authority(self, curve: str = "nist", number: int = 1) -> Identity:
        """The CI with its key; 2 is one that nobody knows, 3 one that SM-DP+ trust without a certificate under it."""

    def euicc(self, eid: bytes | None, curve: str = "nist", kind: str | None = None) -> Identity:
        """CERT.EUICC for an EID (None: that of the PKI's own eUICC), its chain holding CERT.EUM; or an invalid kind."""

    def server(self, role: Role, curve: str = "nist", number: int = 1) -> Identity:
        """CERT.DPauth, CERT.DPpb or CERT.DP.TLS of a test SM-DP+."""

    def invalid_server(self, role: Role, kind: str, curve: str = "nist") -> Identity:
        """A certificate that must be refused."""


class TestPki:
    """Identities issued from a seed.

    Args:
        seed: the same seed gives the same keys and certificates, octet for octet.
        authorities: CIs to issue under, by curve, in place of its own.
    """

    __test__ = False  # A name of the field, no test of pytest.

    def __init__(self, seed: str = "pytest-euicc", authorities: Mapping[str, Identity] | None = None) -> None:
        self._seed = seed
        self._authorities = {(curve, 1): identity for curve, identity in (authorities or {}).items()}
        self._servers: dict[tuple[Role, str, int], Identity] = {}
        self._issued: dict[tuple[object, ...], Identity] = {}

    @property
    def curves(self) -> tuple[str, ...]:
        """Both curves of SGP.22 2.6.7.1."""
        return tuple(CURVES)

    def trust(self) -> list[Certificate]:
        """The CI certificates of both curves."""
        return [self.ci(curve) for curve in self.curves]

    def ci(self, curve: str = "nist") -> Certificate:
        """The CI certificate of a curve."""
        return self.authority(curve).certificate

    def authority(self, curve: str = "nist", number: int = 1) -> Identity:
        """The CI itself; 2 is one that nobody knows, 3 one that the SM-DP+ trusts without a certificate under it."""
        key = (curve, number)
        if key not in self._authorities:
            wish = Wish(Role.CI, "Test CI" if number == 1 else f"Test CI {number}", oid=_CI_OID)
            self._authorities[key] = self._identity(wish, curve, None, "ci", str(number))
        return self._authorities[key]

    def eum(self, curve: str = "nist", kind: str | None = None, ein: str = EIN) -> Identity:
        """CERT.EUM for EIDs that begin with ``ein``; its kind is one of chains.INVALID_EUICC_KINDS."""
        wish = _maker(ein).eum(kind)
        issuer = self.authority(curve, ci_number(kind))
        return self._identity(wish, curve, issuer, "eum", ein)

    def euicc(self, eid: bytes | None = None, curve: str = "nist", kind: str | None = None) -> Identity:
        """CERT.EUICC for an EID of 16 octets, its chain holding CERT.EUM; kinds are chains.INVALID_EUICC_KINDS.

        Raises:
            ValueError: the kind is unknown.
        """
        check_kind(kind)
        eid = eid or EID
        ein = eid.hex()[: len(EIN)]
        eum = self.eum(curve, kind, ein)
        wish = _maker(ein).euicc(eid, kind)
        return self._identity(wish, curve, eum, "euicc", eid.hex(), chain=(eum.certificate,))

    def server(self, role: Role, curve: str = "nist", number: int = 1) -> Identity:
        """CERT.DPauth, CERT.DPpb or CERT.DP.TLS of a test SM-DP+ (number 1 or 2: another OID)."""
        key = (role, curve, number)
        if key not in self._servers:
            wish = self._server_wish(role, number)
            self._servers[key] = self._identity(wish, curve, self.authority(curve), role.value, str(number))
        return self._servers[key]

    def invalid_server(self, role: Role, kind: str, curve: str = "nist") -> Identity:
        """A certificate that must be refused; its kind is one of INVALID_SERVER_KINDS.

        Raises:
            ValueError: the kind is unknown for this role.
        """
        if kind not in INVALID_SERVER_KINDS:
            raise ValueError(f"{kind}: no kind of certificate; known are {', '.join(INVALID_SERVER_KINDS)}")
        if kind == "wrong-extended-key-usage" and role is not Role.DP_TLS:
            raise ValueError(f"{kind}: only a TLS certificate has an extended key usage, not {role.value}")
        if kind == "policy-not-critical" and role is Role.DP_TLS:
            raise ValueError(f"{kind}: the policies of a TLS certificate need not be critical")
        wish = INVALID_SERVER_KINDS[kind](self._server_wish(role, 1))
        issuer = self.authority(curve, 2 if kind == "unknown-ci" else 1)
        return self._identity(wish, kind if kind in _OTHER_CURVES else curve, issuer, role.value, kind)

    @staticmethod
    def _server_wish(role: Role, number: int) -> Wish:
        hosts = HOSTS if role in (Role.DP_TLS, Role.DS_TLS) else ()
        return Wish(role, f"TEST SM-DP+{number} {role.value}", oid=OIDS[number], hosts=hosts)

    def _identity(
        self, wish: Wish, curve: str, issuer: Identity | None, *names: str, chain: tuple[Certificate, ...] = ()
    ) -> Identity:
        key = (wish, curve, issuer.certificate.der if issuer else b"", *names)
        if key not in self._issued:
            seed = "/".join((self._seed, curve, *names)).encode()
            private_key = private_key_from(seed, _curve(curve))
            self._issued[key] = issue(wish, private_key, issuer, chain=chain)
        return self._issued[key]


def _maker(ein: str) -> Maker:
    return Maker("EUM Test", "Test EUM", (ein,), oid=_EUM_OID)


def _curve(name: str) -> ec.EllipticCurve:
    return _OTHER_CURVES[name] if name in _OTHER_CURVES else CURVES[name]


@cache
def default_pki() -> TestPki:
    """The PKI that the simulators and the suites share when none is given."""
    return TestPki()
