"""Chains of an eUICC for whoever holds the keys: CERT.EUICC under CERT.EUM, right or with one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from cryptography.x509.oid import NameOID

from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.rsp.issuing import Wish

Deviation = Callable[[Wish], Wish]

PAST = datetime(2021, 1, 1, tzinfo=UTC)
"""When certificates end that must be refused as expired."""

_UNKNOWN_CI = "eum-unknown-ci"
_EUM_DEVIATIONS: dict[str, Deviation] = {
    "eum-signature": lambda wish: replace(wish, break_signature=True),
    "eum-key-usage": lambda wish: replace(wish, swap_key_usage=True),
    "eum-policy": lambda wish: replace(wish, policy=Role.EUICC.policy),
    "eum-basic-constraints": lambda wish: replace(wish, ca=False),
    "eum-basic-constraints-not-critical": lambda wish: replace(wish, ca_critical=False),
    "eum-path-length": lambda wish: replace(wish, path_length=1),
    "eum-no-authority-key": lambda wish: replace(wish, authority_key=False),
    "eum-no-name-constraints": lambda wish: replace(wish, eins=()),
    "eum-expired": lambda wish: replace(wish, valid_until=PAST),
    _UNKNOWN_CI: lambda wish: wish,
}
_EUICC_DEVIATIONS: dict[str, Deviation] = {
    "euicc-signature": lambda wish: replace(wish, break_signature=True),
    "euicc-key-usage": lambda wish: replace(wish, swap_key_usage=True),
    "euicc-policy": lambda wish: replace(wish, policy=Role.EUM.policy),
    "euicc-organisation": lambda wish: replace(wish, organisation="another maker"),
    "euicc-no-authority-key": lambda wish: replace(wish, authority_key=False),
    # An EID (its check digits are right) of another EUM.
    "euicc-serial-number": lambda wish: replace(wish, serial_number="89" + "0" * 28 + "02"),
    "euicc-expired": lambda wish: replace(wish, valid_until=PAST),
}
INVALID_EUICC_KINDS = (*_EUM_DEVIATIONS, *_EUICC_DEVIATIONS)
"""Chains of an eUICC that an SM-DP+ must refuse, by name; everything else in each is right."""


def check_kind(kind: str | None) -> None:
    """Raises ValueError for a kind that is not known, so that a misspelt one never yields a valid chain."""
    if kind is not None and kind not in INVALID_EUICC_KINDS:
        raise ValueError(f"{kind}: no kind of chain; known are {', '.join(INVALID_EUICC_KINDS)}")


def deviates_in_eum(kind: str | None) -> bool:
    """True if CERT.EUM is what is wrong with a kind, so that the CI has to issue another one."""
    return kind in _EUM_DEVIATIONS


def ci_number(kind: str | None) -> int:
    """Which CI a chain of a kind is under: 1, or 2 that no SM-DP+ trusts."""
    return 2 if kind == _UNKNOWN_CI else 1


@dataclass(frozen=True)
class Maker:
    """An EUM, by what its certificate says (SGP.22 4.5.2.1.0.2).

    Attributes:
        eins: beginnings of the EIDs that it may issue certificates for.
        eins_extension: the certificate says them as version 3 of SGP.26 does.
        oid: registeredID of its subjectAltName.
    """

    common_name: str
    organisation: str
    eins: tuple[str, ...]
    eins_extension: bool = False
    oid: str | None = None

    @classmethod
    def of(cls, certificate: Certificate) -> Maker:
        """The EUM of a certificate."""
        names = certificate.x509.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        return cls(
            str(names[0].value) if names else "EUM",
            certificate.organisation or "",
            certificate.permitted_eins or (),
            certificate.eins_in_extension,
            certificate.oid,
        )

    def eum(self, kind: str | None = None) -> Wish:
        """CERT.EUM; its kind is one of INVALID_EUICC_KINDS."""
        wish = Wish(
            Role.EUM,
            self.common_name,
            organisation=self.organisation,
            eins=self.eins,
            eins_extension=self.eins_extension,
            oid=self.oid,
        )
        return _EUM_DEVIATIONS.get(kind or "", _unchanged)(wish)

    def euicc(self, eid: bytes, kind: str | None = None) -> Wish:
        """CERT.EUICC for an EID of 16 octets; its kind is one of INVALID_EUICC_KINDS."""
        wish = Wish(Role.EUICC, "Test eUICC", organisation=self.organisation, serial_number=eid.hex())
        return _EUICC_DEVIATIONS.get(kind or "", _unchanged)(wish)

    def permits(self, eid: bytes) -> bool:
        """True if it may issue a certificate for an EID."""
        return any(eid.hex().startswith(ein) for ein in self.eins)


def _unchanged(wish: Wish) -> Wish:
    return wish
