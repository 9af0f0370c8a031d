"""Certificates of RSP as their fields say (SGP.22 4.5.2, profiles of SGP.14 and SGP.26)."""

from __future__ import annotations

from enum import Enum, StrEnum
from functools import cached_property, lru_cache
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from pytest_euicc.asn1 import tlv
from pytest_euicc.errors import PytestEuiccError

_POLICY_ARC = "2.23.146.1.2.1"
PERMITTED_EINS = x509.ObjectIdentifier("2.23.146.1.2.2.0")
"""The extension of CERT.EUM that version 3 has in place of name constraints."""
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


class Certificate:
    """An X.509 certificate with its octets as received; one object for the same octets, as a run sees few often.

    Raises:
        CertificateFault: MALFORMED, when the octets are no certificate; CURVE, when the key is none that the library
            knows on a curve.
    """

    def __new__(cls, der: bytes) -> Certificate:
        """See the class."""
        return _known(bytes(der))

    def _read(self, der: bytes) -> Certificate:
        self.der = der
        try:
            # The library parses lazily; reading all parts here keeps their faults out of everything that follows.
            self.x509 = found = x509.load_der_x509_certificate(der)
            key = found.public_key()
            self._extensions = found.extensions
            self.subject = found.subject.rfc4514_string()
            """The subject as RFC 4514 text."""
            self.issuer = found.issuer.rfc4514_string()
            self.valid_from, self.valid_until = found.not_valid_before_utc, found.not_valid_after_utc
            self._positive = found.serial_number > 0
        except UnsupportedAlgorithm as error:
            raise CertificateFault(FaultKind.CURVE, f"a key that cannot be used: {error}", "2.6.7.1") from None
        except Exception as error:
            # The library raises ValueError and others, by what is broken.
            raise CertificateFault(FaultKind.MALFORMED, f"not a certificate: {error}") from None
        if not isinstance(key, ec.EllipticCurvePublicKey):
            raise CertificateFault(FaultKind.CURVE, f"a key of type {type(key).__name__}, expected EC", "2.6.7.1")
        self.public_key = key
        return self

    def __reduce__(self) -> tuple[type[Certificate], tuple[bytes]]:
        return Certificate, (self.der,)

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

    @cached_property
    def role(self) -> Role | None:
        """The role its policy names."""
        return next((role for role in Role if role.policy in self.policies), None)

    @cached_property
    def oid(self) -> str | None:
        """OID of the SM-DP+ or SM-DS, the registeredID of subjectAltName."""
        found = self.extension(x509.SubjectAlternativeName)
        names = found.value.get_values_for_type(x509.RegisteredID) if found else []
        return names[0].dotted_string if names else None

    @cached_property
    def host_names(self) -> tuple[str, ...]:
        """The hosts of a server's certificate: dNSNames and addresses of subjectAltName."""
        found = self.extension(x509.SubjectAlternativeName)
        if found is None:
            return ()
        names = found.value.get_values_for_type(x509.DNSName)
        return (*names, *map(str, found.value.get_values_for_type(x509.IPAddress)))

    @cached_property
    def organisation(self) -> str | None:
        """organizationName of the subject."""
        return _attribute(self.x509.subject, NameOID.ORGANIZATION_NAME)

    @cached_property
    def serial_number(self) -> str | None:
        """serialNumber attribute of the subject: the EID of a CERT.EUICC."""
        return _attribute(self.x509.subject, NameOID.SERIAL_NUMBER)

    @cached_property
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

    @cached_property
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


@lru_cache(maxsize=256)
def _known(der: bytes) -> Certificate:
    return object.__new__(Certificate)._read(der)


def _attribute(name: x509.Name, oid: x509.ObjectIdentifier) -> str | None:
    found = name.get_attributes_for_oid(oid)
    return str(found[0].value) if found else None
