"""Small unprotected profile packages for tests, in the TCA Interoperable Format (IFS 3.x).

A package made here is a USIM with Milenage and an MNO-SD whose SCP80 keys are known, so that over-the-air commands to
the installed profile can be secured by the tester. All keys are test keys made from the ICCID; none protects anything,
and Ki is nearly all zeros, as eUICCs want it of test profiles (error 14 of SGP.22 2.5.6).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.masking import note
from pytest_euicc.rsp.iccid import swapped
from pytest_euicc.rsp.package_secrets import note_milenage

USIM_AID = bytes.fromhex("A0000000871002FF33FF018900000100")
MNO_SD_AID = bytes.fromhex("A000000151000000")
_SD_PACKAGE_AID = bytes.fromhex("A0000001515350")
_SD_CLASS_AID = bytes.fromhex("A000000151535041")

# Files of a test profile can be read without a PIN and updated after ADM1 (ETSI TS 102 221 9.5.2): the one record of EF
# ARR (9.2.7).
_OPEN_RULE = bytes.fromhex("800101900080015AA40683010A9501088401D4A40683010A950108")
_MF_RULE, _ADF_RULE = bytes.fromhex("2F0601"), bytes.fromhex("6F0601")
"""EF ARR and number of the record."""
_EMERGENCY_CALL = bytes.fromhex("11F2FF00")
"""Record of EF ECC (3GPP TS 31.102 4.2.21): 112, without text and category."""
_PINS = bytes.fromhex("010A")
_ENABLED, _DISABLED = 3, 6
"""pinAttributes; PIN1 is disabled, because nobody could enter it (as in the published TS.48 packages)."""

_TEMPLATE_MF = "2.23.143.1.2.1"
_TEMPLATE_USIM = "2.23.143.1.2.4"
_TEMPLATE_OPT_USIM = "2.23.143.1.2.5"
# READ BINARY reaches 32 767 octets into a file (ETSI TS 102 221 11.1.3): a card need not have longer ones.
_LARGEST_FILLER = 0x7F00
_FILLER_FILES = [*range(0x2F80, 0x2FE2), *range(0x2FE3, 0x3000), *range(0x2F10, 0x2F80)]
"""File identifiers under the MF, without that of EF ICCID."""
LARGEST_FILLERS = _LARGEST_FILLER * len(_FILLER_FILES)
"""Octets that `fillers` can take at most."""
_FILLER_ELEMENTS = 100
"""Identification of the first element that fills, above those of the others."""

MNO_SD_TAR = bytes.fromhex("B20100")
# ETSI TS 102 226 8.2.1.3.2.2.1: priority 1, no timers, texts, menu and channels; minimum security level: SPI of a
# counter that grows, ciphering and a cryptographic checksum; the TAR; no services.
_TOOLKIT_PARAMETERS = bytes.fromhex("01 00 00 00 00 020116 03") + MNO_SD_TAR + b"\x00"

Element = tuple[str, Any]
"""A ProfileElement: the name of its choice and its value."""
END: Element = ("end", {"end-header": {"mandated": None, "identification": 99}})
"""PE-End of the packages made here."""

CAPABILITY_OF_SERVICE = {
    "contactless": "contactlessSupport",
    "usim": "usimSupport",
    "isim": "isimSupport",
    "csim": "csimSupport",
    "milenage": "akaMilenage",
    "tuak128": "akaTuak128",
    "cave": "akaCave",
    "gba-usim": "gbaAuthenUsim",
    "gba-isim": "gbaAuthenISim",
    "mbms": "mbmsAuthenUsim",
    "eap": "eapClient",
    "javacard": "javacard",
    "multos": "multos",
    "multiple-usim": "multipleUsimSupport",
    "multiple-isim": "multipleIsimSupport",
    "multiple-csim": "multipleCsimSupport",
    "tuak256": "akaTuak256",
    "usim-test-algorithm": "usimTestAlgorithm",
    "ber-tlv": "berTlvFileSupport",
    "dfLink": "dfLinkSupport",
    "cat-tp": "catTp",
    "get-identity": "getIdentity",
    "profile-a-x25519": "profile-a-x25519",
    "profile-b-p256": "profile-b-p256",
    "suciCalculatorApi": "suciCalculatorApi",
}
"""The bit of UICCCapability for each service that a header can make mandatory (TCA IFS 8.2, annex on EUICCInfo2)."""


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
    gids: Mapping[str, bytes] | None = None,
    filler: int = 0,
    before_end: Sequence[Element] = (),
) -> bytes:
    """An unprotected profile package.

    Args:
        iccid: 10 octets, nibbles swapped as in EF ICCID.
        imsi: digits, 15 at most.
        service_provider: content of EF SPN, 16 characters at most are kept.
        gids: contents of EF GID1 and EF GID2 by ``gid1`` and ``gid2``, of those that there are.
        filler: octets of extra files, to make a package of a wanted size.
        before_end: more profile elements in front of PE-End.
    """
    elements = encoded_elements(iccid, imsi=imsi, service_provider=service_provider, gids=gids)
    files = [(element[0], join([element])) for element in fillers(filler)]
    return b"".join(octets for _, octets in with_files(elements, files)) + join([*before_end, END])


def with_files(elements: Sequence[tuple[str, bytes]], files: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    """Encoded elements with those of more files among them, by names and octets.

    The file system and the parameters of the USIM, which have to follow it, come before the security domain (TCA IFS
    8.1): a card need not take files after it.
    """
    at = next(at for at, (name, _) in enumerate(elements) if name == "securityDomain")
    return [*elements[:at], *files, *elements[at:]]


def join(elements: Sequence[Element]) -> bytes:
    """Encode profile elements in their order."""
    return b"".join(codec.encode("ProfileElement", element) for element in elements)


def standard_elements(
    iccid: bytes, *, imsi: str, service_provider: str, gids: Mapping[str, bytes] | None = None
) -> list[Element]:
    """The elements of a small USIM profile without PE-End, for tests that take one out or put one in.

    Args:
        gids: contents of EF GID1 and EF GID2 by ``gid1`` and ``gid2``, of those that there are.
    """
    files = tuple((gids or {}).items())
    return [make(*made_of) for make, made_of in _standard(iccid, imsi, service_provider, files)]


def encoded_elements(
    iccid: bytes, *, imsi: str, service_provider: str, gids: Mapping[str, bytes] | None = None
) -> list[tuple[str, bytes]]:
    """Names and octets of the elements that ``standard_elements`` gives the values of."""
    files = tuple((gids or {}).items())
    return [_encoded(make, made_of) for make, made_of in _standard(iccid, imsi, service_provider, files)]


_Files = tuple[tuple[str, bytes], ...]
"""EF GID1 and EF GID2: name and content of each."""


def _standard(
    iccid: bytes, imsi: str, service_provider: str, gids: _Files
) -> list[tuple[Callable[..., Element], tuple[Any, ...]]]:
    """What makes each element, and out of what."""
    key, opc = bytes(15) + _test_key("Ki", iccid)[:1], _test_key("OPc", iccid)
    note_milenage(key, opc)
    sd_keys = ota_keys(iccid)
    return [
        (_profile_header, (iccid, bool(gids))),
        (_mf, (iccid,)),
        (_puk_codes, ()),
        (_pin_codes, ()),
        (_usim, (imsi, service_provider, gids)),
        *([(_opt_usim, (gids,))] if gids else []),
        (_aka, (key, opc)),
        (_mno_sd, (sd_keys, _test_key("SCP80 KIK", iccid))),
    ]


@lru_cache(maxsize=256)
def _encoded(make: Callable[..., Element], made_of: tuple[Any, ...]) -> tuple[str, bytes]:
    """Name and octets of an element; most are the same in every package."""
    element = make(*made_of)
    return element[0], join([element])


def _profile_header(iccid: bytes, with_gids: bool) -> Element:
    templates = [_TEMPLATE_MF, _TEMPLATE_USIM, *([_TEMPLATE_OPT_USIM] if with_gids else [])]
    value = {
        "major-version": 2,
        "minor-version": 3,
        "profileType": "pytest-euicc",
        "iccid": swapped(iccid),
        "eUICC-Mandatory-services": {"usim": None, "milenage": None},
        "eUICC-Mandatory-GFSTEList": templates,
    }
    return "header", value


def _mf(iccid: bytes) -> Element:
    value = {
        "mf-header": _header(1),
        "templateID": _TEMPLATE_MF,
        "mf": _directory(_MF_RULE),
        "ef-iccid": _content(iccid, _MF_RULE),
        "ef-dir": _records(_dir_record(), _MF_RULE, length=0x26),
        "ef-arr": _records(_OPEN_RULE, _MF_RULE),
    }
    return "mf", value


def _puk_codes() -> Element:
    value = {"puk-Header": _header(2), "pukCodes": [{"keyReference": "pukAppl1", "pukValue": b"12345678"}]}
    return "pukCodes", value


def _pin_codes() -> Element:
    codes = [
        {
            "keyReference": "pinAppl1",
            "pinValue": b"0000" + b"\xff" * 4,
            "unblockingPINReference": "pukAppl1",
            "pinAttributes": _DISABLED,
        },
        {"keyReference": "adm1", "pinValue": b"55555555", "pinAttributes": _ENABLED},
    ]
    return "pinCodes", {"pin-Header": _header(3), "pinCodes": ("pinconfig", codes)}


def _usim(imsi: str, service_provider: str, gids: _Files) -> Element:
    services = _service_table(gids)
    value = {
        "usim-header": _header(4),
        "templateID": _TEMPLATE_USIM,
        # Its own rule is that of the MF: EF ARR of the ADF comes after it.
        "adf-usim": _directory(_MF_RULE, fileID=bytes.fromhex("7FD0"), dfName=USIM_AID),
        "ef-imsi": _content(encode_imsi(imsi), _ADF_RULE),
        "ef-arr": _records(_OPEN_RULE, _ADF_RULE),
        "ef-ust": _content(services, _ADF_RULE, size=len(services)),
        "ef-spn": _content(b"\x00" + service_provider.encode("ascii", "replace")[:16], _ADF_RULE, size=17),
        "ef-est": _content(b"\x00", _ADF_RULE),
        "ef-acc": _content(bytes.fromhex("0001"), _ADF_RULE),
        "ef-ad": _content(bytes.fromhex("80000002"), _ADF_RULE),
        "ef-ecc": _content(_EMERGENCY_CALL, _ADF_RULE),
    }
    return "usim", value


def _opt_usim(gids: _Files) -> Element:
    files = {f"ef-{name}": _content(octets, _ADF_RULE, size=len(octets)) for name, octets in gids}
    return "opt-usim", {"optusim-header": _header(7), "templateID": _TEMPLATE_OPT_USIM, **files}


def _aka(key: bytes, opc: bytes) -> Element:
    algorithm = {"algorithmID": "milenage", "algorithmOptions": b"\x01", "key": key, "opc": opc}
    return "akaParameter", {"aka-header": _header(5), "algoConfiguration": ("algoParameter", algorithm)}


def _service_table(gids: _Files) -> bytes:
    """Content of EF UST: services 17 to 19 are group identifiers and SPN (3GPP TS 31.102 4.2.8).

    The file ends with the last of them, as it may have any length: FF would be left in more octets, and say that there
    are services that are not.
    """
    services = {"gid1": 0x01, "gid2": 0x02}
    third = 0x04 | sum(services[name] for name, _ in gids)
    return bytes([0, 0, third])


def unknown_element(identification: int, *, mandatory: bool) -> bytes:
    """A profile element with a tag that no version of the format knows (TCA IFS 8.1: PEHeader comes first)."""
    mandated = tlv.encode(0x80, b"") if mandatory else b""
    octets = identification.to_bytes(identification.bit_length() // 8 + 1, "big")
    return tlv.encode(0xBF7F, tlv.encode(0xA0, mandated + tlv.encode(0x81, octets)) + tlv.encode(0x81, b"\x01"))


def encode_imsi(imsi: str) -> bytes:
    """Content of EF IMSI, 9 octets (3GPP TS 31.102 4.2.2)."""
    parity = "9" if len(imsi) % 2 else "1"
    nibbles = (parity + imsi).ljust(16, "F")
    return bytes([(len(imsi) + 2) // 2]) + swapped(bytes.fromhex(nibbles))


def network_digits(mcc_mnc: bytes) -> str:
    """MCC and MNC, 5 or 6 digits, out of the three octets of 3GPP TS 24.008 10.5.1.13."""
    octets = mcc_mnc.hex()
    return octets[1] + octets[0] + octets[3] + octets[5] + octets[4] + octets[2].replace("f", "")


def _header(number: int) -> dict[str, Any]:
    return {"mandated": None, "identification": number}


def _directory(rule: bytes, **fields: Any) -> list[Element]:
    """MF or ADF: the rule for it, and the key references of its PINs."""
    return [("fileDescriptor", {**fields, "securityAttributesReferenced": rule, "pinStatusTemplateDO": _PINS})]


def _content(octets: bytes, rule: bytes, *, size: int = 0) -> list[Element]:
    """A file of its template with a rule of ours and content; its size where that is not the template's."""
    descriptor: dict[str, Any] = {"securityAttributesReferenced": rule}
    if size:
        descriptor["efFileSize"] = bytes([size])
    return [("fileDescriptor", descriptor), ("fillFileContent", octets)]


def _records(octets: bytes, rule: bytes, *, length: int = 0) -> list[Element]:
    """A linear fixed file with one record, for which the template leaves number and length to the package."""
    length = length or len(octets)
    descriptor = {
        "fileDescriptor": bytes([0x42, 0x21, 0, length]),
        "securityAttributesReferenced": rule,
        "efFileSize": bytes([length]),
    }
    return [("fileDescriptor", descriptor), ("fillFileContent", octets)]


def _dir_record() -> bytes:
    aid = bytes([0x4F, len(USIM_AID)]) + USIM_AID
    label = bytes([0x50, 4]) + b"USIM"
    return bytes([0x61, len(aid) + len(label)]) + aid + label


def fillers(octets: int, *, empty: bool = False) -> list[Element]:
    """Elements with transparent files under the MF of this total size in bytes.

    Args:
        empty: without content; they take as much memory, as the size of a file is what is allocated for it (tag 80 of
            ETSI TS 102 222 6.3.2.2.1).
    """
    sizes = [min(_LARGEST_FILLER, octets - at) for at in range(0, octets, _LARGEST_FILLER)]
    return [_filler(number, size, empty=empty) for number, size in enumerate(sizes)]


def _filler(number: int, octets: int, *, empty: bool) -> Element:
    """One file, split into pieces that a file command can carry."""
    content = 0 if empty else octets
    pieces = [("fillFileContent", bytes(min(0x4000, content - at))) for at in range(0, content, 0x4000)]
    # No template gives a file that is created its attributes, and a card may refuse one without rules: ETSI TS 102 222
    # 6.3.2.2.1 makes security attributes mandatory.
    descriptor = {
        "fileDescriptor": bytes.fromhex("4121"),
        "fileID": _FILLER_FILES[number].to_bytes(2, "big"),
        "securityAttributesReferenced": _MF_RULE,
        "efFileSize": octets.to_bytes(2, "big").lstrip(b"\0"),
        # Empty: no short identifier. Left out, it would be the low five bits of the file identifier (ETSI TS 102 221
        # 11.1.1.4.8), which are 0 or those of another file.
        "shortEFID": b"",
    }
    commands = [("filePath", b""), ("createFCP", descriptor), *pieces]
    return "genericFileManagement", {"gfm-header": _header(_FILLER_ELEMENTS + number), "fileManagementCMD": [commands]}


def _mno_sd(keys: OtaKeys, kik: bytes) -> Element:
    value = {
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
            _key(3, b"\x48", kik),
        ],
    }
    return "securityDomain", value


def _key(identifier: int, usage: bytes, key: bytes) -> dict[str, Any]:
    return {
        "keyUsageQualifier": usage,
        "keyIdentifier": bytes([identifier]),
        "keyVersionNumber": b"\x01",
        "keyComponents": [{"keyType": b"\x88", "keyData": key}],
    }


def _test_key(purpose: str, iccid: bytes) -> bytes:
    key = hashlib.sha256(purpose.encode() + iccid).digest()[:16]
    note(key)
    return key
