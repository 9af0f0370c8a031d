"""PKI folders in the layouts of the SGP.26 bundle: read, written, and issued from."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_euicc.interfaces.es9plus.parallel import further_eid
from pytest_euicc.rsp.certificates import CertificateFault, FaultKind, Role
from pytest_euicc.rsp.chains import INVALID_EUICC_KINDS
from pytest_euicc.rsp.folder import FolderPki, PkiFolderError, write_folder
from pytest_euicc.rsp.pki import TestPki
from pytest_euicc.rsp.verification import verify_chain
from tests.support.certificate_kinds import CURVES, EID, FAULT_OF_EUICC_KIND, FAULT_OF_SERVER_KIND, NOW, PKI

OTHER_EID = bytes.fromhex("89049032000000000000000000000160")


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
    with pytest.raises(PkiFolderError, match=r"CERT_CI_broken.der: not a certificate.*a CI certificate in DER"):
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
        (lambda base: (base / "eUICC" / "SK_EUICC_ECDSA_NIST.pem").write_text("x"), "not a private key in PEM"),
        (lambda base: (base / "eUICC" / "CERT_EUICC_ECDSA_NIST.der").write_text("x"), "DER is expected"),
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


@pytest.mark.parametrize("curve", CURVES)
def test_folder_issues_for_another_eid(tmp_path: Path, curve: str) -> None:
    write_folder(PKI, tmp_path, EID)
    folder = FolderPki(tmp_path)
    assert folder.euicc(None, curve).certificate.eid == EID
    other = folder.euicc(OTHER_EID, curve)
    verify_chain([other.certificate, *other.chain], PKI.trust(), Role.EUICC, at=NOW, eid=OTHER_EID)
    assert other.chain == folder.euicc(EID, curve).chain
    with pytest.raises(PkiFolderError, match=r"CERT_EUM_ECDSA_.*: permits EIDs that begin with 89049032, not 0000"):
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


@pytest.mark.parametrize("curve", CURVES)
def test_folder_for_an_eid_of_another_eum(tmp_path: Path, curve: str) -> None:
    eid, next_eid = (bytes.fromhex(f"890330240104000001000000000{end}") for end in ("10009", "20006"))
    write_folder(PKI, tmp_path, eid)
    folder = FolderPki(tmp_path)
    for wanted in (eid, next_eid):
        euicc = folder.euicc(wanted, curve)
        verify_chain([euicc.certificate, *euicc.chain], PKI.trust(), Role.EUICC, at=NOW, eid=wanted)
    assert folder.euicc(None, curve).certificate.eid == eid


def test_further_euiccs_are_of_the_same_eum(tmp_path: Path) -> None:
    own = bytes.fromhex("89033024010400000100000000010009")
    write_folder(PKI, tmp_path, own)
    further = [further_eid(own, number) for number in (1, 2)]
    assert [eid.hex() for eid in further] == ["89033024000000000000000000010185", "89033024000000000000000000010282"]
    assert [int(eid.hex()) % 97 for eid in further] == [1, 1]
    for eid in further:
        assert FolderPki(tmp_path).euicc(eid).certificate.eid == eid
