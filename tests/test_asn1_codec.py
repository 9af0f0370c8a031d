"""The codec against octets from outside and encodings worked out by hand."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.asn1.values import decode_oid
from pytest_euicc.rsp import profile_package

# A real card's answer to BF2200 over a T=0 reader.
INFO2 = bytes.fromhex(
    "BF2281F8810302010082030202008303040400840F81010082040007EA328304000016E08504067F36C08603090200870302030088020490"
    "A92C0414C0BC70BA36929D43B467FF57570530E57AB8FCD80414F54172BDF98A95D65CBEB88A38A1C11D800A85C3AA2C0414C0BC70BA3692"
    "9D43B467FF57570530E57AB8FCD80414F54172BDF98A95D65CBEB88A38A1C11D800A85C399020780040300"
    "00010C1347264441636372656469746174696F6E4E6272AC48801F312E322E3834302E313233343536372F6D79506C6174666F726D4C6162"
    "656C812568747470733A2F2F6D79636F6D70616E792E636F6D2F6D79444C4F41526567697374726172"
)


def test_real_info2() -> None:
    value = codec.decode("EUICCInfo2", INFO2)
    cis = [
        bytes.fromhex("C0BC70BA36929D43B467FF57570530E57AB8FCD8"),
        bytes.fromhex("F54172BDF98A95D65CBEB88A38A1C11D800A85C3"),
    ]
    assert value == {
        "profileVersion": b"\x02\x01\x00",
        "svn": b"\x02\x02\x00",
        "euiccFirmwareVer": b"\x04\x04\x00",
        "extCardResource": bytes.fromhex("81010082040007EA328304000016E0"),
        "uiccCapability": (bytes.fromhex("7F36C0"), 18),
        "ts102241Version": b"\x09\x02\x00",
        "globalplatformVersion": b"\x02\x03\x00",
        "rspCapability": (b"\x90", 4),
        "euiccCiPKIdListForVerification": cis,
        "euiccCiPKIdListForSigning": cis,
        "forbiddenProfilePolicyRules": (b"\x80", 1),
        "ppVersion": b"\x00\x00\x01",
        "sasAcreditationNumber": "G&DAccreditationNbr",
        "certificationDataObject": {
            "platformLabel": "1.2.840.1234567/myPlatformLabel",
            "discoveryBaseURL": "https://mycompany.com/myDLOARegistrar",
        },
    }
    assert codec.encode("EUICCInfo2", value) == INFO2
    assert codec.check_der(INFO2, "EUICCInfo2") == []


ICCID = bytes.fromhex("98001032547698103214")


@pytest.mark.parametrize(
    ("type_name", "value", "octets"),
    [
        ("GetEuiccInfo2Request", {}, "BF2200"),
        ("GetEuiccDataRequest", {"tagList": b"\x5a"}, "BF3E035C015A"),
        (
            "EnableProfileRequest",
            {"profileIdentifier": ("iccid", ICCID), "refreshFlag": True},
            "BF3111A00C5A0A980010325476981032148101FF",
        ),
        ("DeleteProfileRequest", ("iccid", ICCID), "BF330C5A0A98001032547698103214"),
        ("EnableProfileResponse", {"enableResult": "catBusy"}, "BF3103800105"),
        ("ListNotificationRequest", {"profileManagementOperation": (b"\x40", 2)}, "BF280481020640"),
        ("RetrieveNotificationsListRequest", {"searchCriteria": ("seqNumber", 5)}, "BF2B05A003800105"),
        ("NotificationSentRequest", {"seqNumber": 128}, "BF300480020080"),
        ("CancelSessionResponse", ("cancelSessionResponseError", "invalidTransactionId"), "BF4103810105"),
        ("CancelSessionRequest", {"transactionId": b"\x0a", "reason": "postponed"}, "BF410680010A810101"),
        ("SetNicknameRequest", {"iccid": ICCID, "profileNickname": "A"}, "BF290F5A0A98001032547698103214900141"),
        (
            "StoreMetadataRequest",
            {"iccid": ICCID, "serviceProviderName": "a", "profileName": "b", "profileClass": "operational"},
            "BF25125A0A98001032547698103214910161920162",
        ),
        (
            "ConfigureISDPRequest",
            {"dpProprietaryData": {"dpOid": "2.999.10"}},
            "BF2407B80580038837 0A".replace(" ", ""),
        ),
    ],
)
def test_encodings_worked_out_by_hand(type_name: str, value: object, octets: str) -> None:
    encoded = codec.encode(type_name, value)
    assert encoded.hex().upper() == octets
    assert codec.encode(type_name, codec.decode(type_name, encoded)) == encoded
    assert codec.check_der(encoded, type_name) == []


def test_object_identifier_of_the_example_arc() -> None:
    assert decode_oid(bytes.fromhex("88370A")) == "2.999.10"
    assert decode_oid(bytes.fromhex("2A864886F70D")) == "1.2.840.113549"
    with pytest.raises(ValueError, match="cut off"):
        decode_oid(b"\x88")
    with pytest.raises(ValueError, match="padded"):
        decode_oid(b"\x80\x01")


def test_an_unknown_element_costs_nothing_behind_it() -> None:
    octets = tlv.encode(0xBF25, b"\x5a\x0a" + ICCID + b"\x91\x01a" + b"\x9f\x7f\x01\x00" + b"\x92\x01b")
    received = codec.receive("StoreMetadataRequest", octets)
    assert received.value["profileName"] == "b"
    assert [(entry.tag, entry.octets.hex()) for entry in received.unknown] == [(0x9F7F, "9f7f0100")]
    assert octets[received.unknown[0].offset :].startswith(b"\x9f\x7f")


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        ("BF30038001", "announces"),
        ("BF3003800100FF", "after the end"),
        ("BF3006800100800100", "again or out of order"),
        ("BF3000", "deleteNotificationStatus is missing"),
        ("BF3103800100", "tag BF31, wanted BF30"),
        ("BF30028000", "INTEGER of 0 octets"),
        ("BF30808001000000", "indefinite"),
    ],
)
def test_malformed_octets_name_the_place(octets: str, words: str) -> None:
    with pytest.raises(codec.Asn1Error, match=words):
        codec.decode("NotificationSentResponse", bytes.fromhex(octets))


def test_constraints_hold_on_decoding_and_not_on_encoding() -> None:
    octets = codec.encode("GetEuiccChallengeResponse", {"euiccChallenge": bytes(15)})
    with pytest.raises(codec.Asn1Error, match="size 15, allowed 16"):
        codec.decode("GetEuiccChallengeResponse", octets)


def test_named_numbers_read_both_ways() -> None:
    value = codec.decode("EnableProfileResponse", bytes.fromhex("BF3103800103"))["enableResult"]
    assert value == 3
    assert value.name == "disallowedByPolicy"
    unnamed = codec.decode("EnableProfileResponse", bytes.fromhex("BF3103800177"))["enableResult"]
    assert (unnamed, unnamed.name) == (0x77, None)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"enableResult": "fine"}, "'fine' is no name of it"),
        ({}, "enableResult is missing"),
        ({"enableResult": 0, "more": 1}, "no field 'more'"),
        ({"enableResult": b"0"}, "INTEGER cannot be made"),
    ],
)
def test_values_that_cannot_be_encoded(value: object, words: str) -> None:
    with pytest.raises(codec.Asn1Error, match=words):
        codec.encode("EnableProfileResponse", value)


@pytest.mark.parametrize(
    ("octets", "type_name", "offset", "words"),
    [
        ("BF308103800100", None, 2, "length 8103"),
        ("BF300480020001", "NotificationSentResponse", 5, "shortest form"),
        ("BF3111A00C5A0A980010325476981032148101 01".replace(" ", ""), "EnableProfileRequest", 19, "BOOLEAN 01"),
        ("BF2804810206 41".replace(" ", ""), "ListNotificationRequest", 6, "unused bits are not zero"),
        ("BF28048102 0440".replace(" ", ""), "ListNotificationRequest", 6, "trailing zero bits"),
        ("BF300380010000", None, 6, "after the end"),
        ("BF2515 5A0A98001032547698103214910161920162950102".replace(" ", ""), "StoreMetadataRequest", 21, "default"),
    ],
)
def test_der_faults(octets: str, type_name: str | None, offset: int, words: str) -> None:
    faults = codec.check_der(bytes.fromhex(octets), type_name)
    assert [fault.offset for fault in faults] == [offset]
    assert words in faults[0].reason


def test_locate_gives_received_octets() -> None:
    octets = codec.encode("EnableProfileRequest", {"profileIdentifier": ("iccid", ICCID), "refreshFlag": False})
    element = codec.locate("EnableProfileRequest", octets, "profileIdentifier.iccid")
    assert element.octets == b"\x5a\x0a" + ICCID
    assert octets[element.offset : element.end] == element.octets
    with pytest.raises(codec.Asn1Error, match="no field 'iccid'"):
        codec.locate("EnableProfileRequest", octets, "iccid")


@given(st.binary(max_size=64), st.sampled_from(["EUICCInfo2", "PendingNotification", "ProfileElement", "CtxParams1"]))
def test_hostile_octets_raise_nothing_else(octets: bytes, type_name: str) -> None:
    codec.check_der(octets, type_name)
    with suppress(codec.Asn1Error):
        codec.encode(type_name, codec.decode(type_name, octets))


def test_deep_nesting_is_bounded() -> None:
    octets = b""
    for _ in range(100):
        octets = tlv.encode(0x30, octets)
    assert any("deeply" in fault.reason for fault in codec.check_der(octets))


def published_packages() -> list[bytes]:
    """The packages under EUICC_TS48_DIR and one of our own, so that the test has something to read everywhere."""
    folder = os.environ.get("EUICC_TS48_DIR")
    published = [path.read_bytes() for path in sorted(Path(folder).glob("*.der"))] if folder else []
    return [profile_package.build(ICCID), *published]


def test_profile_packages() -> None:
    for package in published_packages():
        elements = [codec.decode("ProfileElement", element.octets) for element in tlv.parse_all(package)]
        names = [name for name, _ in elements]
        assert names[0] == "header"
        assert names[-1] == "end"
        assert {"mf", "usim", "akaParameter", "securityDomain"} <= set(names)
        assert len(elements[0][1]["iccid"]) == 10
