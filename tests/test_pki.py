"""What the test PKI issues beside certificates for a role: revocation lists, and who shares what."""

from __future__ import annotations

import pytest
from cryptography import x509

from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.issuing import issue_crl
from pytest_euicc.rsp.pki import TestPki, default_pki

PKI = default_pki()


@pytest.mark.parametrize("curve", PKI.curves)
def test_a_crl_names_its_issuer_its_number_and_what_is_revoked(curve: str) -> None:
    server = PKI.server(Role.DP_AUTH, curve).certificate
    crl = x509.load_der_x509_crl(issue_crl(PKI.authority(curve), [server], number=7))
    assert crl.is_signature_valid(PKI.ci(curve).public_key)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 7
    authority = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == PKI.ci(curve).subject_key_id
    assert [entry.serial_number for entry in crl] == [server.x509.serial_number]


def test_a_crl_with_a_broken_signature_still_reads() -> None:
    crl = x509.load_der_x509_crl(issue_crl(PKI.authority(), break_signature=True))
    assert not crl.is_signature_valid(PKI.ci().public_key)


def test_a_partial_and_a_delta_crl() -> None:
    crl = x509.load_der_x509_crl(issue_crl(PKI.authority(), part=(2, 200), base=5))
    found = {entry.oid.dotted_string: entry.value for entry in crl.extensions}
    total, part = found["2.23.146.1.2.0.2"], found["2.23.146.1.2.0.3"]
    assert isinstance(total, x509.UnrecognizedExtension)
    assert isinstance(part, x509.UnrecognizedExtension)
    assert (part.value, total.value) == (b"\x02\x01\x02", b"\x02\x02\x00\xc8")
    assert crl.extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number == 5


def test_a_crl_is_issued_again_octet_for_octet() -> None:
    assert issue_crl(TestPki().authority()) == issue_crl(PKI.authority())


def test_every_identity_has_its_own_key() -> None:
    roles = (Role.DP_AUTH, Role.DP_PB, Role.DP_TLS)
    identities = [PKI.server(role, curve, number) for role in roles for curve in PKI.curves for number in (1, 2)]
    identities += [PKI.authority(curve, number) for curve in PKI.curves for number in (1, 2)]
    identities += [PKI.eum(curve) for curve in PKI.curves]
    points = {identity.private_key.private_numbers().private_value for identity in identities}
    assert len(points) == len(identities)


def test_serial_numbers_of_one_issuer_differ() -> None:
    """A revoked certificate is named by issuer and serial number."""
    issued = [PKI.server(role, "nist", number) for role in (Role.DP_AUTH, Role.DP_PB, Role.DP_TLS) for number in (1, 2)]
    issued.append(PKI.invalid_server(Role.DP_AUTH, "expired"))
    assert len({identity.certificate.x509.serial_number for identity in issued}) == len(issued)


@pytest.mark.parametrize("curve", PKI.curves)
def test_the_tls_certificate_names_the_hosts_of_a_loopback_server(curve: str) -> None:
    certificate = PKI.server(Role.DP_TLS, curve).certificate.x509
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "testsmdpplus1.example.com"} <= set(names.get_values_for_type(x509.DNSName))
    assert "127.0.0.1" in map(str, names.get_values_for_type(x509.IPAddress))
