"""What an SM-DP+ has to show, and which of it a given eUICC can verify (SGP.22 2.6.6, 4.5)."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.rsp.issuing import Identity, Wish, issue
from pytest_euicc.rsp.pki import Pki
from pytest_euicc.simulator.smdp.http.status import Refusal


@dataclass(frozen=True)
class Credentials:
    """Certificates of one SM-DP+ under one CI.

    Attributes:
        curve: ``nist`` or ``brainpool``.
        oid: of the SM-DP+, the same in both certificates (SGP.22 4.5.2.1).
    """

    curve: str
    ci: Certificate
    auth: Identity
    profile_binding: Identity

    @property
    def oid(self) -> str:
        """The OID of CERT.DPauth."""
        return self.auth.certificate.oid or ""


@dataclass(frozen=True)
class Choice:
    """What serves a session: the server's credentials, and the CI the eUICC is to sign under (its key identifier)."""

    credentials: Credentials
    signing_ci: bytes


_YEAR = timedelta(365)


def of_today(wish: Wish) -> Wish:
    """Issued this morning, for a year."""
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return replace(wish, valid_from=today, valid_until=today + _YEAR)


CERTIFICATE_VARIANTS: dict[str, Callable[[Wish], Wish]] = {
    "certificates-with-extensions": lambda wish: replace(wish, further_extensions=True),
    "certificates-of-today": of_today,
    "certificates-with-long-numbers": lambda wish: replace(wish, serial_octets=20),
    "certificates-with-long-names": lambda wish: replace(wish, long_subject=True),
}
"""What variants change of CERT.DPauth and CERT.DPpb."""


def varied(
    pki: Pki,
    valid: Identity,
    role: Role,
    curve: str,
    variants: Container[str],
    known: Mapping[str, Callable[[Wish], Wish]],
) -> Identity:
    """A certificate for the key, OID and hosts of a valid one, with what variants change; the same one without any.

    Raises:
        PkiFolderError: the CI's key is not there to issue another one.
    """
    changes = [change for name, change in known.items() if name in variants]
    if not changes:
        return valid
    certificate = valid.certificate
    wish = Wish(role, f"TEST SM-DP+ {role.value}", oid=certificate.oid, hosts=tuple(certificate.host_names))
    for change in changes:
        wish = change(wish)
    return issue(wish, valid.private_key, pki.authority(curve))


class CredentialStore:
    """Credentials on each curve served, and the CI certificates that eUICCs may chain to.

    Args:
        further_trust: CI certificates beside those of the PKI; the server has no certificate of its own under them.
        auth: role of the certificate that it authenticates with.
    """

    def __init__(
        self,
        pki: Pki,
        curves: Sequence[str],
        further_trust: Iterable[Certificate] = (),
        number: int = 1,
        auth: Role = Role.DP_AUTH,
    ) -> None:
        self.trust = [*pki.trust(), *further_trust]
        self._pki = pki
        self._by_ci: dict[bytes, Credentials] = {}
        for curve in (curve for curve in curves if curve in pki.curves):
            ci = pki.ci(curve)
            shown, binding = pki.server(auth, curve, number), pki.server(Role.DP_PB, curve, number)
            self._by_ci[ci.subject_key_id or b""] = Credentials(curve, ci, shown, binding)
        self._trusted = {ci.subject_key_id: ci for ci in self.trust if ci.subject_key_id}

    def trusted(self, key_id: bytes | None) -> Certificate | None:
        """The CI certificate of a key identifier."""
        return self._trusted.get(key_id or b"")

    def expired(self, credentials: Credentials) -> Identity:
        """A CERT.DPauth whose time is over, for a defect."""
        return self._pki.invalid_server(Role.DP_AUTH, "expired", credentials.curve)

    def varied(self, valid: Identity, role: Role, curve: str, variants: Container[str]) -> Identity:
        """A certificate of the server as it is shown: of the same key, OID and hosts, with what variants add.

        Raises:
            PkiFolderError: the CI's key is not there to issue another one.
        """
        return varied(self._pki, valid, role, curve, variants, CERTIFICATE_VARIANTS)

    def profile_binding(self, credentials: Credentials, defects: frozenset[str]) -> Identity:
        """What AuthenticateClient signs with: CERT.DPpb, or what a defect has in its place."""
        if "dpauth-for-dppb" in defects:
            return credentials.auth
        if "dppb-of-another-oid" in defects:
            return self._pki.server(Role.DP_PB, credentials.curve, 2)
        if "expired-dppb" in defects:
            return self._pki.invalid_server(Role.DP_PB, "expired", credentials.curve)
        return credentials.profile_binding

    def choose(self, verification: Sequence[bytes], signing: Sequence[bytes], defects: frozenset[str]) -> Choice:
        """Choose by the eUICC's lists, its own priority first (SGP.22 5.6.1).

        Raises:
            Refusal: 8.8.2/3.1 no CI of the lists is known here, 8.8.4/3.7 no certificate under a CI that the eUICC
                can verify.
        """
        signing_ci = next((key_id for key_id in signing if key_id in self._trusted), None)
        if signing_ci is None or not any(key_id in self._trusted for key_id in verification):
            if "ignores-ci-lists" in defects:
                return self._own_choice()
            if signing_ci is not None and "ignores-verification-list" in defects:
                return self._own_choice()
            raise Refusal("8.8.2", "3.1", "none of the proposed CI keys is supported")
        if "chooses-own-ci" in defects:
            return self._own_choice()
        # The CI the eUICC signs under comes first: both sides then work on one curve.
        order = [signing_ci, *verification] if signing_ci in verification else list(verification)
        credentials = next((self._by_ci[key_id] for key_id in order if key_id in self._by_ci), None)
        if credentials is None:
            if "no-certificate-is-no-ci" in defects:
                raise Refusal("8.8.2", "3.1", "none of the proposed CI keys is supported")
            raise Refusal("8.8.4", "3.7", "no CERT.DPauth under a CI that the eUICC can verify")
        return Choice(credentials, signing_ci)

    def _own_choice(self) -> Choice:
        """What a defect chooses, whatever the eUICC can verify."""
        ci, credentials = next(iter(self._by_ci.items()))
        return Choice(credentials, ci)
