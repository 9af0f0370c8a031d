"""Small unprotected profile packages for tests, in the TCA Interoperable Format (IFS 3.x).

A package made here is a USIM with Milenage and an MNO-SD whose SCP80 keys are known, so that over-the-air commands to
the installed profile can be secured by the tester. All keys are test keys made from the ICCID; none protects anything,
and Ki is nearly all zeros, as eUICCs want it of test profiles (error 14 of SGP.22 2.5.6).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.rsp.iccid import swapped

USIM_AID = bytes.fromhex("A0000000871002FF33FF018900000100")
MNO_SD_AID = bytes.fromhex("A000000151000000")
_SD_PACKAGE_AID = bytes.fromhex("A0000001515350")
_SD_CLASS_AID = bytes.fromhex("A000000151535041")

_TEMPLATE_MF = "2.23.143.1.2.1"
_TEMPLATE_USIM = "2.23.143.1.2.4"

MNO_SD_TAR = bytes.fromhex("B20100")
# ETSI TS 102 226 8.2.1.3.2.2.1: priority 1, no timers, texts, menu and channels; minimum security level: SPI of a
# counter that grows, ciphering and a cryptographic checksum; the TAR; no services.
_TOOLKIT_PARAMETERS = bytes.fromhex("01 00 00 00 00 020116 03") + MNO_SD_TAR + b"\x00"

Element = tuple[str, Any]
"""A ProfileElement: the name of its choice and its value."""


@dataclass(frozen=True)
class OtaKeys:
    """SCP80 keys of the MNO-SD: 16 octets each, AES, key version number 1 (ETSI TS 102 225)."""

    encryption: bytes
    authentication: bytes


def ota_keys(iccid: bytes) -> OtaKeys:
    """The SCP80 keys of the package made for an ICCID."""
    return OtaKeys(_test_key("SCP80 KIc", iccid), _test_key("SCP80 KID", iccid))


def build(
    iccid: bytes,
    *,
    imsi: str = "001010123456789",
    service_provider: str = "Test operator",
    filler: int = 0,
    before_end: Sequence[Element] = (),
) -> bytes:
    """An unprotected profile package.

    Args:
        iccid: 10 octets, nibbles swapped as in EF ICCID.
        imsi: digits, 15 at most.
        service_provider: content of EF SPN, 16 characters at most are kept.
        filler: octets of an extra file, to make a package of a wanted size.
        before_end: more profile elements in front of PE-End.
    """
    elements = standard_elements(iccid, imsi=imsi, service_provider=service_provider)
    if filler:
        elements.append(_filler(filler))
    return join([*elements, *before_end, ("end", {"end-header": _header(99)})])


def join(elements: Sequence[Element]) -> bytes:
    """Encode profile elements in their order."""
    return b"".join(codec.encode("ProfileElement", element) for element in elements)


def standard_elements(iccid: bytes, *, imsi: str, service_provider: str) -> list[Element]:
    """The elements of a small USIM profile without PE-End, for tests that take one out or put one in."""
    return [
        (
            "header",
            {
                "major-version": 2,
                "minor-version": 3,
                "profileType": "pytest-euicc test profile",
                "iccid": swapped(iccid),
                "eUICC-Mandatory-services": {"usim": None, "milenage": None},
                "eUICC-Mandatory-GFSTEList": [_TEMPLATE_MF, _TEMPLATE_USIM],
            },
        ),
        (
            "mf",
            {
                "mf-header": _header(1),
                "templateID": _TEMPLATE_MF,
                "mf": [("fileDescriptor", {"pinStatusTemplateDO": bytes.fromhex("90010183010A")})],
                "ef-iccid": [("fillFileContent", iccid)],
                "ef-dir": _content(_dir_record(), size=0x26),
                "ef-arr": _content(bytes.fromhex("8001019000")),
            },
        ),
        (
            "pukCodes",
            {
                "puk-Header": _header(2),
                "pukCodes": [{"keyReference": "pukAppl1", "pukValue": b"12345678"}],
            },
        ),
        (
            "pinCodes",
            {
                "pin-Header": _header(3),
                "pinCodes": (
                    "pinconfig",
                    [
                        {
                            "keyReference": "pinAppl1",
                            "pinValue": b"0000" + b"\xff" * 4,
                            "unblockingPINReference": "pukAppl1",
                        }
                    ],
                ),
            },
        ),
        (
            "usim",
            {
                "usim-header": _header(4),
                "templateID": _TEMPLATE_USIM,
                "adf-usim": [
                    (
                        "fileDescriptor",
                        {
                            "fileID": bytes.fromhex("7FD0"),
                            "dfName": USIM_AID,
                            "pinStatusTemplateDO": bytes.fromhex("90010183010A"),
                        },
                    )
                ],
                "ef-imsi": [("fillFileContent", encode_imsi(imsi))],
                "ef-arr": _content(bytes.fromhex("8001019000")),
                "ef-ust": _content(bytes.fromhex("0000000000"), size=17),
                "ef-spn": _content(b"\x00" + service_provider.encode("ascii", "replace")[:16], size=17),
                "ef-est": _content(b"\x00"),
                "ef-acc": _content(bytes.fromhex("0001")),
                "ef-ad": _content(bytes.fromhex("80000002")),
                "ef-ecc": [],
            },
        ),
        (
            "akaParameter",
            {
                "aka-header": _header(5),
                "algoConfiguration": (
                    "algoParameter",
                    {
                        "algorithmID": "milenage",
                        "algorithmOptions": b"\x01",
                        "key": bytes(15) + _test_key("Ki", iccid)[:1],
                        "opc": _test_key("OPc", iccid),
                    },
                ),
            },
        ),
        ("securityDomain", _mno_sd(iccid)),
    ]


def encode_imsi(imsi: str) -> bytes:
    """Content of EF IMSI, 9 octets (3GPP TS 31.102 4.2.2)."""
    parity = "9" if len(imsi) % 2 else "1"
    nibbles = (parity + imsi).ljust(16, "F")
    swapped = "".join(nibbles[at + 1] + nibbles[at] for at in range(0, 16, 2))
    return bytes([(len(imsi) + 2) // 2]) + bytes.fromhex(swapped)


def _header(number: int) -> dict[str, Any]:
    return {"mandated": None, "identification": number}


def _content(octets: bytes, *, size: int = 0) -> list[Element]:
    descriptor: list[Element] = [("fileDescriptor", {"efFileSize": bytes([size])})] if size else []
    return [*descriptor, ("fillFileContent", octets)]


def _dir_record() -> bytes:
    aid = bytes([0x4F, len(USIM_AID)]) + USIM_AID
    label = bytes([0x50, 4]) + b"USIM"
    return bytes([0x61, len(aid) + len(label)]) + aid + label


def _filler(octets: int) -> Element:
    """A transparent file of the wanted size under the MF, split into pieces that a file command can carry."""
    size = octets.to_bytes(2, "big").lstrip(b"\0")
    pieces = [("fillFileContent", bytes(min(0x4000, octets - at))) for at in range(0, octets, 0x4000)]
    create = (
        "createFCP",
        {"fileDescriptor": bytes.fromhex("4121"), "fileID": bytes.fromhex("2FF0"), "efFileSize": size},
    )
    return (
        "genericFileManagement",
        {"gfm-header": _header(20), "fileManagementCMD": [[("filePath", b""), create, *pieces]]},
    )


def _mno_sd(iccid: bytes) -> dict[str, Any]:
    keys = ota_keys(iccid)
    return {
        "sd-Header": _header(6),
        "instance": {
            "applicationLoadPackageAID": _SD_PACKAGE_AID,
            "classAID": _SD_CLASS_AID,
            "instanceAID": MNO_SD_AID,
            "applicationPrivileges": bytes.fromhex("82DC00"),
            "lifeCycleState": b"\x0f",
            # SCP80 with i = 00: ETSI TS 102 226 8.2.1.3.2.
            "applicationSpecificParametersC9": bytes.fromhex("81028000"),
            "applicationParameters": {"uiccToolkitApplicationSpecificParametersField": _TOOLKIT_PARAMETERS},
        },
        "keyList": [
            _key(1, b"\x18", keys.encryption),
            _key(2, b"\x14", keys.authentication),
            _key(3, b"\x48", _test_key("SCP80 KIK", iccid)),
        ],
    }


def _key(identifier: int, usage: bytes, key: bytes) -> dict[str, Any]:
    return {
        "keyUsageQualifier": usage,
        "keyIdentifier": bytes([identifier]),
        "keyVersionNumber": b"\x01",
        "keyComponents": [{"keyType": b"\x88", "keyData": key}],
    }


def _test_key(purpose: str, iccid: bytes) -> bytes:
    return hashlib.sha256(purpose.encode() + iccid).digest()[:16]
