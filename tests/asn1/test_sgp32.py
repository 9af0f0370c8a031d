"""SGP.32 on the wire: octets worked out by hand from X.680 and the tags of the specification."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pytest_euicc.asn1 import codec

ICCID = bytes.fromhex("98001032547698103214")
NULL_SEQUENCE = bytes.fromhex("30020500")
SIGNATURE = bytes(64)
_SIGNED = "5F3740" + "00" * 64

OCTETS: list[tuple[str, Any, str]] = [
    # rollbackFlag keeps its universal tag, as the ICCID beside it is written with one.
    ("Psmo", ("enable", {"iccid": ICCID, "rollbackFlag": None}), "A30E 5A0A98001032547698103214 0500"),
    ("Psmo", ("disable", {"iccid": ICCID}), "A40C 5A0A98001032547698103214"),
    ("Psmo", ("delete", {"iccid": ICCID}), "A50C 5A0A98001032547698103214"),
    # [45] and [101] over types that have these tags already: one tag.
    ("Psmo", ("listProfileInfo", {}), "BF2D00"),
    ("Psmo", ("listProfileInfo", {"searchCriteria": ("iccid", ICCID)}), "BF2D0E A00C 5A0A98001032547698103214"),
    ("Psmo", ("getRAT", {}), "A600"),
    (
        "Psmo",
        ("configureImmediateEnable", {"immediateEnableFlag": None, "defaultSmdpAddress": "a"}),
        "A705 8000 820161",
    ),
    ("Psmo", ("setFallbackAttribute", {"iccid": ICCID}), "A80C 5A0A98001032547698103214"),
    ("Psmo", ("unsetFallbackAttribute", {}), "A900"),
    ("Psmo", ("setDefaultDpAddress", {"defaultDpAddress": "a"}), "BF6503 800161"),
    ("Eco", ("deleteEim", {"eimId": "x"}), "A903 800178"),
    ("Eco", ("listEim", {}), "AB00"),
    # The CHOICE of the key is tagged explicitly, its alternatives implicitly: the outer 30 of the key becomes A0.
    (
        "AddInitialEimRequest",
        {
            "eimConfigurationDataList": [
                {
                    "eimId": "x",
                    "counterValue": 0,
                    "associationToken": -1,
                    "eimPublicKeyData": ("eimPublicKey", NULL_SEQUENCE),
                }
            ]
        },
        "BF5713 A011 300F 800178 830100 8401FF A504 A0020500",
    ),
    ("AddInitialEimResponse", ("addInitialEimOk", [("addOk", None)]), "BF5704 A002 0500"),
    ("AddInitialEimResponse", ("addInitialEimOk", [("associationToken", 128)]), "BF5706 A004 84020080"),
    ("AddInitialEimResponse", ("addInitialEimError", 2), "BF5703 810102"),
    ("GetEimConfigurationDataRequest", {"searchCriteria": ("eimId", "x")}, "BF5505 A003 800178"),
    ("GetCertsRequest", {"euiccCiPKId": b"\x01"}, "BF5603 800101"),
    (
        "GetCertsResponse",
        ("certs", {"eumCertificate": NULL_SEQUENCE, "euiccCertificate": NULL_SEQUENCE}),
        "BF560A A008 A5020500 A6020500",
    ),
    ("GetCertsResponse", ("getCertsError", 1), "BF5603 810101"),
    ("EuiccPackageResult", ("euiccPackageErrorUnsigned", {"eimId": "e"}), "BF5105 A203 800165"),
    (
        "EuiccPackageResult",
        (
            "euiccPackageErrorSigned",
            {
                "euiccPackageErrorDataSigned": {"eimId": "e", "counterValue": 1, "euiccPackageErrorCode": 3},
                "euiccSignEPE": SIGNATURE,
            },
        ),
        # The error code is an INTEGER without a tag of its own.
        f"BF5150 A14E 3009 800165 810101 020103 {_SIGNED}",
    ),
    ("EuiccResultData", ("enableResult", 0), "830100"),
    ("EuiccResultData", ("processingTerminated", 2), "020102"),
    ("EuiccResultData", ("addEimResult", ("addEimResultCode", 0)), "A803 020100"),
    ("EuiccResultData", ("addEimResult", ("associationToken", 5)), "A803 840105"),
    (
        "EuiccResultData",
        ("listEimResult", ("eimIdList", [{"eimId": "x", "eimIdType": 1}])),
        "AB0A A008 3006 800178 820101",
    ),
    ("EuiccResultData", ("listProfileInfoResult", ("profileInfoListError", 11)), "BF2D03 81010B"),
    ("EuiccResultData", ("listProfileInfoResult", ("profileInfoListOk", [])), "BF2D02 A000"),
    ("EuiccResultData", ("setDefaultDpAddressResult", {"setDefaultDpAddressResult": 0}), "BF6503 800100"),
    ("EuiccResultData", ("rollbackResult", 0), "8C0100"),
    ("EuiccResultData", ("setFallbackAttributeResult", 2), "8D0102"),
    ("EuiccResultData", ("unsetFallbackAttributeResult", 3), "8E0103"),
    ("SGP32-RetrieveNotificationsListRequest", {"searchCriteria": ("euiccPackageResults", None)}, "BF2B04 A0028200"),
    (
        "SGP32-RetrieveNotificationsListResponse",
        ("euiccPackageResultList", [("euiccPackageErrorUnsigned", {"eimId": "e"})]),
        # Every element has BF51, as EuiccPackageResult is tagged.
        "BF2B0A A208 BF5105A203800165",
    ),
    # refreshFlag stands alone in its SEQUENCE, so it is tagged automatically.
    ("ProfileRollbackRequest", {"refreshFlag": True}, "BF5803 8001FF"),
    ("ExecuteFallbackMechanismRequest", {"refreshFlag": False}, "BF5D03 800100"),
    ("ExecuteFallbackMechanismResponse", {"executeFallbackMechanismResult": 104}, "BF5D03 800168"),
    # cmdResult stands beside the tagged result, so it keeps 02.
    ("ProfileRollbackResponse", {"cmdResult": 1}, "BF5803 020101"),
    (
        "ProfileRollbackResponse",
        {"cmdResult": 0, "euiccPackageResult": ("euiccPackageErrorUnsigned", {"eimId": "e"})},
        "BF580B 020100 BF5105A203800165",
    ),
    ("SGP32-EuiccMemoryResetRequest", {"resetOptions": (b"\x04", 6)}, "BF6404 82020204"),
    (
        "SGP32-EuiccMemoryResetResponse",
        {"resetResult": 1, "resetEimResult": 0, "resetImmediateEnableConfigResult": 1},
        "BF6409 800101 810100 820101",
    ),
    ("GetConnectivityParametersResponse", ("connectivityParameters", {"httpParams": b"\x31"}), "BF5F05 A003 810131"),
    ("GetConnectivityParametersResponse", ("connectivityParametersError", 1), "BF5F03 810101"),
    (
        "ISDRProprietaryApplicationTemplateIoT",
        {"euiccConfiguration": (b"\x40", 2)},
        "E104 80020640",
    ),
    ("IpaeActivationResponse", {"ipaeActivationResult": 1}, "BF4203 800101"),
]


@pytest.mark.parametrize(("type_name", "value", "octets"), OCTETS, ids=[f"{o[0]}-{o[2][:14]}" for o in OCTETS])
def test_octets(type_name: str, value: Any, octets: str) -> None:
    expected = bytes.fromhex(octets)
    assert codec.encode(type_name, value).hex() == expected.hex()
    assert codec.decode(type_name, expected) == value
    assert codec.check_der(expected, type_name) == []


def test_elements_of_sgp32_in_euicc_info2() -> None:
    """EUICCInfo2 of a card of SGP.22 v2.5 that implements SGP.32 as well: iotVersion 1.2.0, both mechanisms."""
    octets = bytes.fromhex(
        "BF2281BE810302030182030205008303190400840D81010082040003EB80830241F58503017F32860309020087030203008802"
        "0480A92C041481370F5125D0B1D408D4C3B232E6D25E795BEBFB041461F709B006684D94C2BC594B7D02EAE8B599F860AA2C04"
        "1481370F5125D0B1D408D4C3B232E6D25E795BEBFB041461F709B006684D94C2BC594B7D02EAE8B599F8609902064004030100"
        "000C1653415341636372656469746174696F6E4E756D6265729001FFB40BA005040302000C81008200"
    )
    received = codec.receive("EUICCInfo2", octets)
    assert received.unknown == ()
    info = received.value["iotSpecificInfo"]
    assert info == {"iotVersion": [b"\x02\x00\x0c"], "ecallSupported": None, "fallbackSupported": None}


def test_elements_of_sgp32_in_metadata() -> None:
    octets = bytes.fromhex("BF2520 5A0A98001032547698103214 910161 920162 9F7B01FF 9F6701FF")
    octets = octets[:2] + bytes([len(octets) - 3]) + octets[3:]
    received = codec.receive("StoreMetadataRequest", octets)
    assert received.unknown == ()
    assert (received.value["ecallIndication"], received.value["fallbackAllowed"]) == (True, True)
    info = codec.receive("ProfileInfo", bytes.fromhex("E30C 9F7B01FF 9F2601FF 9F6701FF"))
    assert info.value == {"ecallIndication": True, "fallbackAttribute": True, "fallbackAllowed": True}


def test_certificate_as_met_in_the_field_is_read() -> None:
    """A5{A1{30...}}: the whole certificate inside the tag of its alternative, which X.680 replaces."""
    octets = bytes.fromhex("3010 800178 830100 A508 A106 300402020500".replace(" ", ""))
    octets = bytes([0x30, len(octets) - 2]) + octets[2:]
    kind, value = codec.decode("EimConfigurationData", octets)["eimPublicKeyData"]
    assert kind == "eimCertificate"
    assert value.hex() == "3006300402020500"


def test_unknown_elements_of_v1_3_are_tolerated() -> None:
    received = codec.receive("EuiccPackageResult", bytes.fromhex("BF5108 A206 800165 8F0101"))
    assert received.value == ("euiccPackageErrorUnsigned", {"eimId": "e"})
    assert len(received.unknown) == 1


def test_the_module_is_read_from_the_package() -> None:
    assert (Path(codec.__file__).parent / "sgp32.asn").is_file()
