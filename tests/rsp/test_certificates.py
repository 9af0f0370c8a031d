"""Certificates: every kind that must be refused is refused for its own reason, on both curves."""

from __future__ import annotations

import contextlib
import copy
import pickle
import warnings
from collections.abc import Callable

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp.certificates import Certificate, CertificateFault, FaultKind, Role
from pytest_euicc.rsp.chains import INVALID_EUICC_KINDS
from pytest_euicc.rsp.issuing import Identity, Wish, issue
from pytest_euicc.rsp.pki import INVALID_SERVER_KINDS, TestPki
from pytest_euicc.rsp.signatures import CURVES as CURVES_BY_NAME
from pytest_euicc.rsp.signatures import private_key_from
from pytest_euicc.rsp.verification import verify_chain
from tests.support.certificate_kinds import CURVES, EID, FAULT_OF_EUICC_KIND, FAULT_OF_SERVER_KIND, NOW, PKI


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("role", [Role.DP_AUTH, Role.DP_PB, Role.DP_TLS])
def test_valid_servers(role: Role, curve: str) -> None:
    identity = PKI.server(role, curve)
    assert verify_chain([identity.certificate], PKI.trust(), role, at=NOW) == PKI.ci(curve)
    assert identity.certificate.oid == "2.999.10"
    assert PKI.server(role, curve, 2).certificate.oid == "2.999.12"


@pytest.mark.parametrize("kind", INVALID_EUICC_KINDS)
def test_the_eids_of_invalid_chains_have_right_check_digits(kind: str) -> None:
    # SGP.02 4.1: else a server could refuse them for that.
    eid = PKI.euicc(EID, kind=kind).certificate.eid
    assert eid is not None
    assert int(eid.hex()) % 97 == 1


@pytest.mark.parametrize("curve", CURVES)
def test_the_shapes_are_those_of_sgp26(curve: str) -> None:
    # As in the published bundle: who signs what, and what must be understood. TLS libraries need not know policies.
    euicc, servers = PKI.euicc(EID, curve), [Role.DP_AUTH, Role.DP_PB, Role.DP_TLS]
    shapes = {
        "ci": (PKI.ci(curve), ["keyCertSign", "cRLSign"], "2.999.1", True),
        "eum": (euicc.chain[0], ["keyCertSign"], "2.999.5", True),
        "euicc": (euicc.certificate, ["digitalSignature"], None, True),
    } | {
        role.value: (PKI.server(role, curve).certificate, ["digitalSignature"], "2.999.10", role is not Role.DP_TLS)
        for role in servers
    }
    for name, (certificate, bits, oid, critical) in shapes.items():
        usage = certificate.extension(x509.KeyUsage)
        assert usage is not None, name
        assert usage.critical, name
        set_ = {
            "digitalSignature": usage.value.digital_signature,
            "keyCertSign": usage.value.key_cert_sign,
            "cRLSign": usage.value.crl_sign,
        }
        assert [bit for bit, there in set_.items() if there] == bits, name
        assert certificate.oid == oid, name
        policies = certificate.extension(x509.CertificatePolicies)
        assert policies is not None, name
        assert policies.critical is critical, name


def test_the_same_octets_are_one_certificate() -> None:
    certificate = PKI.server(Role.DP_AUTH, CURVES[0]).certificate
    assert Certificate(certificate.der[:1] + certificate.der[1:]) is certificate
    assert copy.deepcopy(certificate) is pickle.loads(pickle.dumps(certificate)) is certificate
    for _ in range(2):
        with pytest.raises(CertificateFault, match="not a certificate"):
            Certificate(b"\x30\x00")


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
        lambda: PKI.invalid_server(Role.DP_TLS, "policy-not-critical"),
    ],
)
def test_an_unknown_kind_is_never_issued_as_valid(ask: Callable[[], Identity]) -> None:
    with pytest.raises(ValueError, match=r"wrong-extended-key-usage|policy-not-critical|known are"):
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
