"""The file system of a pre-installed profile: what a device reads first (ETSI TS 102 221 13, 3GPP TS 31.102 4.2)."""

from __future__ import annotations

from pytest_euicc.asn1 import tlv
from pytest_euicc.rsp.iccid import to_digits
from pytest_euicc.rsp.profile_package import encode_imsi, network_digits
from pytest_euicc.simulator.euicc.loading.package_files import LINEAR_FIXED, PackageFile, Path
from pytest_euicc.simulator.euicc.settings import ProfileSettings

USIM_AID = bytes.fromhex("A0000000871002FF49FFFF89")
EF_ICCID, EF_DIR, EF_ARR, EF_PL = b"\x2f\xe2", b"\x2f\x00", b"\x2f\x06", b"\x2f\x05"
EF_IMSI, EF_UST, EF_SPN, EF_AD = b"\x6f\x07", b"\x6f\x38", b"\x6f\x46", b"\x6f\xad"
_TEST_NETWORK = bytes.fromhex("00F110")
_SPN_LENGTH, _RECORD_LENGTH = 16, 0x26


def preinstalled_files(entry: ProfileSettings) -> dict[Path, PackageFile]:
    """EFs of the MF and of ADF USIM, with the profile's own ICCID, IMSI and service provider name."""
    network = entry.owner.mcc_mnc if entry.owner else _TEST_NETWORK
    application = tlv.encode(0x61, tlv.encode(0x4F, USIM_AID) + tlv.encode(0x50, b"USIM"))
    # Reading is always allowed, nothing else is (ETSI TS 102 221 9.2.4).
    always_read = tlv.encode(0x80, b"\x01") + tlv.encode(0x90, b"")
    mf = {
        EF_ICCID: PackageFile(entry.iccid),
        EF_DIR: _record(application),
        EF_PL: PackageFile(b"en\xff\xff"),
        EF_ARR: _record(always_read),
    }
    usim = {
        EF_IMSI: PackageFile(_imsi(network, entry.iccid)),
        # Service 19, service provider name, and no other: nothing is claimed that is not here.
        EF_UST: PackageFile(bytes([0x00, 0x00, 0x04, 0x00])),
        EF_SPN: PackageFile((b"\x01" + _gsm_text(entry.provider or "")).ljust(_SPN_LENGTH + 1, b"\xff")),
        EF_AD: PackageFile(bytes([0x00, 0x00, 0x00, _mnc_length(network)])),
    }
    files: dict[Path, PackageFile] = {(name,): file for name, file in mf.items()}
    return files | {(USIM_AID, name): file for name, file in usim.items()}


def _record(content: bytes) -> PackageFile:
    return PackageFile(content.ljust(_RECORD_LENGTH, b"\xff"), LINEAR_FIXED, _RECORD_LENGTH)


def _mnc_length(network: bytes) -> int:
    """Digits of the MNC: two if the third is the filler F (3GPP TS 24.008 10.5.1.3)."""
    return 2 if network[1] >> 4 == 0x0F else 3


def _imsi(network: bytes, iccid: bytes) -> bytes:
    """EF IMSI (3GPP TS 31.102 4.2.2): length, then 15 digits, those after the network taken from the ICCID."""
    serial = to_digits(iccid)
    digits = (network_digits(network) + serial[:-1][-10:].rjust(10, "0"))[:15].ljust(15, "0")
    return encode_imsi(digits)


def _gsm_text(text: str) -> bytes:
    """Text in the part of the GSM default alphabet that is ASCII; other characters become a question mark."""
    return bytes(ord(c) if c.isascii() and (c.isalnum() or c == " ") else ord("?") for c in text[:_SPN_LENGTH])
