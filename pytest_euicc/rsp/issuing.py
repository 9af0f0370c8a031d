"""Issuing test certificates of the shapes of SGP.26, reproducibly: the same wish gives the same octets."""

from __future__ import annotations

import hashlib
import ipaddress
from dataclasses import dataclass, fields
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp.certificates import PERMITTED_EINS, Certificate, Role

VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
VALID_UNTIL = datetime(2055, 1, 1, tzinfo=UTC)
LIST_HOST, LIST_PATH = "ci.example.com", "/list.crl"
"""Where certificates with further extensions say that the list of revoked ones is."""
_TLS_ROLES = (Role.DP_TLS, Role.DS_TLS)


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key, and those between it and the CI, nearest first."""

    certificate: Certificate
    private_key: ec.EllipticCurvePrivateKey
    chain: tuple[Certificate, ...] = ()


@dataclass(frozen=True)
class Wish:
    """What a certificate is to say; the defaults are right for its role, deviations make an invalid kind.

    Attributes:
        common_name, organisation, serial_number: of the subject.
        policy: policy OID; None leaves the extension out.
        policy_critical: None for what is usual for the role.
        key_usage: False leaves the extension out.
        swap_key_usage: keyCertSign and cRLSign for an end entity, digitalSignature for a CA.
        oid: registeredID of subjectAltName.
        hosts: dNSName and iPAddress of subjectAltName.
        eins: beginnings of EIDs an EUM may issue, as name constraints (version 2 of SGP.26).
        further_extensions: extensions that no clause asks for and none forbids, not critical.
        serial_octets: of the serial number.
        long_subject: more attributes of the subject than needed, in the order of its choice.
        authority_key: False leaves authorityKeyIdentifier out.
        eins_extension: say them in the extension PermittedEins instead (version 3).
    """

    role: Role
    common_name: str
    organisation: str = "pytest-euicc"
    serial_number: str | None = None
    policy: str | None = ""
    policy_critical: bool | None = None
    key_usage: bool = True
    key_usage_critical: bool = True
    swap_key_usage: bool = False
    ca: bool | None = None
    ca_critical: bool = True
    path_length: int | None = 0
    valid_from: datetime = VALID_FROM
    valid_until: datetime = VALID_UNTIL
    oid: str | None = None
    hosts: tuple[str, ...] = ()
    client_only: bool = False
    eins: tuple[str, ...] = ()
    eins_extension: bool = False
    break_signature: bool = False
    authority_key: bool = True
    further_extensions: bool = False
    serial_octets: int = 8
    long_subject: bool = False


def issue(
    wish: Wish, key: ec.EllipticCurvePrivateKey, issuer: Identity | None = None, *, chain: tuple[Certificate, ...] = ()
) -> Identity:
    """A certificate for a key; self-signed without an issuer."""
    authority = issuer.private_key if issuer else key
    subject = _name(wish)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.x509.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(_serial(wish, key))
        .not_valid_before(wish.valid_from)
        .not_valid_after(wish.valid_until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if issuer is not None and wish.authority_key:
        identifier = issuer.certificate.subject_key_id
        builder = builder.add_extension(x509.AuthorityKeyIdentifier(identifier, None, None), critical=False)
    builder = _constraints(builder, wish)
    builder = _names(builder, wish)
    if wish.further_extensions:
        builder = _further(builder)
    signed = builder.sign(authority, hashes.SHA256(), ecdsa_deterministic=True).public_bytes(Encoding.DER)
    if wish.break_signature:
        signed = broken_signature(signed)
    return Identity(Certificate(signed), key, chain)


def _further(builder: x509.CertificateBuilder) -> x509.CertificateBuilder:
    """Where lists of revoked certificates are, and an extension of a maker's own."""
    place = x509.DistributionPoint([x509.UniformResourceIdentifier(f"http://{LIST_HOST}{LIST_PATH}")], None, None, None)
    own = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.77"), tlv.encode(0x04, b"of our own"))
    builder = builder.add_extension(x509.CRLDistributionPoints([place]), critical=False)
    return builder.add_extension(own, critical=False)


def broken_signature(signed: bytes) -> bytes:
    """A certificate or list whose signature does not hold."""
    # The last octet belongs to s of the signature.
    return signed[:-1] + bytes([signed[-1] ^ 1])


def _name(wish: Wish) -> x509.Name:
    attributes = [
        x509.NameAttribute(NameOID.COUNTRY_NAME, "ES"),
        x509.NameAttribute(NameOID.ORGANIZATION_NAME, wish.organisation),
    ]
    if wish.serial_number is not None:
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, wish.serial_number))
    attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, wish.common_name))
    if wish.long_subject:
        more = {NameOID.LOCALITY_NAME: "Sevilla", NameOID.ORGANIZATIONAL_UNIT_NAME: "eSIM Ñ", NameOID.TITLE: "server"}
        attributes = [*(x509.NameAttribute(oid, text) for oid, text in more.items()), *reversed(attributes)]
    return x509.Name(attributes)


def _serial(wish: Wish, key: ec.EllipticCurvePrivateKey) -> int:
    # Only what differs from the defaults counts: a new field of Wish leaves all certificates as they are.
    wished = [
        (each.name, getattr(wish, each.name)) for each in fields(wish) if getattr(wish, each.name) != each.default
    ]
    seed = repr(wished).encode() + str(key.private_numbers().private_value).encode()
    number = int.from_bytes(hashlib.sha256(seed).digest()[: wish.serial_octets], "big") >> 1 | 1
    # A long one is as long as it was wished for.
    return number if wish.serial_octets == Wish.serial_octets else number | 1 << (8 * wish.serial_octets - 2)


def _constraints(builder: x509.CertificateBuilder, wish: Wish) -> x509.CertificateBuilder:
    is_ca = wish.role.is_ca if wish.ca is None else wish.ca
    signs_certificates = wish.role.is_ca != wish.swap_key_usage
    usage = x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        # The CI alone revokes (SGP.22 4.6).
        crl_sign=signs_certificates and wish.role is not Role.EUM,
        encipher_only=False,
        decipher_only=False,
    )
    if wish.key_usage:
        builder = builder.add_extension(usage, critical=wish.key_usage_critical)
    if is_ca or wish.ca is not None:
        length = wish.path_length if is_ca and wish.role is not Role.CI else None
        builder = builder.add_extension(x509.BasicConstraints(ca=is_ca, path_length=length), critical=wish.ca_critical)
    policy = wish.role.policy if wish.policy == "" else wish.policy
    if policy is not None:
        information = x509.PolicyInformation(x509.ObjectIdentifier(policy), None)
        # Those of SGP.26 for TLS are not critical, and TLS libraries need not know policies.
        critical = wish.role not in _TLS_ROLES if wish.policy_critical is None else wish.policy_critical
        builder = builder.add_extension(x509.CertificatePolicies([information]), critical=critical)
    return builder


def _names(builder: x509.CertificateBuilder, wish: Wish) -> x509.CertificateBuilder:
    names: list[x509.GeneralName] = [x509.RegisteredID(x509.ObjectIdentifier(wish.oid))] if wish.oid else []
    for host in wish.hosts:
        try:
            names.append(x509.IPAddress(ipaddress.ip_address(host)))
        except ValueError:
            names.append(x509.DNSName(host))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if wish.role in _TLS_ROLES:
        usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
        if not wish.client_only:
            usages.insert(0, ExtendedKeyUsageOID.SERVER_AUTH)
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=True)
    if wish.eins and wish.eins_extension:
        # PermittedEins ::= SEQUENCE OF PrintableString.
        value = tlv.encode(0x30, b"".join(tlv.encode(0x13, ein.encode()) for ein in wish.eins))
        builder = builder.add_extension(x509.UnrecognizedExtension(PERMITTED_EINS, value), critical=True)
    elif wish.eins:
        subtrees: list[x509.GeneralName] = [
            x509.DirectoryName(
                x509.Name(
                    [
                        x509.NameAttribute(NameOID.ORGANIZATION_NAME, wish.organisation),
                        x509.NameAttribute(NameOID.SERIAL_NUMBER, ein),
                    ]
                )
            )
            for ein in wish.eins
        ]
        builder = builder.add_extension(x509.NameConstraints(subtrees, None), critical=True)
    return builder
