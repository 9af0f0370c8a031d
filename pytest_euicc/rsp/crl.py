"""Certificate revocation lists of RSP: complete, in parts, or a delta to an earlier one (SGP.22 4.6, RFC 5280 5)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import SignatureAlgorithmOID

from pytest_euicc.asn1 import tlv
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.rsp.certificates import Certificate
from pytest_euicc.rsp.issuing import VALID_FROM, VALID_UNTIL, Identity, broken_signature

# id-rspExt of the RSP module (SGP.22 annex H).
_EXPIRATION_DATE = x509.ObjectIdentifier("2.23.146.1.2.0.1")
_TOTAL_PARTIAL_CRL_NUMBER = x509.ObjectIdentifier("2.23.146.1.2.0.2")
_PARTIAL_CRL_NUMBER = x509.ObjectIdentifier("2.23.146.1.2.0.3")
UNKNOWN_EXTENSION = x509.ObjectIdentifier("2.999.1")
"""A critical extension that nobody knows, for a list that must not be used."""

Extension = TypeVar("Extension", bound=x509.ExtensionType)
_DISTRIBUTION_POINT = "http://ci.test.example.com/CRL-1.crl"
_LAST_UTC_YEAR = 2049
_UTC_TIME, _GENERALIZED_TIME, _INTEGER = 0x17, 0x18, 0x02
_KNOWN = {
    _TOTAL_PARTIAL_CRL_NUMBER,
    _PARTIAL_CRL_NUMBER,
    x509.AuthorityKeyIdentifier.oid,
    x509.CRLNumber.oid,
    x509.DeltaCRLIndicator.oid,
    x509.IssuingDistributionPoint.oid,
}


class CrlFault(PytestEuiccError, ValueError):
    """The octets are no list of the form of SGP.22 4.6.1; the message says what is wrong."""


@dataclass(frozen=True)
class Crl:
    """A revocation list as read.

    Attributes:
        issuer_key_id: of the CI whose key signed it.
        number: CRL number; a higher one is fresher.
        part, parts: partial CRL number and how many partial CRLs there are; 1 and 1 for a whole list.
        base: CRL number that a delta CRL builds on; None for any other.
        unknown: critical extensions that nobody knows; such a list must not be used (RFC 5280 5.2).
        revoked, lifted: serial numbers; lifted ones are on a delta CRL only (removeFromCRL).
    """

    issuer_key_id: bytes
    number: int
    part: int
    parts: int
    base: int | None
    revoked: frozenset[int]
    lifted: frozenset[int]
    unknown: tuple[str, ...]
    x509: x509.CertificateRevocationList

    def is_signed_by(self, key: ec.EllipticCurvePublicKey) -> bool:
        """Whether the signature is that of a CI."""
        try:
            return bool(self.x509.is_signature_valid(key))
        except (TypeError, ValueError):
            return False


def read_crl(der: bytes) -> Crl:
    """Read a CertificateList (SGP.22 4.6.1).

    Raises:
        CrlFault: it is not a CRL, or not in the form that SGP.22 requires.
    """
    try:
        crl = x509.load_der_x509_crl(der)
        extensions = {entry.oid: entry for entry in crl.extensions}
        entries = [(entry.serial_number, _reason(entry)) for entry in crl]
    except Exception as error:
        # The library raises ValueError and others, by what is broken.
        raise CrlFault(f"not a CertificateList: {error}") from None
    unknown = sorted(oid.dotted_string for oid, entry in extensions.items() if entry.critical and oid not in _KNOWN)
    if crl.signature_algorithm_oid != SignatureAlgorithmOID.ECDSA_WITH_SHA256:
        raise CrlFault("not signed with ECDSA and SHA-256")
    number = _value(extensions, x509.CRLNumber, "CRL number").crl_number
    key_id = _value(extensions, x509.AuthorityKeyIdentifier, "authorityKeyIdentifier").key_identifier
    if key_id is None:
        raise CrlFault("authorityKeyIdentifier without a key identifier")
    part, parts = _part(extensions)
    base = None
    if x509.DeltaCRLIndicator.oid in extensions:
        base = _value(extensions, x509.DeltaCRLIndicator, "base CRL number").crl_number
    lifted = frozenset(serial for serial, reason in entries if reason is x509.ReasonFlags.remove_from_crl)
    return Crl(
        key_id,
        number,
        part,
        parts,
        base,
        frozenset(serial for serial, _ in entries) - lifted,
        lifted,
        tuple(unknown),
        crl,
    )


def _reason(entry: x509.RevokedCertificate) -> x509.ReasonFlags | None:
    try:
        return entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except x509.ExtensionNotFound:
        return None


def _value(
    extensions: dict[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]], kind: type[Extension], name: str
) -> Extension:
    found = extensions.get(kind.oid)
    if found is None or not isinstance(found.value, kind):
        raise CrlFault(f"no {name}")
    return found.value


def _part(extensions: dict[x509.ObjectIdentifier, x509.Extension[x509.ExtensionType]]) -> tuple[int, int]:
    numbers = []
    for oid in (_PARTIAL_CRL_NUMBER, _TOTAL_PARTIAL_CRL_NUMBER):
        found = extensions.get(oid)
        if found is not None and isinstance(found.value, x509.UnrecognizedExtension):
            numbers.append(_integer(found.value.value))
    if not numbers:
        return 1, 1
    if len(numbers) == 1 or not 1 <= numbers[0] <= numbers[1]:
        raise CrlFault("partialCrlNumber and totalPartialCrlNumber do not go together")
    return numbers[0], numbers[1]


def _integer(octets: bytes) -> int:
    try:
        element = tlv.parse(octets)
    except tlv.TlvError as error:
        raise CrlFault(f"the number of a partial CRL: {error}") from None
    if element.tag != _INTEGER:
        raise CrlFault("the number of a partial CRL is not an INTEGER")
    return int.from_bytes(element.value, "big", signed=True)


def issue_crl(
    issuer: Identity,
    revoked: Sequence[Certificate] = (),
    *,
    number: int | None = 1,
    part: tuple[int, int] | None = None,
    base: int | None = None,
    lifted: Sequence[Certificate] = (),
    at: datetime = VALID_FROM,
    name_issuer: bool = True,
    unknown_extension: bool = False,
    break_signature: bool = False,
) -> bytes:
    """A certificate revocation list, DER (SGP.22 4.6.1, RFC 5280 5). The same wish gives the same octets.

    Args:
        issuer: who signs it, the CI or an EUM.
        revoked: certificates of that issuer.
        number: CRL number; a higher one is fresher. None leaves it out.
        part: partial CRL number and total number of partial CRLs; not partial if None.
        base: CRL number that this one, a delta CRL, builds on.
        lifted: certificates whose revocation a delta CRL takes back.
        at: thisUpdate, which goes with the number.
        name_issuer: False leaves authorityKeyIdentifier out.
        unknown_extension: add a critical extension that nobody knows.
    """
    point = x509.IssuingDistributionPoint(
        full_name=[x509.UniformResourceIdentifier(_DISTRIBUTION_POINT)],
        relative_name=None,
        only_contains_user_certs=False,
        only_contains_ca_certs=False,
        only_some_reasons=None,
        indirect_crl=False,
        only_contains_attribute_certs=False,
    )
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.x509.subject)
        .last_update(at)
        .next_update(VALID_UNTIL)
        .add_extension(point, critical=True)
    )
    if name_issuer:
        identifier = x509.AuthorityKeyIdentifier(issuer.certificate.subject_key_id, None, None)
        builder = builder.add_extension(identifier, critical=False)
    if number is not None:
        builder = builder.add_extension(x509.CRLNumber(number), critical=False)
    if part is not None:
        for oid, value in zip((_PARTIAL_CRL_NUMBER, _TOTAL_PARTIAL_CRL_NUMBER), part, strict=True):
            integer = tlv.encode(_INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))
            builder = builder.add_extension(x509.UnrecognizedExtension(oid, integer), critical=False)
    if base is not None:
        builder = builder.add_extension(x509.DeltaCRLIndicator(base), critical=True)
    if unknown_extension:
        builder = builder.add_extension(x509.UnrecognizedExtension(UNKNOWN_EXTENSION, b"\x05\x00"), critical=True)
    for certificate in revoked:
        builder = builder.add_revoked_certificate(_entry(certificate, at))
    for certificate in lifted:
        builder = builder.add_revoked_certificate(_entry(certificate, at, x509.ReasonFlags.remove_from_crl))
    crl = builder.sign(issuer.private_key, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)
    return broken_signature(crl) if break_signature else crl


def _entry(certificate: Certificate, at: datetime, reason: x509.ReasonFlags | None = None) -> x509.RevokedCertificate:
    """SGP.22 4.6.1: an entry says when the certificate expires, so that the eUICC knows how long to keep it."""
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(certificate.x509.serial_number)
        .revocation_date(max(at - timedelta(days=1), VALID_FROM))
        .add_extension(x509.UnrecognizedExtension(_EXPIRATION_DATE, _time(certificate.valid_until)), critical=True)
    )
    if reason is not None:
        entry = entry.add_extension(x509.CRLReason(reason), critical=False)
    return entry.build()


def _time(moment: datetime) -> bytes:
    """Time of X.509: UTCTime until 2049, GeneralizedTime from then on (RFC 5280 4.1.2.5)."""
    utc = moment.astimezone(UTC)
    if utc.year <= _LAST_UTC_YEAR:
        return tlv.encode(_UTC_TIME, utc.strftime("%y%m%d%H%M%SZ").encode())
    return tlv.encode(_GENERALIZED_TIME, utc.strftime("%Y%m%d%H%M%SZ").encode())
