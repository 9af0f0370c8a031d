"""The simulated eUICC through a whole download, driven by an SM-DP+ made of the parts of rsp."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.card.channel import Card
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.rsp import bpp, profile_package, signatures
from pytest_euicc.rsp.bsp import SessionKeys
from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.rsp.iccid import swapped
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc

EID = bytes.fromhex("89049032123451234512345678901235")
ICCID = bytes.fromhex("98001032547698103214")
PKI = default_pki()
ADDRESS = "smdp.example.com"


@dataclass
class Server:
    """An SM-DP+ that can be told to do anything wrong."""

    isdr: Isdr
    curve: str = "nist"
    transaction_id: bytes = b"\x01\x02\x03\x04"
    one_time: object = None
    signature1: bytes = b""
    otpk: bytes = b""
    responses: dict[str, Any] = field(default_factory=dict)

    def authenticate(self, certificate=None, challenge=None, key=None, ci=None, corrupt=False):
        identity = PKI.server(Role.DP_AUTH, self.curve)
        given = self.isdr.get_euicc_challenge() if challenge is None else challenge
        signed = codec.encode(
            "ServerSigned1",
            {
                "transactionId": self.transaction_id,
                "euiccChallenge": given,
                "serverAddress": ADDRESS,
                "serverChallenge": bytes(16),
            },
        )
        signature = signatures.sign(key or identity.private_key, signed)
        if corrupt:
            signature = signature[:-1] + bytes([signature[-1] ^ 1])
        request = {
            "serverSigned1": codec.decode("ServerSigned1", signed),
            "serverSignature1": signature,
            "euiccCiPKIdToBeUsed": ci or PKI.ci(self.curve).subject_key_id,
            "serverCertificate": (certificate or identity.certificate).der,
            "ctxParams1": (
                "ctxParamsForCommonAuthentication",
                {"matchingId": "ABC", "deviceInfo": {"tac": bytes(4), "deviceCapabilities": {}}},
            ),
        }
        reply = self.isdr.call("authenticate_server", request)
        kind, value = reply.value
        if kind == "authenticateResponseOk":
            self.signature1 = tlv.find(reply.octets, 0xBF38, 0xA0, 0x5F37)
            euicc = Certificate(value["euiccCertificate"])
            signed1 = tlv.find(reply.octets, 0xBF38, 0xA0, 0x30)
            assert signatures.verify(euicc.public_key, signed1, tlv.parse(self.signature1).value)
        return kind, value

    def prepare(self, certificate=None, transaction_id=None, hash_cc=None, offered=None, key=None):
        identity = PKI.server(Role.DP_PB, self.curve)
        value = {"transactionId": transaction_id or self.transaction_id, "ccRequiredFlag": hash_cc is not None}
        if offered is not None:
            value["bppEuiccOtpk"] = offered
        signed = codec.encode("SmdpSigned2", value)
        request = {
            "smdpSigned2": value,
            "smdpSignature2": signatures.sign(key or identity.private_key, signed + self.signature1),
            "smdpCertificate": (certificate or identity.certificate).der,
        }
        if hash_cc is not None:
            request["hashCc"] = hash_cc
        kind, answer = self.isdr.call("prepare_download", request).value
        if kind == "downloadResponseOk":
            self.otpk = answer["euiccSigned2"]["euiccOtpk"]
        return kind, answer

    def binding(self):
        one_time = signatures.private_key_from(b"dp one time", signatures.CURVES[self.curve])
        signer = PKI.server(Role.DP_PB, self.curve).private_key
        return bpp.Binding(self.transaction_id, self.otpk, EID, one_time, signer, bytes(8))

    def package(self, profile=None, random_keys=None, **metadata):
        value = {"iccid": ICCID, "serviceProviderName": "Op", "profileName": "Downloaded"} | metadata
        value.setdefault(
            "notificationConfigurationInfo",
            [{"profileManagementOperation": (b"\xf0", 4), "notificationAddress": "n.example.com"}],
        )
        octets = codec.encode("StoreMetadataRequest", value)
        return bpp.build(self.binding(), octets, profile or profile_package.build(ICCID), random_keys=random_keys)

    def load(self, package):
        reply = self.isdr.load_bound_profile_package(bpp.segments(package))
        assert reply.ok, hex(reply.sw)
        return reply

    def result(self, package):
        return self.load(package).value["profileInstallationResultData"]["finalResult"]


def card(*, variants=(), **settings):
    made = Card(SimTransport(SimulatedEuicc(EuiccSettings(**settings), variants=frozenset(variants))))
    made.connect()
    return made


def selected(made):
    isdr = Isdr(made.open_channel())
    assert isdr.select().ok
    return isdr


@pytest.fixture(params=["nist", "brainpool"])
def server(request):
    return Server(selected(card()), request.param)


KEYS = SessionKeys(b"e" * 16, b"m" * 16, b"c" * 16)


@pytest.mark.parametrize("random_keys", [None, KEYS], ids=["session keys", "random keys"])
def test_a_whole_download(server, random_keys):
    kind, value = server.authenticate()
    assert kind == "authenticateResponseOk"
    assert value["euiccSigned1"]["serverAddress"] == ADDRESS
    assert server.prepare()[0] == "downloadResponseOk"
    reply = server.load(server.package(random_keys=random_keys))
    data = reply.value["profileInstallationResultData"]
    kind, success = data["finalResult"]
    assert kind == "successResult"
    assert codec.decode("EUICCResponse", success["simaResponse"])["peStatus"][0]["status"] == 0
    assert data["smdpOid"] == "2.999.10"
    signed = tlv.find(reply.octets, 0xBF37, 0xBF27)
    euicc = PKI.euicc(EID, server.curve).certificate
    assert signatures.verify(euicc.public_key, signed, reply.value["euiccSignPIR"])
    listed = server.isdr.get_profiles_info({"searchCriteria": ("iccid", ICCID)})[1]
    assert listed[0]["isdpAid"] == success["aid"]
    assert listed[0]["profileState"] == 0
    kept = [entry["notificationAddress"] for entry in server.isdr.list_notification("notificationInstall")[1]]
    assert kept == [ADDRESS, "n.example.com"]


def test_the_files_of_an_enabled_profile():
    made = card()
    server = Server(selected(made))
    server.authenticate()
    server.prepare()
    assert server.result(server.package())[0] == "successResult"
    assert server.isdr.enable_profile(ICCID) == 0

    def read(*path):
        for identifier in path:
            command = bytes.fromhex("00A4000402") + bytes.fromhex(identifier)
            if len(identifier) > 4:
                command = bytes.fromhex("00A40404") + bytes([len(identifier) // 2]) + bytes.fromhex(identifier)
            assert made.transmit(command)[:1] == b"\x61"
        octets = made.transmit(bytes.fromhex("00B0000000"))
        assert octets[-2:] == b"\x90\x00"
        return octets[:-2]

    usim = profile_package.USIM_AID.hex()
    assert read("3F00", "2FE2") == ICCID
    assert read(usim, "6F07") == bytes.fromhex("080910101032547698")
    assert read(usim, "6FAD") == bytes.fromhex("80000002")
    assert read(usim, "6F46")[1:14] == b"Test operator"
    assert read(usim, "6F38").hex() == "000004"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"corrupt": True}, "invalidSignature"),
        ({"challenge": bytes(16)}, "noSessionContext"),
        ({"certificate": PKI.invalid_server(Role.DP_AUTH, "bad-signature").certificate}, "invalidCertificate"),
        ({"certificate": PKI.invalid_server(Role.DP_AUTH, "expired").certificate}, "invalidCertificate"),
        ({"certificate": PKI.invalid_server(Role.DP_AUTH, "p384").certificate}, "unsupportedCurve"),
        ({"certificate": PKI.invalid_server(Role.DP_AUTH, "no-oid").certificate}, "invalidOid"),
        ({"certificate": PKI.server(Role.DP_PB).certificate}, "invalidCertificate"),
        ({"ci": bytes(20)}, "ciPKUnknown"),
    ],
)
def test_authentication_refused(how, code):
    server = Server(selected(card()))
    kind, value = server.authenticate(**how)
    assert (kind, value["authenticateErrorCode"].name) == ("authenticateResponseError", code)
    assert server.prepare()[1]["downloadErrorCode"].name == "noSessionContext"
    assert server.authenticate()[0] == "authenticateResponseOk"


@pytest.mark.parametrize(
    ("variants", "kind"), [((), "authenticateResponseError"), (["a-ca-may-be-the-server"], "authenticateResponseOk")]
)
def test_a_ca_is_no_server_unless_nobody_looks(variants, kind):
    server = Server(selected(card(variants=variants)))
    identity = PKI.invalid_server(Role.DP_AUTH, "is-a-ca")
    assert server.authenticate(certificate=identity.certificate, key=identity.private_key)[0] == kind


def test_another_challenge():
    server = Server(selected(card()))
    server.isdr.get_euicc_challenge()
    assert server.authenticate(challenge=bytes(16))[1]["authenticateErrorCode"].name == "euiccChallengeMismatch"


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"key": PKI.server(Role.DP_AUTH).private_key}, "invalidSignature"),
        ({"transaction_id": b"\x09"}, "invalidTransactionId"),
        ({"certificate": PKI.server(Role.DP_AUTH).certificate}, "invalidCertificate"),
        ({"certificate": PKI.server(Role.DP_PB, number=2).certificate}, "invalidCertificate"),
        ({"certificate": PKI.invalid_server(Role.DP_PB, "p384").certificate}, "unsupportedCurve"),
    ],
)
def test_preparation_refused(how, code):
    server = Server(selected(card()))
    server.authenticate()
    kind, value = server.prepare(**how)
    assert (kind, value["downloadErrorCode"].name) == ("downloadResponseError", code)
    assert server.prepare()[1]["downloadErrorCode"].name == "noSessionContext"


def test_one_time_keys_are_fresh_unless_the_one_kept_is_offered():
    server = Server(selected(card()))
    keys: list[bytes] = []
    for offered in (None, None, "last", b"\x04" + bytes(64)):
        server.authenticate()
        server.prepare(offered=keys[-1] if offered == "last" else offered)
        server.isdr.send("load_bound_profile_package", server.package()[:9])
        keys.append(server.otpk)
    assert keys[1] == keys[2]
    assert len(set(keys)) == 3


def test_confirmation_code_is_echoed():
    server = Server(selected(card()))
    server.authenticate()
    digest = signatures.hash_cc("1234", server.transaction_id)
    assert server.prepare(hash_cc=digest)[1]["euiccSigned2"]["hashCc"] == digest


def broken(package, at, change=1):
    octets = bytearray(package)
    octets[at] ^= change
    return bytes(octets)


def test_load_errors_name_command_and_reason():
    settings = {"memory": 250_000}
    server = Server(selected(card(**settings)))

    def attempt(make):
        server.authenticate()
        server.prepare()
        kind, value = server.result(make())
        assert kind == "errorResult"
        return value["bppCommandId"].name, value["errorReason"].name

    def broken_segment(outer, change=1):
        package = server.package()
        element = next(part for part in tlv.parse(package).children() if part.tag == outer)
        return broken(package, element.end - 1, change)

    def with_profile(profile):
        return lambda: server.package(profile=profile)

    whole = profile_package.standard_elements(ICCID, imsi="001010123456789", service_provider="x")
    end = ("end", {"end-header": {"mandated": None, "identification": 99}})
    other = profile_package.build(bytes.fromhex("98001032547698103299"))
    unknown = tlv.encode(0xBF40, tlv.encode(0xA0, b"\x80\x00\x81\x01\x07"))
    loading = "loadProfileElements"
    processing = "installFailedDueToPEProcessingError"
    expected = [
        (lambda: broken_segment(0xBF23), ("initialiseSecureChannel", "invalidSignature")),
        (lambda: broken_segment(0xA0), ("configureISDP", "scp03tSecurityError")),
        (lambda: broken_segment(0xA1), ("storeMetadata", "scp03tSecurityError")),
        (lambda: broken_segment(0xA3), (loading, "scp03tSecurityError")),
        (with_profile(other), (loading, "installFailedDueToDataMismatch")),
        (with_profile(profile_package.join(whole)), (loading, processing)),
        (with_profile(profile_package.join([*whole, end, end])), (loading, processing)),
        (with_profile(unknown + profile_package.build(ICCID)), (loading, processing)),
        (
            with_profile(profile_package.build(ICCID, filler=60_000)),
            (loading, "installFailedDueToInsufficientMemoryForProfile"),
        ),
        (
            lambda: server.package(profilePolicyRules=(b"\x40", 2), profileOwner={"mccMnc": b"\x99\xf9\x99"}),
            ("storeMetadata", "pprNotAllowed"),
        ),
    ]
    for make, outcome in expected:
        assert attempt(make) == outcome
        assert server.isdr.get_profiles_info({"searchCriteria": ("iccid", ICCID)})[1] == []
    server.authenticate()
    server.prepare()
    assert server.result(server.package())[0] == "successResult"
    assert attempt(server.package) == ("storeMetadata", "installFailedDueToIccidAlreadyExistsOnEuicc")


@pytest.mark.parametrize(("portion", "outcome"), [(1008, "successResult"), (2040, "errorResult")])
def test_segments_longer_than_an_smdp_may_make(portion, outcome):
    server = Server(selected(card()))
    server.authenticate()
    server.prepare()
    metadata = codec.encode(
        "StoreMetadataRequest", {"iccid": ICCID, "serviceProviderName": "Op", "profileName": "Downloaded"}
    )
    protected = bpp.protect_profile(KEYS, profile_package.build(ICCID, filler=3000), portion=portion)
    assert max(map(len, protected)) > 1020
    package = bpp.build(server.binding(), metadata, b"", random_keys=KEYS, protected=protected)
    assert server.result(package)[0] == outcome


def test_an_unknown_optional_element_is_reported_and_passed_over():
    server = Server(selected(card()))
    server.authenticate()
    server.prepare()
    elements = profile_package.standard_elements(ICCID, imsi="00101", service_provider="x")
    unknown = tlv.encode(0xBF40, tlv.encode(0xA0, b"\x81\x01\x07"))
    end = profile_package.join([("end", {"end-header": {"mandated": None, "identification": 99}})])
    kind, value = server.result(server.package(profile=profile_package.join(elements) + unknown + end))
    assert kind == "successResult"
    statuses = codec.decode("EUICCResponse", value["simaResponse"])["peStatus"]
    assert [(entry["status"].name, entry["identification"]) for entry in statuses] == [("pe-not-supported", 7)]


@pytest.mark.parametrize("name", ["ef-dir", "ef-arr"])
def test_records_for_which_neither_template_nor_package_has_a_length_are_refused(name):
    server = Server(selected(card()))
    server.authenticate()
    server.prepare()
    elements = profile_package.standard_elements(ICCID, imsi="00101", service_provider="x")
    (descriptor,) = [value for kind, value in dict(elements)["mf"][name] if kind == "fileDescriptor"]
    del descriptor["fileDescriptor"]
    kind, value = server.result(server.package(profile=profile_package.join([*elements, profile_package.END])))
    assert kind == "errorResult"
    assert value["errorReason"].name == "installFailedDueToPEProcessingError"


def test_a_reset_at_any_segment_leaves_nothing_and_the_next_download_works():
    made = card()
    server = Server(selected(made))
    before = made.transport.euicc.state.profiles
    server.authenticate()
    server.prepare()
    total = len(bpp.segments(server.package()))
    for stop in range(total):
        server.isdr = selected(made)
        server.authenticate()
        server.prepare()
        for segment in bpp.segments(server.package())[:stop]:
            assert server.isdr.send("load_bound_profile_package", segment).octets == b""
        made.reset()
        assert made.transport.euicc.state.profiles == before
    server.isdr = selected(made)
    server.authenticate()
    server.prepare()
    assert server.result(server.package())[0] == "successResult"


def test_any_boundaries_between_the_commands():
    for size in (2, 7, 100, 700):
        server = Server(selected(card()))
        server.authenticate()
        server.prepare()
        package = server.package()
        reply = server.isdr.load_bound_profile_package(package[at : at + size] for at in range(0, len(package), size))
        assert reply.value["profileInstallationResultData"]["finalResult"][0] == "successResult"


def test_published_packages_install():
    """Without the published packages our own one, larger than one segment, stands for them."""
    folder = os.environ.get("EUICC_TS48_DIR")
    packages = [path.read_bytes() for path in sorted(Path(folder).glob("*.der"))] if folder else []
    for package in [profile_package.build(ICCID, filler=3000), *packages]:
        elements = dict(codec.decode("ProfileElement", element.octets) for element in tlv.parse_all(package))
        (file,) = [octets for kind, octets in elements["mf"]["ef-iccid"] if kind == "fillFileContent"]
        # Natural order of digits in the header, swapped nibbles in EF ICCID and in the metadata.
        assert file == swapped(elements["header"]["iccid"])
        iccid = swapped(codec.decode("ProfileElement", tlv.parse_all(package)[0].octets)[1]["iccid"])
        server = Server(selected(card()))
        server.authenticate()
        server.prepare()
        kind, value = server.result(server.package(profile=package, iccid=iccid))
        assert kind == "successResult", value
        assert server.isdr.enable_profile(iccid) == 0


def test_cancel_session_and_what_follows():
    server = Server(selected(card()))
    server.authenticate()
    reply = server.isdr.call("cancel_session", {"transactionId": server.transaction_id, "reason": "postponed"})
    kind, value = reply.value
    assert kind == "cancelSessionResponseOk"
    assert value["euiccCancelSessionSigned"]["smdpOid"] == "2.999.10"
    signed = tlv.find(reply.octets, 0xBF41, 0xA0, 0x30)
    assert signatures.verify(PKI.euicc(EID).certificate.public_key, signed, value["euiccCancelSessionSignature"])
    assert server.prepare()[1]["downloadErrorCode"].name == "noSessionContext"
    again = server.isdr.cancel_session(server.transaction_id, "postponed")
    assert again == ("cancelSessionResponseError", 5)
