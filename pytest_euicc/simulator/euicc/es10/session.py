"""The RSP session of the ISD-R: what AuthenticateServer and PrepareDownload leave for the next function (SGP.22 5.7).

A session is immutable, so a snapshot of the card keeps it by reference.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric import ec

from pytest_euicc.rsp.certificates import Certificate, CertificateFault, Role
from pytest_euicc.rsp.pki import Identity
from pytest_euicc.rsp.verification import verify_chain

Defective = Callable[[str], bool]


@dataclass(frozen=True)
class Credentials:
    """What the ECASD holds.

    Attributes:
        trust: CI certificates by subjectKeyIdentifier, those listed for verification.
        identities: the eUICC's key and chain by the subjectKeyIdentifier of the CI, those listed for signing.
    """

    trust: Mapping[bytes, Certificate]
    identities: Mapping[bytes, Identity]


@dataclass(frozen=True)
class Verifier:
    """How certificates of a server are checked.

    Attributes:
        at: the time they are checked at; None for an eUICC without a clock.
        revoked: whether a certificate is on a list that was loaded.
    """

    credentials: Credentials
    at: datetime | None
    revoked: Callable[[Certificate], bool]
    defective: Defective
    varies: Defective = lambda _name: False

    def verified(self, der: bytes, role: Role) -> Certificate:
        """A certificate that holds for its role under a CI that is known (SGP.22 4.5.2.2).

        Raises:
            CertificateFault: the first thing that is wrong.
        """
        certificate = Certificate(der)
        try:
            verify_chain([certificate], list(self.credentials.trust.values()), role, at=self.at)
        except CertificateFault as fault:
            if not self.defective(f"accepts-{fault.kind.value}-{role.value}"):
                raise
        return certificate


@dataclass(frozen=True)
class AuthenticatedServer:
    """The SM-DP+ the eUICC has authenticated, and what it answered."""

    transaction_id: bytes
    ci_key_id: bytes
    certificate: Certificate
    address: str
    euicc_signature1: bytes


@dataclass(frozen=True)
class OneTimeKey:
    """otSK.EUICC.ECKA kept for a retry (SGP.22 5.7.5), with the SM-DP+ it was made for."""

    private_key: ec.EllipticCurvePrivateKey
    public_key: bytes
    smdp_oid: str


@dataclass(frozen=True)
class PreparedDownload:
    """What PrepareDownload leaves for InitialiseSecureChannel."""

    certificate: Certificate
    one_time_key: OneTimeKey
    confirmation_hash: bytes | None


@dataclass(frozen=True)
class RspSession:
    """The RSP session of the ISD-R; lost at reset (SGP.22 5.7.7)."""

    challenge: bytes | None = None
    server: AuthenticatedServer | None = None
    download: PreparedDownload | None = None


class Refusal(Exception):
    """A check failed; ``code`` is the error value the answer carries."""

    def __init__(self, code: int) -> None:
        super().__init__(str(code))
        self.code = code
