"""Certificates: every kind that must be refused is refused for its own reason, on both curves."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role, verify_chain
from pytest_euicc.rsp.folder import FolderPki, PkiFolderError, write_folder
from pytest_euicc.rsp.pki import INVALID_EUICC_KINDS, INVALID_SERVER_KINDS, TestPki, default_pki

EID = bytes.fromhex("89049032123451234512345678901235")
NOW = datetime(2026, 6, 1, tzinfo=UTC)
PKI = default_pki()
CURVES = PKI.curves

FAULT_OF_SERVER_KIND = {
    "bad-signature": FaultKind.SIGNATURE,
    "expired": FaultKind.EXPIRED,
    "not-yet-valid": FaultKind.NOT_YET_VALID,
    "no-policy": FaultKind.POLICY,
    "policy-not-critical": FaultKind.POLICY,
    "wrong-policy": FaultKind.POLICY,
    "wrong-key-usage": FaultKind.KEY_USAGE,
    "is-a-ca": FaultKind.BASIC_CONSTRAINTS,
    "no-oid": FaultKind.NO_OID,
    "wrong-extended-key-usage": FaultKind.EXTENDED_KEY_USAGE,
    "p384": FaultKind.CURVE,
    "unknown-ci": FaultKind.ISSUER,
}
FAULT_OF_EUICC_KIND = {
    "eum-signature": FaultKind.SIGNATURE,
    "eum-key-usage": FaultKind.KEY_USAGE,
    "eum-policy": FaultKind.POLICY,
    "eum-basic-constraints": FaultKind.BASIC_CONSTRAINTS,
    "eum-path-length": FaultKind.PATH_LENGTH,
    "eum-expired": FaultKind.EXPIRED,
    "euicc-signature": FaultKind.SIGNATURE,
    "euicc-key-usage": FaultKind.KEY_USAGE,
    "euicc-policy": FaultKind.POLICY,
    "euicc-organisation": FaultKind.ORGANISATION,
    "euicc-serial-number": FaultKind.NAME_CONSTRAINTS,
    "euicc-expired": FaultKind.EXPIRED,
}


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("role", [Role.DP_AUTH, Role.DP_PB, Role.DP_TLS])
def test_valid_servers(role: Role, curve: str) -> None:
    identity = PKI.server(role, curve)
    assert verify_chain([identity.certificate], PKI.trust(), role, at=NOW) == PKI.ci(curve)
    assert identity.certificate.oid == "2.999.10"
    assert PKI.server(role, curve, 2).certificate.oid == "2.999.12"


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("kind", INVALID_SERVER_KINDS)
def test_invalid_servers(kind: str, curve: str) -> None:
    role = Role.DP_TLS if kind == "wrong-extended-key-usage" else Role.DP_AUTH
    with pytest.raises(CertificateFault) as caught:
        verify_chain([PKI.invalid_server(role, kind, curve).certificate], PKI.trust(), role, at=NOW)
    assert caught.value.kind is FAULT_OF_SERVER_KIND[kind]


@pytest.mark.parametrize("curve", CURVES)
def test_valid_euicc(curve: str) -> None:
    identity = PKI.euicc(EID, curve)
    assert identity.certificate.eid == EID
    verify_chain([identity.certificate, *identity.chain], PKI.trust(), "euicc", at=NOW, eid=EID)
    with pytest.raises(CertificateFault) as caught:
        verify_chain([identity.certificate, *identity.chain], PKI.trust(), "euicc", at=NOW, eid=bytes(16))
    assert caught.value.kind is FaultKind.EID


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("kind", INVALID_EUICC_KINDS)
def test_invalid_euicc_chains(kind: str, curve: str) -> None:
    identity = PKI.euicc(EID, curve, kind)
    with pytest.raises(CertificateFault) as caught:
        verify_chain([identity.certificate, *identity.chain], PKI.trust(), "euicc", at=NOW)
    assert caught.value.kind is FAULT_OF_EUICC_KIND[kind]


def test_an_euicc_without_a_clock_looks_at_everything_but_the_time() -> None:
    expired = PKI.invalid_server(Role.DP_AUTH, "expired").certificate
    assert verify_chain([expired], PKI.trust(), Role.DP_AUTH, at=None) == PKI.ci()


def test_issued_again_octet_for_octet() -> None:
    again = TestPki()
    for curve in CURVES:
        assert again.euicc(EID, curve).certificate.der == PKI.euicc(EID, curve).certificate.der
    assert TestPki("another").ci().der != PKI.ci().der


@given(st.binary(max_size=200))
def test_hostile_octets(octets: bytes) -> None:
    with pytest.raises(CertificateFault) as caught:
        Certificate(octets)
    assert caught.value.kind is FaultKind.MALFORMED


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=255))
def test_a_changed_octet_never_verifies(place: int, change: int) -> None:
    der = bytearray(PKI.server(Role.DP_AUTH).certificate.der)
    der[place % len(der)] ^= change
    with pytest.raises(CertificateFault):
        verify_chain([Certificate(bytes(der))], PKI.trust(), Role.DP_AUTH, at=NOW)


def test_folder_written_and_read(tmp_path: Path) -> None:
    write_folder(PKI, tmp_path, EID)
    folder = FolderPki(tmp_path)
    for curve in CURVES:
        assert folder.euicc(EID, curve).certificate.der == PKI.euicc(EID, curve).certificate.der
        for number in (1, 2):
            for role in (Role.DP_AUTH, Role.DP_PB, Role.DP_TLS):
                ours = PKI.server(role, curve, number)
                assert folder.server(role, curve, number).certificate == ours.certificate


@pytest.mark.parametrize(
    ("break_it", "words"),
    [
        (lambda base: (base / "eUICC" / "SK_EUICC_ECDSA_NIST.pem").unlink(), "SK_EUICC_ECDSA_NIST.pem: No such file"),
        (lambda base: (base / "eUICC" / "SK_EUICC_ECDSA_NIST.pem").write_text("x"), "no private key in PEM"),
        (lambda base: (base / "eUICC" / "CERT_EUICC_ECDSA_NIST.der").write_text("x"), "DER is wanted"),
        (
            lambda base: (base / "EUM" / "SK_EUM_ECDSA_NIST.pem").replace(base / "eUICC" / "SK_EUICC_ECDSA_NIST.pem"),
            "not the key of CERT_EUICC",
        ),
    ],
)
def test_folder_faults_name_the_file(tmp_path: Path, break_it: object, words: str) -> None:
    write_folder(PKI, tmp_path, EID)
    break_it(tmp_path)  # type: ignore[operator]
    with pytest.raises(PkiFolderError, match=words):
        FolderPki(tmp_path).euicc(EID)


def test_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(PkiFolderError, match="CertificateIssuer"):
        FolderPki(tmp_path)
