"""The strict DER check: one fault of each kind, at its place."""

from __future__ import annotations

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from pytest_euicc.asn1 import codec, tlv


@pytest.mark.parametrize(
    ("octets", "type_name", "offset", "words"),
    [
        pytest.param("BF308103800100", None, 2, "length 8103", id="length not minimal"),
        pytest.param("BF30058082000100", None, 4, "length 820001", id="length not minimal inside"),
        pytest.param("BF30808001000000", None, 2, "indefinite length", id="indefinite length"),
        pytest.param("9F0100", None, 0, "tag 9F01", id="tag not minimal"),
        pytest.param("9F807F00", None, 0, "tag 9F807F", id="tag with leading zeros"),
        pytest.param("BF300480020001", "NotificationSentResponse", 5, "shortest form", id="INTEGER 0001"),
        pytest.param("BF30048002FF80", "NotificationSentResponse", 5, "shortest form", id="INTEGER FF80"),
        pytest.param("BF30028000", "NotificationSentResponse", 5, "shortest form", id="INTEGER without octets"),
        pytest.param("02020001", None, 2, "shortest form", id="INTEGER of no known type"),
        pytest.param(
            "BF3111A00C5A0A98001032547698103214810101", "EnableProfileRequest", 19, "BOOLEAN 01", id="BOOLEAN"
        ),
        pytest.param("BF280481020641", "ListNotificationRequest", 6, "unused bits are not zero", id="unused bits"),
        pytest.param(
            "BF280481020440", "ListNotificationRequest", 6, "trailing zero bits", id="named bits, partial octet"
        ),
        pytest.param("BF28058103008000", "ListNotificationRequest", 7, "trailing zero bits", id="named bits, octet"),
        pytest.param("BF2804810209FF", "ListNotificationRequest", 5, "9 unused bits", id="more unused bits than 7"),
        pytest.param("BF28028100", "ListNotificationRequest", 5, "without the count", id="BIT STRING without octets"),
        pytest.param("0500FF", None, 2, "1 octets after the end", id="behind the end"),
        pytest.param("BF300380010000", None, 6, "after the end", id="behind the end of a message"),
        pytest.param("050100", None, 2, "NULL with contents", id="NULL"),
        pytest.param("060388B78A", None, 2, "cut off", id="object identifier cut off"),
        pytest.param("060380370A", None, 2, "padded", id="object identifier padded"),
        pytest.param("0C024180", None, 3, "not UTF-8", id="UTF8String"),
        pytest.param("2403040141", None, 0, "primitive and constructed", id="string in pieces"),
        pytest.param("1000", None, 0, "primitive and constructed", id="primitive SEQUENCE"),
        pytest.param("3106020102020101", None, 5, "do not ascend", id="SET OF"),
        pytest.param("BF3003800200", None, 3, "announces 2 octets", id="cut off inside"),
        pytest.param(
            "BF25155A0A98001032547698103214910161920162950102",
            "StoreMetadataRequest",
            21,
            "default",
            id="DEFAULT number",
        ),
    ],
)
def test_one_fault(octets: str, type_name: str | None, offset: int, words: str) -> None:
    faults = codec.check_der(bytes.fromhex(octets), type_name)
    assert [fault.offset for fault in faults] == [offset]
    assert words in faults[0].reason


def test_default_of_an_octet_string() -> None:
    octets = tlv.encode(0x30, bytes.fromhex("83022FE2 8A0105 800101"))
    faults = codec.check_der(octets, "Fcp")
    assert [(fault.offset, fault.reason.split()[0]) for fault in faults] == [(6, "lcsi")]
    assert codec.check_der(tlv.encode(0x30, bytes.fromhex("83022FE2 8A0104 800101")), "Fcp") == []


def test_octets_of_another_type_are_left_to_decoding() -> None:
    assert codec.check_der(bytes.fromhex("A1038A0105"), "Fcp") == []


def test_all_faults_of_a_message_are_reported_in_its_parts() -> None:
    # EnableProfile: length 810C of A0, BOOLEAN 7F; the ICCID is as it should be.
    octets = bytes.fromhex("BF3112A0810C5A0A9800103254769810321481017F")
    assert [fault.offset for fault in codec.check_der(octets, "EnableProfileRequest")] == [4, 20]


def test_faults_inside_a_choice_are_found_by_its_type() -> None:
    octets = bytes.fromhex("BF2B06A00480020001")
    assert [fault.offset for fault in codec.check_der(octets, "RetrieveNotificationsListRequest")] == [7]
    # Without the type, 80 is no INTEGER that anybody could know of.
    assert codec.check_der(octets) == []


def test_inside_of_opaque_pieces_is_checked_too() -> None:
    certificate = bytes.fromhex("3003020200")
    octets = tlv.encode(0xBF35, b"\xa0" + bytes.fromhex("0402020001"))
    assert [fault.offset for fault in codec.check_der(octets, "LoadCRLRequest")] == [7]
    assert codec.check_der(certificate, "Certificate") != []


def test_a_certificate_is_not_taken_for_the_signed_part_that_shares_its_tag() -> None:
    # euiccCategory of EUICCInfo2 would be an INTEGER that is not in its shortest form.
    lookalike = bytes.fromhex("3007BF22048B020001")
    parts = bytes.fromhex("3000 5F3700") + lookalike + lookalike
    octets = tlv.encode(0xBF38, tlv.encode(0xA0, parts))
    assert codec.check_der(octets, "AuthenticateServerResponse") == []
    signed = tlv.encode(0xBF38, tlv.encode(0xA0, lookalike))
    assert [fault.offset for fault in codec.check_der(signed, "AuthenticateServerResponse")] == [12]


def test_a_real_certificate_is_canonical() -> None:
    key = ec.derive_private_key(0x1234567, ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "CI")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 5, start, start + datetime.timedelta(days=9))
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    octets = certificate.public_bytes(Encoding.DER)
    assert codec.check_der(octets, "Certificate") == []
    assert codec.decode("Certificate", octets) == octets


def test_deep_nesting_is_bounded() -> None:
    octets = b""
    for _ in range(1000):
        octets = tlv.encode(0x30, octets)
    assert [fault.reason for fault in codec.check_der(octets)] == ["nested too deeply"]


def test_long_contents_are_shortened_in_reasons() -> None:
    (fault,) = codec.check_der(tlv.encode(0x05, bytes(70000)))
    assert len(fault.reason) < 80
