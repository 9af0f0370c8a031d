"""Revocation lists: what is issued reads with the library, what is read is what RFC 5280 says."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp.certificates import Role
from pytest_euicc.rsp.crl import CrlFault, issue_crl, read_crl
from pytest_euicc.rsp.pki import TestPki, default_pki

PKI = default_pki()
SERVER, OTHER = (PKI.server(Role.DP_AUTH, "nist", number).certificate for number in (1, 2))


@pytest.mark.parametrize("curve", PKI.curves)
def test_a_crl_names_its_issuer_its_number_and_what_is_revoked(curve: str) -> None:
    server = PKI.server(Role.DP_AUTH, curve).certificate
    crl = x509.load_der_x509_crl(issue_crl(PKI.authority(curve), [server], number=7))
    assert crl.is_signature_valid(PKI.ci(curve).public_key)
    assert crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 7
    authority = crl.extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
    assert authority.key_identifier == PKI.ci(curve).subject_key_id
    assert [entry.serial_number for entry in crl] == [server.x509.serial_number]


def test_an_entry_says_when_the_certificate_expires() -> None:
    """Id-rsp-expDate, a Time: in 2055 a GeneralizedTime (SGP.22 4.6.1, RFC 5280 4.1.2.5)."""
    (entry,) = x509.load_der_x509_crl(issue_crl(PKI.authority(), [SERVER]))
    (extension,) = entry.extensions
    assert extension.oid.dotted_string == "2.23.146.1.2.0.1"
    assert extension.value.value == tlv.encode(0x18, b"20550101000000Z")


def test_a_crl_with_a_broken_signature_still_reads() -> None:
    crl = read_crl(issue_crl(PKI.authority(), break_signature=True))
    assert not crl.is_signed_by(PKI.ci().public_key)


def test_a_partial_and_a_delta_crl() -> None:
    octets = issue_crl(PKI.authority(), part=(2, 200), base=5)
    crl = x509.load_der_x509_crl(octets)
    found = {entry.oid.dotted_string: entry.value for entry in crl.extensions}
    total, part = found["2.23.146.1.2.0.2"], found["2.23.146.1.2.0.3"]
    assert isinstance(total, x509.UnrecognizedExtension)
    assert isinstance(part, x509.UnrecognizedExtension)
    assert (part.value, total.value) == (b"\x02\x01\x02", b"\x02\x02\x00\xc8")
    assert crl.extensions.get_extension_for_class(x509.DeltaCRLIndicator).value.crl_number == 5
    read = read_crl(octets)
    assert (read.part, read.parts, read.base) == (2, 200, 5)


def test_a_crl_is_issued_again_octet_for_octet() -> None:
    assert issue_crl(TestPki().authority()) == issue_crl(PKI.authority())


def test_a_list_made_elsewhere_reads() -> None:
    """No partial CRL, a reason that does not lift, no word of expiry."""
    key = PKI.authority().private_key
    entry = (
        x509.RevokedCertificateBuilder()
        .serial_number(77)
        .revocation_date(datetime(2024, 1, 1, tzinfo=UTC))
        .add_extension(x509.CRLReason(x509.ReasonFlags.key_compromise), critical=False)
        .build()
    )
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(PKI.ci().x509.subject)
        .last_update(datetime(2024, 1, 1, tzinfo=UTC))
        .next_update(datetime(2027, 1, 1, tzinfo=UTC))
        .add_extension(x509.AuthorityKeyIdentifier(PKI.ci().subject_key_id, None, None), critical=False)
        .add_extension(x509.CRLNumber(2024), critical=False)
        .add_revoked_certificate(entry)
    )
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.serialization import Encoding

    crl = read_crl(builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER))
    assert (crl.number, crl.part, crl.parts, crl.base) == (2024, 1, 1, None)
    assert (crl.revoked, crl.lifted, crl.unknown) == ({77}, set(), ())
    assert crl.is_signed_by(PKI.ci().public_key)
    assert not crl.is_signed_by(PKI.ci("brainpool").public_key)
    with pytest.raises(CrlFault, match="ECDSA and SHA-256"):
        read_crl(builder.sign(key, hashes.SHA384()).public_bytes(Encoding.DER))


def test_a_delta_lifts_by_remove_from_crl() -> None:
    crl = read_crl(issue_crl(PKI.authority(), [SERVER], base=1, number=2, lifted=[OTHER]))
    assert crl.revoked == {SERVER.x509.serial_number}
    assert crl.lifted == {OTHER.x509.serial_number}


@pytest.mark.parametrize(
    ("wish", "words"),
    [
        ({"number": None}, "no CRL number"),
        ({"name_issuer": False}, "no authorityKeyIdentifier"),
        ({"part": (3, 2)}, "do not go together"),
        ({"part": (0, 2)}, "do not go together"),
    ],
)
def test_what_is_not_of_the_form_of_sgp_22(wish: dict[str, Any], words: str) -> None:
    with pytest.raises(CrlFault, match=words):
        read_crl(issue_crl(PKI.authority(), **wish))


def test_a_critical_extension_that_nobody_knows_is_told() -> None:
    assert read_crl(issue_crl(PKI.authority(), unknown_extension=True)).unknown == ("2.999.1",)


VALID = issue_crl(PKI.authority(), [SERVER], part=(1, 2))


@settings(max_examples=200, deadline=None)
@given(at=st.integers(0, len(VALID) - 1), octet=st.integers(0, 255), cut=st.integers(0, len(VALID)))
def test_hostile_lists_are_faults_or_do_not_verify(at: int, octet: int, cut: int) -> None:
    for octets in (VALID[:cut], VALID[:at] + bytes([octet]) + VALID[at + 1 :]):
        try:
            crl = read_crl(octets)
        except CrlFault:
            continue
        assert octets == VALID or not crl.is_signed_by(PKI.ci().public_key)
