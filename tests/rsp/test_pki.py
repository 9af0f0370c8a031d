"""What the identities of the test PKI share, and what not."""

from __future__ import annotations

import pytest
from cryptography import x509

from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.pki import default_pki

PKI = default_pki()


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
