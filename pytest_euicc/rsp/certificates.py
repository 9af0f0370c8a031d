"""Certificates of RSP: reading them, and verifying a chain for a role (SGP.22 4.5.2, profiles of SGP.14 and SGP.26)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum, StrEnum
from functools import cached_property, lru_cache
from typing import NamedTuple, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, SignatureAlgorithmOID

from pytest_euicc.asn1 import tlv
from pytest_euicc.errors import PytestEuiccError

_POLICY_ARC = "2.23.146.1.2.1"
PERMITTED_EINS = x509.ObjectIdentifier("2.23.146.1.2.2.0")
"""The extension of CERT.EUM that version 3 has in place of name constraints."""
_ECDSA_WITH_SHA256 = SignatureAlgorithmOID.ECDSA_WITH_SHA256
_SUPPORTED_CURVES = ("secp256r1", "brainpoolP256r1")
_EID_DIGITS = 32

Extension = TypeVar("Extension", bound=x509.ExtensionType)


class Role(StrEnum):
    """What a certificate is for; the policy OID says so (SGP.22 4.5.2)."""

    CI = "ci"
    EUICC = "euicc"
    EUM = "eum"
    DP_TLS = "dptls"
    DP_AUTH = "dpauth"
    DP_PB = "dppb"
    DS_TLS = "dstls"
    DS_AUTH = "dsauth"

    @property
    def policy(self) -> str:
        """The policy OID, 2.23.146.1.2.1.n."""
        return f"{_POLICY_ARC}.{list(Role).index(self)}"

    @property
    def is_ca(self) -> bool:
        """True for those that sign certificates."""
        return self in (Role.CI, Role.EUM)

    @property
    def names_server(self) -> bool:
        """True for those that carry the OID of an SM-DP+ or SM-DS in their subjectAltName."""
        return self in (Role.DP_TLS, Role.DP_AUTH, Role.DP_PB, Role.DS_TLS, Role.DS_AUTH)


_TLS_ROLES = (Role.DP_TLS, Role.DS_TLS)


class FaultKind(Enum):
    """What is wrong with a certificate or its chain."""

    MALFORMED = "malformed"
    SIGNATURE = "signature"
    ISSUER = "issuer"
    UNKNOWN_CI = "unknown-ci"
    CHAIN = "chain"
    EXPIRED = "expired"
    NOT_YET_VALID = "not-yet-valid"
    POLICY = "policy"
    KEY_USAGE = "key-usage"
    EXTENDED_KEY_USAGE = "extended-key-usage"
    BASIC_CONSTRAINTS = "basic-constraints"
    PATH_LENGTH = "path-length"
    NAME_CONSTRAINTS = "name-constraints"
    ORGANISATION = "organisation"
    EID = "eid"
    CURVE = "curve"
    NO_OID = "no-oid"
    UNKNOWN_EXTENSION = "unknown-extension"


class CertificateFault(PytestEuiccError, ValueError):
    """A certificate does not hold; the message names it, what is wrong and the clause."""

    def __init__(self, kind: FaultKind, message: str, clause: str = "4.5.2.1") -> None:
        super().__init__(f"{message} (SGP.22 {clause})")
        self.kind = kind
        self.clause = clause


class _Parsed(NamedTuple):
    """What the library reads of a certificate."""

    loaded: x509.Certificate
    extensions: x509.Extensions
    public_key: ec.EllipticCurvePublicKey
    subject: str
    issuer: str
    valid: tuple[datetime, datetime]
    positive: bool


@lru_cache(maxsize=256)
def _parsed(der: bytes) -> _Parsed:
    """Octets read once: the same few certificates come in every session of a run. Raises CertificateFault."""
    try:
        found = x509.load_der_x509_certificate(der)
        key = found.public_key()
        # The library parses lazily; reading all parts here keeps their faults out of everything that follows.
        extensions, subject, issuer = found.extensions, found.subject.rfc4514_string(), found.issuer.rfc4514_string()
        valid = found.not_valid_before_utc, found.not_valid_after_utc
        positive = found.serial_number > 0
    except UnsupportedAlgorithm as error:
        raise CertificateFault(FaultKind.CURVE, f"a key that cannot be used: {error}", "2.6.7.1") from None
    except Exception as error:
        # The library raises ValueError and others, by what is broken.
        raise CertificateFault(FaultKind.MALFORMED, f"no certificate: {error}") from None
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise CertificateFault(FaultKind.CURVE, f"a key of type {type(key).__name__}, wanted EC", "2.6.7.1")
    return _Parsed(found, extensions, key, subject, issuer, valid, positive)


class Certificate:
    """An X.509 certificate with its octets as received.

    Raises:
        CertificateFault: MALFORMED, when the octets are no certificate; CURVE, when the key is none that the library
            knows on a curve.
    """

    def __init__(self, der: bytes) -> None:
        self.der = bytes(der)
        parsed = _parsed(self.der)
        self.x509, self._extensions, self.public_key = parsed.loaded, parsed.extensions, parsed.public_key
        self.subject = parsed.subject
        """The subject as RFC 4514 text."""
        self.issuer = parsed.issuer
        self.valid_from, self.valid_until = parsed.valid
        self._positive = parsed.positive

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Certificate) and self.der == other.der

    def __hash__(self) -> int:
        return hash(self.der)

    def __repr__(self) -> str:
        return f"Certificate({self.subject})"

    @property
    def has_positive_serial_number(self) -> bool:
        """Demanded of certificates that are verified; the CI certificate of SGP.26 has serial number 0."""
        return self._positive

    @property
    def curve(self) -> str:
        """Name of the key's curve."""
        return self.public_key.curve.name

    def extension(self, kind: type[Extension]) -> x509.Extension[Extension] | None:
        """An extension by its type."""
        try:
            return self._extensions.get_extension_for_class(kind)
        except x509.ExtensionNotFound:
            return None

    @cached_property
    def subject_key_id(self) -> bytes | None:
        """The key identifier others know this key by, usually 20 octets."""
        found = self.extension(x509.SubjectKeyIdentifier)
        return found.value.digest if found else None

    @cached_property
    def authority_key_id(self) -> bytes | None:
        """The key identifier of the issuer."""
        found = self.extension(x509.AuthorityKeyIdentifier)
        return found.value.key_identifier if found else None

    @cached_property
    def policies(self) -> tuple[str, ...]:
        """Policy OIDs, dotted."""
        found = self.extension(x509.CertificatePolicies)
        return tuple(policy.policy_identifier.dotted_string for policy in found.value) if found else ()

    @property
    def role(self) -> Role | None:
        """The role its policy names."""
        return next((role for role in Role if role.policy in self.policies), None)

    @cached_property
    def oid(self) -> str | None:
        """OID of the SM-DP+ or SM-DS, the registeredID of subjectAltName."""
        found = self.extension(x509.SubjectAlternativeName)
        names = found.value.get_values_for_type(x509.RegisteredID) if found else []
        return names[0].dotted_string if names else None

    @property
    def host_names(self) -> list[str]:
        """The hosts of a server's certificate: dNSNames and addresses of subjectAltName."""
        found = self.extension(x509.SubjectAlternativeName)
        if found is None:
            return []
        names = found.value.get_values_for_type(x509.DNSName)
        return [*names, *map(str, found.value.get_values_for_type(x509.IPAddress))]

    @property
    def organisation(self) -> str | None:
        """organizationName of the subject."""
        return _attribute(self.x509.subject, NameOID.ORGANIZATION_NAME)

    @property
    def serial_number(self) -> str | None:
        """serialNumber attribute of the subject: the EID of a CERT.EUICC."""
        return _attribute(self.x509.subject, NameOID.SERIAL_NUMBER)

    @property
    def eid(self) -> bytes | None:
        """The EID of a CERT.EUICC, 16 octets; None if the subject names none."""
        number = self.serial_number
        # isdecimal alone would let digits of other scripts pass.
        valid = number is not None and len(number) == _EID_DIGITS and number.isascii() and number.isdecimal()
        return bytes.fromhex(number) if number is not None and valid else None

    @cached_property
    def unknown_critical_extension(self) -> str | None:
        """OID of an extension that is critical and means nothing here; PermittedEins does."""
        for extension in self._extensions:
            unknown = isinstance(extension.value, x509.UnrecognizedExtension)
            if unknown and extension.critical and extension.oid != PERMITTED_EINS:
                return str(extension.oid.dotted_string)
        return None

    @property
    def eins_in_extension(self) -> bool:
        """True if PermittedEins says which EIDs may be issued, not name constraints."""
        return any(extension.oid == PERMITTED_EINS for extension in self._extensions)

    @cached_property
    def permitted_eins(self) -> tuple[str, ...] | None:
        """Beginnings that EIDs under a CERT.EUM may have; None where it restricts nothing."""
        names = self.extension(x509.NameConstraints)
        if names is not None:
            subtrees = names.value.permitted_subtrees or []
            directories = [entry.value for entry in subtrees if isinstance(entry, x509.DirectoryName)]
            numbers = [_attribute(entry, NameOID.SERIAL_NUMBER) for entry in directories]
            return tuple(number for number in numbers if number)
        for extension in self._extensions:
            if extension.oid == PERMITTED_EINS and isinstance(extension.value, x509.UnrecognizedExtension):
                try:
                    entries = tlv.parse(extension.value.value).children()
                    return tuple(entry.value.decode("ascii") for entry in entries)
                except (tlv.TlvError, UnicodeDecodeError):
                    return ()
        return None


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else None


@lru_cache(maxsize=512)
def _signed_by(certificate: bytes, issuer: bytes) -> bool:
    """True if the issuer's key made the signature; both whole DER, so the answer never changes."""
    child, parent = x509.load_der_x509_certificate(certificate), x509.load_der_x509_certificate(issuer)
    key = parent.public_key()
    # SGP.22 2.6.5 has ECDSA with SHA-256 and nothing else.
    if not isinstance(key, ec.EllipticCurvePublicKey) or child.signature_algorithm_oid != _ECDSA_WITH_SHA256:
        return False
    try:
        key.verify(child.signature, child.tbs_certificate_bytes, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        return False
    return True


def verify_chain(
    chain: Sequence[Certificate],
    trust: Sequence[Certificate],
    role: Role | str,
    *,
    at: datetime | None,
    eid: bytes | None = None,
) -> Certificate:
    """Verify a certificate and those between it and a CI.

    Args:
        chain: the certificate itself first, then its issuer, without the CI.
        trust: CI certificates.
        role: that the first certificate must have.
        at: time to check validity at, with a time zone; None leaves validity out (an eUICC has no clock).
        eid: 16 octets that a CERT.EUICC must name; None for any.

    Returns:
        The CI certificate that the chain ends at.

    Raises:
        CertificateFault: the first thing that is wrong, the chain read from the CI down.
    """
    wanted = Role(role)
    _check_length(chain, wanted)
    issuers = [ci for ci in trust if ci.subject_key_id and ci.subject_key_id == chain[-1].authority_key_id]
    if not issuers:
        named = (chain[-1].authority_key_id or b"").hex().upper() or "no key"
        raise CertificateFault(
            FaultKind.UNKNOWN_CI, f"{chain[-1].subject}: its authorityKeyIdentifier names {named}, no CI known"
        )
    # One key may have several certificates, under one name or another; that of the issuer's name is tried first.
    issuers.sort(key=lambda ci: ci.x509.subject != chain[-1].x509.issuer)
    faults = []
    for issuer in issuers:
        try:
            _verify_under(issuer, chain, wanted, at, eid)
        except CertificateFault as fault:
            faults.append(fault)
        else:
            return issuer
    raise faults[0]


def _verify_under(
    issuer: Certificate, chain: Sequence[Certificate], role: Role, at: datetime | None, eid: bytes | None
) -> None:
    if role is not Role.EUICC:
        verify_one(chain[0], issuer, role, at)
        return
    verify_one(chain[1], issuer, Role.EUM, at)
    verify_euicc(chain[0], chain[1], at, eid)


def _check_length(chain: Sequence[Certificate], role: Role) -> None:
    # SGP.22 4.5.1: only CERT.EUICC has another certificate, CERT.EUM, between itself and the CI.
    expected = (Role.EUICC, Role.EUM) if role is Role.EUICC else (role,)
    if len(chain) != len(expected):
        subjects = ", ".join(certificate.subject for certificate in chain) or "nothing"
        names = " and ".join(each.value for each in expected)
        raise CertificateFault(FaultKind.CHAIN, f"a chain of {subjects}; wanted {names} under the CI", "4.5.1")


def verify_one(certificate: Certificate, issuer: Certificate, role: Role, at: datetime | None) -> None:
    """Verify one certificate under its issuer; raises CertificateFault.

    Of the issuer nothing counts but name and key: that is what a trust anchor is (RFC 5280 6.1.1 (d)).
    """
    name = certificate.subject
    if not certificate.has_positive_serial_number:
        # RFC 5280 4.1.2.2.
        raise CertificateFault(FaultKind.MALFORMED, f"{name}: its serial number is not positive")
    if certificate.curve not in _SUPPORTED_CURVES:
        raise CertificateFault(FaultKind.CURVE, f"{name}: key on {certificate.curve}", "2.6.7.1")
    key_id = certificate.authority_key_id
    if key_id is None or key_id != issuer.subject_key_id:
        raise CertificateFault(FaultKind.ISSUER, f"{name}: authorityKeyIdentifier is not the key of {issuer.subject}")
    if certificate.x509.issuer != issuer.x509.subject:
        # RFC 5280 6.1.3 (a)(4).
        raise CertificateFault(FaultKind.ISSUER, f"{name}: its issuer is not named {issuer.subject}")
    if not _signed_by(certificate.der, issuer.der):
        raise CertificateFault(FaultKind.SIGNATURE, f"{name}: not signed by {issuer.subject}", "4.5.2.2")
    if at is not None:
        if at > certificate.valid_until:
            until = certificate.valid_until.isoformat()
            raise CertificateFault(FaultKind.EXPIRED, f"{name}: expired {until}", "4.5.2.2")
        if at < certificate.valid_from:
            since = certificate.valid_from.isoformat()
            raise CertificateFault(FaultKind.NOT_YET_VALID, f"{name}: not valid before {since}", "4.5.2.2")
    _check_extensions(certificate, role)


def _check_extensions(certificate: Certificate, role: Role) -> None:
    name = certificate.subject
    unknown = certificate.unknown_critical_extension
    if unknown is not None:
        # RFC 5280 4.2: what is critical and not understood makes a certificate unusable.
        raise CertificateFault(FaultKind.UNKNOWN_EXTENSION, f"{name}: critical extension {unknown} is not known")
    policies = certificate.extension(x509.CertificatePolicies)
    if policies is None or role.policy not in certificate.policies:
        found = ", ".join(certificate.policies) or "none"
        raise CertificateFault(FaultKind.POLICY, f"{name}: policy {found}, wanted {role.policy} ({role.value})")
    # In the TLS certificates of SGP.26 the extension is not critical.
    if not policies.critical and role not in _TLS_ROLES:
        raise CertificateFault(FaultKind.POLICY, f"{name}: certificatePolicies is not critical")
    usage = certificate.extension(x509.KeyUsage)
    allowed = (
        usage is not None
        and usage.critical
        and (usage.value.key_cert_sign if role.is_ca else usage.value.digital_signature)
    )
    if not allowed:
        bit = "keyCertSign" if role.is_ca else "digitalSignature"
        raise CertificateFault(FaultKind.KEY_USAGE, f"{name}: no {bit} in a critical keyUsage")
    constraints = certificate.extension(x509.BasicConstraints)
    is_ca = constraints is not None and constraints.value.ca
    if is_ca != role.is_ca or (constraints is not None and role.is_ca and not constraints.critical):
        raise CertificateFault(
            FaultKind.BASIC_CONSTRAINTS, f"{name}: basicConstraints CA {is_ca}, wanted {role.is_ca} for {role.value}"
        )
    if role is Role.EUM and constraints is not None and constraints.value.path_length != 0:
        raise CertificateFault(FaultKind.PATH_LENGTH, f"{name}: path length {constraints.value.path_length}, wanted 0")
    if role is Role.EUM and certificate.permitted_eins is None:
        raise CertificateFault(FaultKind.NAME_CONSTRAINTS, f"{name}: nothing says which EIDs it may issue")
    if role in _TLS_ROLES:
        extended = certificate.extension(x509.ExtendedKeyUsage)
        if extended is None or ExtendedKeyUsageOID.SERVER_AUTH not in extended.value:
            raise CertificateFault(FaultKind.EXTENDED_KEY_USAGE, f"{name}: no serverAuth in extKeyUsage")
    if role.names_server and certificate.oid is None:
        raise CertificateFault(FaultKind.NO_OID, f"{name}: subjectAltName has no registeredID")


def verify_euicc(certificate: Certificate, eum: Certificate, at: datetime | None, eid: bytes | None = None) -> None:
    """Verify CERT.EUICC under a CERT.EUM that holds; ``eid``: 16 octets that it must name. Raises CertificateFault."""
    verify_one(certificate, eum, Role.EUICC, at)
    name = certificate.subject
    if certificate.eid is None:
        raise CertificateFault(FaultKind.EID, f"{name}: serialNumber is not an EID of 32 digits", "4.5.2.1.0.3")
    if eid is not None and certificate.eid != eid:
        raise CertificateFault(FaultKind.EID, f"{name}: not the EID {eid.hex()}", "4.5.2.1.0.3")
    if certificate.organisation != eum.organisation:
        raise CertificateFault(
            FaultKind.ORGANISATION, f"{name}: organisation differs from the EUM's {eum.organisation!r}", "4.5.2.1.0.3"
        )
    permitted = eum.permitted_eins or ()
    if not any(certificate.eid.hex().startswith(ein) for ein in permitted):
        raise CertificateFault(
            FaultKind.NAME_CONSTRAINTS, f"{name}: {eum.subject} permits only {', '.join(permitted) or 'nothing'}"
        )
