"""A chain of certificates verified for a role, from the CI down (SGP.22 4.5.2.1, 4.5.2.2, RFC 5280 6)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, SignatureAlgorithmOID

from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role

_ECDSA_WITH_SHA256 = SignatureAlgorithmOID.ECDSA_WITH_SHA256
_SUPPORTED_CURVES = ("secp256r1", "brainpoolP256r1")
_TLS_ROLES = (Role.DP_TLS, Role.DS_TLS)


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
        raise CertificateFault(FaultKind.CHAIN, f"a chain of {subjects}; expected {names} under the CI", "4.5.1")


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
        raise CertificateFault(FaultKind.POLICY, f"{name}: policy {found}, expected {role.policy} ({role.value})")
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
            FaultKind.BASIC_CONSTRAINTS, f"{name}: basicConstraints CA {is_ca}, expected {role.is_ca} for {role.value}"
        )
    if role is Role.EUM and constraints is not None and constraints.value.path_length != 0:
        length = constraints.value.path_length
        raise CertificateFault(FaultKind.PATH_LENGTH, f"{name}: path length {length}, expected 0")
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
