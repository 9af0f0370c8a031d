"""The codec against octets from outside and encodings worked out by hand."""

from __future__ import annotations

import pytest

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.asn1.values import decode_oid

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
            "BF2407B805800388370A",
        ),
        (
            "ProfileInfoListRequest",
            {"searchCriteria": ("profileClass", "test"), "tagList": b"\x5a"},
            "BF2D08A0039501005C015A",
        ),
        ("EuiccMemoryResetRequest", {"resetOptions": (b"\xa0", 3)}, "BF3404820205A0"),
        ("LoadCRLRequest", {"crl": bytes.fromhex("3003020105")}, "BF3505A003020105"),
        ("LoadCRLResponse", ("loadCRLResponseOk", {"missingParts": [1, 2]}), "BF350AA008A006020101020102"),
        ("LoadCRLResponse", ("loadCRLResponseError", "fresherCrlAlreadyLoaded"), "BF3503810105"),
        (
            "AuthenticateServerResponse",
            (
                "authenticateResponseError",
                {"transactionId": b"\x0a", "authenticateErrorCode": "euiccChallengeMismatch"},
            ),
            "BF3808A10680010A020106",
        ),
        (
            "GetRatResponse",
            {
                "rat": [
                    {
                        "pprIds": (b"\x60", 3),
                        "allowedOperators": [{"mccMnc": bytes.fromhex("EEEEEE")}],
                        "pprFlags": (b"\x80", 1),
                    }
                ]
            },
            "BF4315A01330118002 0560A1073005 8003EEEEEE 82020780".replace(" ", ""),
        ),
        (
            "ProfileInfo",
            {"iccid": ICCID, "profileState": "enabled", "profileClass": "operational"},
            "E3135A0A980010325476981032149F7001019501 02".replace(" ", ""),
        ),
        (
            "CtxParams1",
            (
                "ctxParamsForCommonAuthentication",
                {
                    "matchingId": "",
                    "deviceInfo": {
                        "tac": bytes.fromhex("35290611"),
                        "deviceCapabilities": {
                            "eutranEpcSupportedRelease": b"\x0f\0\0",
                            "lpaSvn": b"\2\6\0",
                            "catSupportedClasses": (b"\x40", 2),
                        },
                    },
                },
            ),
            "A01A8000 A116 8004 35290611 A10E 8503 0F0000 8B03 020600 8C02 0640".replace(" ", ""),
        ),
        # ES9+: a tag of its own takes the place of the response's (X.680 31.2.7)
        (
            "CancelSessionRequestEs9",
            {
                "transactionId": b"\x0a",
                "cancelSessionResponse": ("cancelSessionResponseError", "invalidTransactionId"),
            },
            "BF410880010AA103810105",
        ),
        (
            "RemoteProfileProvisioningRequest",
            (
                "authenticateClientRequest",
                {
                    "transactionId": b"\x0a",
                    "authenticateServerResponse": (
                        "authenticateResponseError",
                        {"transactionId": b"\x0a", "authenticateErrorCode": "undefinedError"},
                    ),
                },
            ),
            "A211BF3B0E80010ABF3808A10680010A02017F",
        ),
        (
            "RemoteProfileProvisioningResponse",
            ("getBoundProfilePackageResponse", ("getBoundProfilePackageError", "downloadOrderExpired")),
            "A206BF3A03810106",
        ),
        ("CancelSessionResponseEs9", ("cancelSessionOk", {}), "BF4102A000"),
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
        ("BF3103800100", "tag BF31, expected BF30"),
        ("BF30028000", "INTEGER of 0 octets"),
        ("BF30808001000000", "indefinite"),
    ],
)
def test_malformed_octets_name_the_place(octets: str, words: str) -> None:
    with pytest.raises(codec.Asn1Error, match=words):
        codec.decode("NotificationSentResponse", bytes.fromhex(octets))


def test_an_unknown_element_between_optional_ones() -> None:
    octets = bytes.fromhex("BF3C0B 80026F6B 9F7F0100 810132")
    received = codec.receive("EuiccConfiguredAddressesResponse", octets)
    assert received.value == {"defaultDpAddress": "ok", "rootDsAddress": "2"}
    assert [str(entry) for entry in received.unknown] == ["9F7F at octet 7: 9F7F0100"]


def test_an_unknown_element_deep_inside_has_its_path() -> None:
    info = INFO2[4:] + bytes.fromhex("9601FF")
    received = codec.receive("EUICCInfo2", tlv.encode(0xBF22, info))
    assert received.value == codec.decode("EUICCInfo2", INFO2)
    signed = tlv.encode(
        0x30,
        bytes.fromhex("80010A 830141 8410")
        + bytes(16)
        + tlv.encode(0xBF22, info)
        + bytes.fromhex("A00D A10B 800435290611A1009F7F00"),
    )
    received = codec.receive("EuiccSigned1", signed)
    assert [(entry.path, entry.tag) for entry in received.unknown] == [
        ("euiccInfo2", 0x96),
        ("ctxParams1.ctxParamsForCommonAuthentication.deviceInfo", 0x9F7F),
    ]
    for entry in received.unknown:
        assert signed[entry.offset :].startswith(entry.octets)


def test_more_than_one_element_behind_an_explicit_tag_is_kept() -> None:
    octets = bytes.fromhex("BF2B08A006800105800106")
    received = codec.receive("RetrieveNotificationsListRequest", octets)
    assert received.value == {"searchCriteria": ("seqNumber", 5)}
    assert [(entry.path, entry.offset, entry.octets.hex()) for entry in received.unknown] == [
        ("searchCriteria", 8, "800106")
    ]


def test_opaque_pieces_keep_their_octets() -> None:
    certificate = bytes.fromhex("308103020105")  # not even canonical
    octets = tlv.encode(0xBF21, bytes.fromhex("3006 80010A 0101FF 5F370101") + certificate)
    assert codec.decode("PrepareDownloadRequest", octets)["smdpCertificate"] == certificate
    assert codec.decode("LoadCRLRequest", bytes.fromhex("BF3506A08103020105"))["crl"] == certificate
    extension = {"vendorOid": "2.999.1", "vendorSpecificData": bytes.fromhex("0C0141")}
    written = codec.encode("VendorSpecificExtension", [extension])
    assert written.hex().upper() == "300C300A8003883701A1030C0141"
    assert codec.decode("VendorSpecificExtension", written) == [extension]


def test_constraints_hold_on_decoding_and_not_on_encoding() -> None:
    octets = codec.encode("GetEuiccChallengeResponse", {"euiccChallenge": bytes(15)})
    with pytest.raises(codec.Asn1Error, match="size 15, allowed 16"):
        codec.decode("GetEuiccChallengeResponse", octets)


@pytest.mark.parametrize(
    ("type_name", "octets", "words"),
    [
        ("SetNicknameRequest", "BF290E5A09980010325476981032900141", "iccid: size 9, allowed 10"),
        ("RefArDo", "E215E10DC10B0000000000000000000000E304DB02FFFF", "size 11, allowed 20 or 32"),
        ("PEHeader", "300481028000", "number -32768, allowed 0 to 32767"),
        ("EUICCInfo1", "BF200C8203020200A903010101AA00", "tag 1, expected 4"),
    ],
)
def test_broken_constraints_name_the_field(type_name: str, octets: str, words: str) -> None:
    with pytest.raises(codec.Asn1Error, match=words):
        codec.decode(type_name, bytes.fromhex(octets))


def test_sizes_of_texts_count_characters() -> None:
    nickname = "ü" * 64
    octets = codec.encode("SetNicknameRequest", {"iccid": ICCID, "profileNickname": nickname})
    assert codec.decode("SetNicknameRequest", octets)["profileNickname"] == nickname
    octets = codec.encode("SetNicknameRequest", {"iccid": ICCID, "profileNickname": nickname + "u"})
    with pytest.raises(codec.Asn1Error, match="size 65, allowed 0 to 64"):
        codec.decode("SetNicknameRequest", octets)


def test_named_numbers_read_both_ways() -> None:
    value = codec.decode("EnableProfileResponse", bytes.fromhex("BF3103800103"))["enableResult"]
    assert value == 3
    assert value.name == "disallowedByPolicy"
    unnamed = codec.decode("EnableProfileResponse", bytes.fromhex("BF3103800177"))["enableResult"]
    assert (unnamed, unnamed.name) == (0x77, None)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"enableResult": "fine"}, "'fine' is not one of its names"),
        ({}, "enableResult is missing"),
        ({"enableResult": 0, "more": 1}, "no field 'more'"),
        ({"enableResult": b"0"}, "INTEGER cannot be made"),
    ],
)
def test_values_that_cannot_be_encoded(value: object, words: str) -> None:
    with pytest.raises(codec.Asn1Error, match=words):
        codec.encode("EnableProfileResponse", value)


def test_values_are_brought_into_canonical_form() -> None:
    event = {"profileManagementOperation": (b"\x4f", 4)}
    assert codec.encode("ListNotificationRequest", event).hex().upper() == "BF280481020640"
    nothing = {"profileManagementOperation": (b"\x00", 8)}
    assert codec.encode("ListNotificationRequest", nothing).hex().upper() == "BF2803810100"
    default = {"keyReference": "adm1", "pinValue": bytes(8), "pinAttributes": 7, "maxNumOfAttemps-retryNumLeft": 51}
    assert codec.encode("PINConfiguration", default).hex() == "300d80010a8108" + "00" * 8
    assert codec.decode("PINConfiguration", codec.encode("PINConfiguration", default)) == default | {"keyReference": 10}


def test_locate_gives_received_octets() -> None:
    octets = codec.encode("EnableProfileRequest", {"profileIdentifier": ("iccid", ICCID), "refreshFlag": False})
    element = codec.locate("EnableProfileRequest", octets, "profileIdentifier.iccid")
    assert element.octets == b"\x5a\x0a" + ICCID
    assert octets[element.offset : element.end] == element.octets
    with pytest.raises(codec.Asn1Error, match="no field 'iccid'"):
        codec.locate("EnableProfileRequest", octets, "iccid")


def test_locate_walks_lists_choices_and_opaque_pieces() -> None:
    signed = {"seqNumber": 7, "profileManagementOperation": (b"\x80", 1), "notificationAddress": "a", "iccid": ICCID}
    other = {
        "tbsOtherNotification": signed,
        "euiccNotificationSignature": bytes(64),
        "euiccCertificate": b"\x30\x00",
        "eumCertificate": b"\x30\x02\x05\x00",
    }
    value = ("notificationList", [("otherSignedNotification", other), ("otherSignedNotification", other)])
    octets = codec.encode("RetrieveNotificationsListResponse", value)
    second = "notificationList.1.otherSignedNotification"
    tbs = codec.locate("RetrieveNotificationsListResponse", octets, f"{second}.tbsOtherNotification")
    assert tbs.octets == codec.encode("NotificationMetadata", signed)
    assert octets[tbs.offset : tbs.end] == tbs.octets
    assert tbs.offset > octets.index(tbs.octets)  # the second one, not the first
    eum = codec.locate("RetrieveNotificationsListResponse", octets, f"{second}.eumCertificate")
    assert eum.octets == b"\x30\x02\x05\x00"
    with pytest.raises(codec.Asn1Error, match="no element 2; there are 2"):
        codec.locate("RetrieveNotificationsListResponse", octets, "notificationList.2")
    with pytest.raises(codec.Asn1Error, match="notificationsListResultError is not there"):
        codec.locate("RetrieveNotificationsListResponse", octets, "notificationsListResultError")
    assert codec.locate("RetrieveNotificationsListResponse", octets, "").octets == octets


def test_locate_in_octets_that_are_not_of_the_type() -> None:
    # The value of a neighbour is wrong, and something unknown stands before the field: it is found all the same.
    octets = bytes.fromhex("BF310B A004 9F7F0100 8101FF 8200")
    assert codec.locate("EnableProfileRequest", octets, "refreshFlag").offset == 9
    with pytest.raises(codec.Asn1Error, match="announces"):
        codec.locate("EnableProfileRequest", bytes.fromhex("BF310381027F"), "refreshFlag")


def test_locate_tells_pieces_with_one_tag_by_their_place() -> None:
    parts = bytes.fromhex("3003 80010A 5F370101 0401AA 3003020101 A0020500")
    octets = tlv.encode(0xBF38, parts)
    certificate = codec.locate("AuthenticateServerRequest", octets, "serverCertificate")
    assert certificate.octets.hex() == "3003020101"
    assert codec.locate("AuthenticateServerRequest", octets, "serverSigned1.transactionId").octets.hex() == "80010a"
    # The signature twice, and one of the two behind its place: the one in place is meant.
    swapped = tlv.encode(0xBF38, bytes.fromhex("3000 5F370101 0401AA 5F370102"))
    assert codec.locate("AuthenticateServerRequest", swapped, "serverSignature1").value == b"\x01"
    misplaced = tlv.encode(0xBF38, bytes.fromhex("0401AA 5F370102"))
    assert codec.locate("AuthenticateServerRequest", misplaced, "serverSignature1").value == b"\x02"
