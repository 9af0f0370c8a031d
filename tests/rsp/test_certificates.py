"""Certificates: every kind that must be refused is refused for its own reason, on both curves."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role
from pytest_euicc.rsp.chains import INVALID_EUICC_KINDS
from pytest_euicc.rsp.folder import FolderPki, PkiFolderError, write_folder
from pytest_euicc.rsp.issuing import Identity, Wish, issue
from pytest_euicc.rsp.pki import INVALID_SERVER_KINDS, TestPki, default_pki
from pytest_euicc.rsp.signatures import CURVES as CURVES_BY_NAME
from pytest_euicc.rsp.signatures import private_key_from
from pytest_euicc.rsp.verification import verify_chain

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
    "no-key-usage": FaultKind.KEY_USAGE,
    "key-usage-not-critical": FaultKind.KEY_USAGE,
    "wrong-key-usage": FaultKind.KEY_USAGE,
    "is-a-ca": FaultKind.BASIC_CONSTRAINTS,
    "no-oid": FaultKind.NO_OID,
    "wrong-extended-key-usage": FaultKind.EXTENDED_KEY_USAGE,
    "p192": FaultKind.CURVE,
    "p384": FaultKind.CURVE,
    "unknown-ci": FaultKind.UNKNOWN_CI,
}
FAULT_OF_EUICC_KIND = {
    "eum-signature": FaultKind.SIGNATURE,
    "eum-key-usage": FaultKind.KEY_USAGE,
    "eum-policy": FaultKind.POLICY,
    "eum-basic-constraints": FaultKind.BASIC_CONSTRAINTS,
    "eum-basic-constraints-not-critical": FaultKind.BASIC_CONSTRAINTS,
    "eum-path-length": FaultKind.PATH_LENGTH,
    "eum-no-authority-key": FaultKind.UNKNOWN_CI,
    "eum-no-name-constraints": FaultKind.NAME_CONSTRAINTS,
    "eum-expired": FaultKind.EXPIRED,
    "eum-unknown-ci": FaultKind.UNKNOWN_CI,
    "euicc-signature": FaultKind.SIGNATURE,
    "euicc-key-usage": FaultKind.KEY_USAGE,
    "euicc-policy": FaultKind.POLICY,
    "euicc-organisation": FaultKind.ORGANISATION,
    "euicc-no-authority-key": FaultKind.ISSUER,
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


def _issued(wish: Wish, issuer: Identity) -> Identity:
    return issue(wish, private_key_from(wish.common_name.encode(), CURVES_BY_NAME["nist"]), issuer)


def _fault(chain: list[Certificate], role: Role) -> FaultKind:
    with pytest.raises(CertificateFault) as caught:
        verify_chain(chain, PKI.trust(), role, at=NOW)
    return caught.value.kind


def test_only_the_ci_issues_to_servers() -> None:
    server = _issued(Wish(Role.DP_AUTH, "server of a maker", oid="2.999.10"), PKI.eum())
    assert _fault([server.certificate, PKI.eum().certificate], Role.DP_AUTH) is FaultKind.CHAIN
    assert _fault([server.certificate], Role.DP_AUTH) is FaultKind.UNKNOWN_CI


def test_an_euicc_has_one_eum_above_it() -> None:
    wish = Wish(Role.EUICC, "eUICC", organisation="Test EUM", serial_number=EID.hex())
    direct = _issued(wish, PKI.authority())
    assert _fault([direct.certificate], Role.EUICC) is FaultKind.CHAIN
    second = _issued(Wish(Role.EUM, "EUM below an EUM", organisation="Test EUM", eins=("89049032",)), PKI.eum())
    below = _issued(wish, second)
    chain = [below.certificate, second.certificate, PKI.eum().certificate]
    assert _fault(chain, Role.EUICC) is FaultKind.CHAIN
    assert _fault([], Role.EUICC) is FaultKind.CHAIN


def test_permitted_eins_of_version_3() -> None:
    wish = Wish(Role.EUM, "EUM of version 3", organisation="Test EUM", eins=("89044", "89049032"), eins_extension=True)
    eum = _issued(wish, PKI.authority())
    assert eum.certificate.permitted_eins == ("89044", "89049032")
    for number, permitted in (EID.hex(), True), ("89045" + "0" * 27, False):
        wish = Wish(Role.EUICC, "eUICC", organisation="Test EUM", serial_number=number)
        chain = [_issued(wish, eum).certificate, eum.certificate]
        if permitted:
            verify_chain(chain, PKI.trust(), Role.EUICC, at=NOW)
        else:
            assert _fault(chain, Role.EUICC) is FaultKind.NAME_CONSTRAINTS


def test_any_eid_gets_a_valid_chain() -> None:
    eid = bytes.fromhex("89033023426300000000000000000001")
    identity = PKI.euicc(eid)
    verify_chain([identity.certificate, *identity.chain], PKI.trust(), Role.EUICC, at=NOW, eid=eid)


@pytest.mark.parametrize(
    "ask",
    [
        lambda: PKI.euicc(EID, kind="expired"),
        lambda: PKI.invalid_server(Role.DP_AUTH, "misspelt"),
        lambda: PKI.invalid_server(Role.DP_PB, "wrong-extended-key-usage"),
    ],
)
def test_an_unknown_kind_is_never_issued_as_valid(ask: Callable[[], Identity]) -> None:
    with pytest.raises(ValueError, match=r"wrong-extended-key-usage|known are"):
        ask()


def test_an_issuer_of_another_name() -> None:
    ci = PKI.authority()
    renamed = issue(Wish(Role.CI, "another name"), ci.private_key)
    server = _issued(Wish(Role.DP_AUTH, "server", oid="2.999.10"), renamed)
    assert _fault([server.certificate], Role.DP_AUTH) is FaultKind.ISSUER


@pytest.mark.parametrize("number", [None, "8904903212345123451234512345678X", "890490321234512345123451234567"])
def test_a_serial_number_that_is_no_eid(number: str | None) -> None:
    eum = PKI.eum()
    wish = Wish(Role.EUICC, "eUICC", organisation="Test EUM", serial_number=number)
    euicc = _issued(wish, eum)
    assert euicc.certificate.eid is None
    assert _fault([euicc.certificate, eum.certificate], Role.EUICC) is FaultKind.EID


def test_the_policy_of_a_tls_certificate_need_not_be_critical() -> None:
    wish = Wish(Role.DP_TLS, "server", oid="2.999.10", policy_critical=False)
    server = _issued(wish, PKI.authority())
    verify_chain([server.certificate], PKI.trust(), Role.DP_TLS, at=NOW)


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


def _signed_again(certificate: Certificate, issuer: Identity, tbs: bytes) -> bytes:
    """A certificate with other contents, and a signature that holds for them."""
    algorithm = tlv.parse(certificate.der).children()[1].octets
    signature = issuer.private_key.sign(tbs, ec.ECDSA(hashes.SHA256()))
    return tlv.encode(0x30, tbs + algorithm + tlv.encode(0x03, b"\0" + signature))


@pytest.mark.parametrize("role", [Role.DP_AUTH, Role.DP_TLS, Role.EUM, Role.EUICC])
@given(place=st.integers(0, 10_000), change=st.integers(1, 255))
def test_hostile_contents_under_a_good_signature_are_never_an_error(role: Role, place: int, change: int) -> None:
    euicc = PKI.euicc(EID)
    issuer = PKI.eum() if role is Role.EUICC else PKI.authority()
    valid = {Role.EUICC: euicc, Role.EUM: PKI.eum()}.get(role) or PKI.server(role)
    tbs = bytearray(tlv.parse(valid.certificate.der).children()[0].octets)
    tbs[place % len(tbs)] ^= change
    with contextlib.suppress(CertificateFault):
        certificate = Certificate(_signed_again(valid.certificate, issuer, bytes(tbs)))
        verify_chain([certificate, *(euicc.chain if role is Role.EUICC else ())], PKI.trust(), role, at=NOW)
        assert certificate.role is role


def _changed(certificate: Certificate, issuer: Identity, before: str, after: str) -> Certificate:
    tbs = tlv.parse(certificate.der).children()[0].octets
    assert bytes.fromhex(before) in tbs
    return Certificate(_signed_again(certificate, issuer, tbs.replace(bytes.fromhex(before), bytes.fromhex(after))))


def test_an_eum_that_may_issue_any_eid() -> None:
    assert _fault([PKI.eum(kind="eum-no-name-constraints").certificate], Role.EUM) is FaultKind.NAME_CONSTRAINTS


def test_an_authority_key_identifier_that_is_not_the_issuers() -> None:
    euicc, eum = PKI.euicc(EID).certificate, PKI.eum()
    key_id, other = eum.certificate.subject_key_id or b"", bytes(20)
    changed = _changed(euicc, eum, key_id.hex(), other.hex())
    assert _fault([changed, eum.certificate], Role.EUICC) is FaultKind.ISSUER


def test_a_serial_number_that_is_not_positive() -> None:
    server = PKI.server(Role.DP_AUTH).certificate
    number = tlv.encode(0x02, server.x509.serial_number.to_bytes(8, "big").lstrip(b"\0"))
    negative = bytearray(number)
    negative[2] |= 0x80
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        changed = _changed(server, PKI.authority(), number.hex(), negative.hex())
        assert _fault([changed], Role.DP_AUTH) is FaultKind.MALFORMED


def _with_serial_number_0(authority: Identity) -> Certificate:
    parts = tlv.parse(authority.certificate.der).children()[0].children()
    octets = [tlv.encode(0x02, b"\0") if part.tag == 0x02 else part.octets for part in parts]
    return Certificate(_signed_again(authority.certificate, authority, tlv.encode(0x30, b"".join(octets))))


def test_a_trust_anchor_may_have_serial_number_0() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        anchor = _with_serial_number_0(PKI.authority())
        server = PKI.server(Role.DP_AUTH).certificate
        assert anchor.x509.serial_number == 0
        assert verify_chain([server], [anchor], Role.DP_AUTH, at=None) == anchor


def test_one_ci_key_under_two_names() -> None:
    authority, server = PKI.authority(), PKI.server(Role.DP_AUTH).certificate
    other = issue(Wish(Role.CI, "The same CI, renamed"), authority.private_key, None).certificate
    assert other.subject_key_id == authority.certificate.subject_key_id
    for trust in ([other, authority.certificate], [authority.certificate, other]):
        assert verify_chain([server], trust, Role.DP_AUTH, at=None) == authority.certificate
    with pytest.raises(CertificateFault, match="its issuer is not named"):
        verify_chain([server], [other], Role.DP_AUTH, at=None)
    # What is told of a certificate that holds under neither is what is wrong under the CI that it names.
    expired = PKI.invalid_server(Role.DP_AUTH, "no-oid").certificate
    with pytest.raises(CertificateFault) as caught:
        verify_chain([expired], [other, authority.certificate], Role.DP_AUTH, at=None)
    assert caught.value.kind is FaultKind.NO_OID


def _as_version_3(folder: Path) -> None:
    """The names and folders of version 3 of SGP.26 in place of those before."""
    (folder / "CertificateIssuer").rename(folder / "CI")
    for name in ("DPauth", "DPpb", "DPtls"):
        (folder / "SM-DP+").mkdir(exist_ok=True)
        (folder / name).rename(folder / "SM-DP+" / f"SM_{name}")
    for path in sorted(folder.rglob("*_ECDSA_*")):
        server = path.name.replace("_ECDSA_", "_VARO_SIG_")
        path.rename(path.with_name(server if "S_SM_DP" in path.name else path.name.replace("_ECDSA_", "_SIG_")))


def test_a_folder_in_the_layout_of_version_3(tmp_path: Path) -> None:
    write_folder(PKI, tmp_path, EID)
    before = FolderPki(tmp_path)
    wanted = [before.euicc(EID), before.authority("brainpool")]
    wanted += [
        before.server(role, number=number) for role in (Role.DP_AUTH, Role.DP_PB, Role.DP_TLS) for number in (1, 2)
    ]
    _as_version_3(tmp_path)
    after = FolderPki(tmp_path)
    found = [after.euicc(EID), after.authority("brainpool")]
    found += [
        after.server(role, number=number) for role in (Role.DP_AUTH, Role.DP_PB, Role.DP_TLS) for number in (1, 2)
    ]
    assert [one.certificate for one in found] == [one.certificate for one in wanted]
    assert (tmp_path / "SM-DP+/SM_DPauth/CERT_S_SM_DPauth_VARO_SIG_NIST.der").exists()
    assert after.invalid_server(Role.DP_PB, "expired").certificate.valid_until.year < 2022


def test_further_cis_of_a_folder_are_trusted(tmp_path: Path) -> None:
    write_folder(PKI, tmp_path, EID)
    place = tmp_path / "CertificateIssuer"
    second = PKI.authority("nist", 2).certificate
    (place / "CERT_CI_second.der").write_bytes(second.der)
    (place / "CERT_CI_again.der").write_bytes(PKI.ci().der)
    assert FolderPki(tmp_path).trust() == [PKI.ci("nist"), PKI.ci("brainpool"), second]
    assert FolderPki(tmp_path).ci() == PKI.ci()
    (place / "CERT_CI_broken.der").write_bytes(b"no certificate")
    with pytest.raises(PkiFolderError, match=r"CERT_CI_broken.der: no certificate.*a CI certificate in DER is wanted"):
        FolderPki(tmp_path)


def test_the_folder_above_a_layout_is_told_apart(tmp_path: Path) -> None:
    (tmp_path / "Variant O" / "CI").mkdir(parents=True)
    with pytest.raises(
        PkiFolderError, match=r"neither a folder CertificateIssuer nor CI; name .* that has one: Variant O"
    ):
        FolderPki(tmp_path)
    with pytest.raises(PkiFolderError, match=r"it has none of CERT_CI_ECDSA_NIST\.der, CERT_CI_SIG_NIST\.der"):
        FolderPki(tmp_path / "Variant O")
    with pytest.raises(PkiFolderError, match="there is no such folder"):
        FolderPki(tmp_path / "nowhere")


def test_a_curve_the_library_does_not_know() -> None:
    server = PKI.server(Role.DP_AUTH).certificate
    p256, prime192v2 = bytes.fromhex("06082A8648CE3D030107"), bytes.fromhex("06082A8648CE3D030102")
    tbs = tlv.parse(server.der).children()[0].octets.replace(p256, prime192v2)
    with pytest.raises(CertificateFault) as caught:
        Certificate(_signed_again(server, PKI.authority(), tbs))
    assert caught.value.kind is FaultKind.CURVE


def test_a_critical_extension_nobody_knows() -> None:
    server = PKI.server(Role.DP_AUTH).certificate
    key_usage, unknown = bytes.fromhex("0603551D0F0101FF"), bytes.fromhex("0603550D0F0101FF")
    tbs = tlv.parse(server.der).children()[0].octets.replace(key_usage, unknown)
    certificate = Certificate(_signed_again(server, PKI.authority(), tbs))
    assert _fault([certificate], Role.DP_AUTH) is FaultKind.UNKNOWN_EXTENSION


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


def test_folder_with_the_file_names_of_the_bundle(tmp_path: Path) -> None:
    write_folder(PKI, tmp_path, EID)
    base, ours = tmp_path / "DPtls", PKI.server(Role.DP_TLS, number=2).certificate
    (base / "CERT_S_SM_DP2_TLS_NIST.der").rename(base / "CERT_S_SM_DP2_TLS.der")
    assert FolderPki(tmp_path).server(Role.DP_TLS, number=2).certificate == ours
    (base / "SK_S_SM_DP2_TLS_NIST.pem").rename(base / "SK_S_SM_DP2_TLS.pem")
    assert FolderPki(tmp_path).server(Role.DP_TLS, number=2).certificate == ours


def test_folder_with_the_other_curve_under_a_name(tmp_path: Path) -> None:
    write_folder(PKI, tmp_path, EID)
    base = tmp_path / "EUM"
    (base / "CERT_EUM_ECDSA_NIST.der").replace(base / "CERT_EUM_ECDSA_BRP.der")
    with pytest.raises(PkiFolderError, match=r"CERT_EUM_ECDSA_BRP.der: its key is on secp256r1"):
        FolderPki(tmp_path).euicc(EID, "brainpool")


OTHER_EID = bytes.fromhex("89049032000000000000000000000160")


@pytest.mark.parametrize("curve", CURVES)
def test_folder_issues_for_another_eid(tmp_path: Path, curve: str) -> None:
    write_folder(PKI, tmp_path, EID)
    folder = FolderPki(tmp_path)
    assert folder.euicc(None, curve).certificate.eid == EID
    other = folder.euicc(OTHER_EID, curve)
    verify_chain([other.certificate, *other.chain], PKI.trust(), Role.EUICC, at=NOW, eid=OTHER_EID)
    assert other.chain == folder.euicc(EID, curve).chain
    with pytest.raises(PkiFolderError, match=r"CERT_EUM_ECDSA_.*: permits EIDs that begin with 89049032, wanted 0000"):
        folder.euicc(bytes(16), curve)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("kind", INVALID_EUICC_KINDS)
def test_folder_issues_invalid_chains(tmp_path: Path, kind: str, curve: str) -> None:
    write_folder(PKI, tmp_path, EID)
    identity = FolderPki(tmp_path).euicc(None, curve, kind)
    with pytest.raises(CertificateFault) as caught:
        verify_chain([identity.certificate, *identity.chain], PKI.trust(), Role.EUICC, at=NOW)
    assert caught.value.kind is FAULT_OF_EUICC_KIND[kind]
    if kind != "eum-unknown-ci":
        # One thing is wrong and nothing else: the other certificate is that of a chain that holds.
        sound = [entry for entry in identity.chain if entry in FolderPki(tmp_path).euicc(None, curve).chain]
        assert bool(sound) is kind.startswith("euicc")


def test_folder_without_keys_says_which_one_is_missing(tmp_path: Path) -> None:
    write_folder(PKI, tmp_path, EID)
    (tmp_path / "CertificateIssuer" / "SK_CI_ECDSA_NIST.pem").unlink()
    assert FolderPki(tmp_path).euicc(None, kind="euicc-expired").certificate.eid == EID
    with pytest.raises(PkiFolderError, match=r"SK_CI_ECDSA_NIST.pem: No such file"):
        FolderPki(tmp_path).euicc(None, kind="eum-expired")
    (tmp_path / "eUICC" / "SK_EUICC_ECDSA_NIST.pem").unlink()
    assert FolderPki(tmp_path).euicc(None).certificate.eid == EID
    (tmp_path / "EUM" / "SK_EUM_ECDSA_NIST.pem").unlink()
    with pytest.raises(PkiFolderError, match=r"SK_EUICC_ECDSA_NIST.pem: No such file"):
        FolderPki(tmp_path).euicc(None)
    with pytest.raises(ValueError, match="no kind of chain"):
        FolderPki(tmp_path).euicc(None, kind="eum-expiried")


def test_folder_of_something_else(tmp_path: Path) -> None:
    with pytest.raises(PkiFolderError, match="CertificateIssuer"):
        FolderPki(tmp_path)


def test_a_folder_with_the_key_of_its_ci_issues_what_must_be_refused(tmp_path: Path) -> None:
    write_folder(TestPki("another maker"), tmp_path, EID)
    folder = FolderPki(tmp_path)
    for kind in ("expired", "no-oid", "p384"):
        with pytest.raises(CertificateFault) as caught:
            verify_chain([folder.invalid_server(Role.DP_PB, kind).certificate], folder.trust(), Role.DP_PB, at=NOW)
        assert caught.value.kind is FAULT_OF_SERVER_KIND[kind]
    identity = folder.euicc(None, kind="euicc-expired")
    with pytest.raises(CertificateFault) as caught:
        verify_chain([identity.certificate, *identity.chain], folder.trust(), Role.EUICC, at=NOW)
    assert caught.value.kind is FaultKind.EXPIRED
    (tmp_path / "CertificateIssuer" / "SK_CI_ECDSA_NIST.pem").unlink()
    with pytest.raises(PkiFolderError, match="SK_CI_ECDSA_NIST"):
        FolderPki(tmp_path).invalid_server(Role.DP_PB, "expired")
