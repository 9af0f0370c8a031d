"""Parts of ES8+ on the simulated eUICC: the stream of a package, a profile's files against its metadata."""

from __future__ import annotations

import pytest

from pytest_euicc.asn1.tlv import TlvError
from pytest_euicc.simulator.euicc.loading.package import mismatches
from pytest_euicc.simulator.euicc.loading.package_files import FileTree, PackageFile
from pytest_euicc.simulator.euicc.loading.tlv_stream import TlvStream, read_header

ICCID = bytes.fromhex("98990000000000000001")
EF_ICCID, ADF_USIM = (b"\x2f\xe2",), b"\x7f\xff"


def test_what_is_whole_is_taken_octet_by_octet() -> None:
    stream = TlvStream()
    taken: list[tuple[str, int]] = []
    for octet in bytes.fromhex("A0088601028602030487"):
        stream.pending += bytes([octet])
        if not taken and stream.left == 0:
            assert stream.open() in (None, 0xA0)
        elif (part := stream.take()) is not None:
            taken.append((part.hex(), stream.left))
    assert taken == [("860102", 5), ("86020304", 1)]
    assert stream.pending == b"\x87"


def test_what_is_announced_is_known_before_it_is_there() -> None:
    stream = TlvStream(bytes.fromhex("868203FC00"))
    assert stream.peek_tag() == 0x86
    assert stream.announced() == 4 + 0x3FC
    assert stream.take() is None
    assert TlvStream(b"\xbf").peek_tag() is None
    assert TlvStream(b"\x86\x82\x03").announced() is None


@pytest.mark.parametrize("octets", ["8680", "8685010203040506"])
def test_lengths_that_none_has(octets: str) -> None:
    with pytest.raises(TlvError):
        read_header(bytes.fromhex(octets))


def tree(**files: str) -> FileTree:
    """EF ICCID and the files of the USIM by their names."""
    identifiers = {"imsi": b"\x6f\x07", "gid1": b"\x6f\x3e", "gid2": b"\x6f\x3f"}
    made = FileTree()
    made.files[EF_ICCID] = PackageFile(bytes.fromhex(files.pop("iccid", ICCID.hex())))
    for name, content in files.items():
        made.files[ADF_USIM, identifiers[name]] = PackageFile(bytes.fromhex(content))
    return made


TWO_DIGITS, THREE_DIGITS = "080910100000000010", "083901620000000010"
"""EF IMSI of 001-01 and of 310-260."""


@pytest.mark.parametrize(
    ("files", "owner", "fields"),
    [
        ({}, None, []),
        ({"iccid": "98990000000000000002"}, None, ["ef-iccid"]),
        ({"imsi": TWO_DIGITS}, {"mccMnc": "00F110"}, []),
        ({"imsi": TWO_DIGITS}, {"mccMnc": "00F120"}, ["imsi"]),
        ({"imsi": THREE_DIGITS}, {"mccMnc": "130062"}, []),
        ({"imsi": THREE_DIGITS}, {"mccMnc": "13F052"}, ["imsi"]),
        ({"imsi": TWO_DIGITS}, None, []),
        ({"gid1": "0102"}, {"mccMnc": "00F110", "gid1": "0102"}, []),
        ({"gid1": "0102FFFF"}, {"mccMnc": "00F110", "gid1": "0102"}, []),
        ({"gid1": "0103"}, {"mccMnc": "00F110", "gid1": "0102"}, ["gid1"]),
        ({}, {"mccMnc": "00F110", "gid1": "01", "gid2": "02"}, ["gid1", "gid2"]),
        ({"gid1": "0102"}, {"mccMnc": "00F110"}, []),
    ],
)
def test_files_and_metadata(files: dict[str, str], owner: dict[str, str] | None, fields: list[str]) -> None:
    metadata: dict[str, object] = {"iccid": ICCID}
    if owner is not None:
        metadata["profileOwner"] = {name: bytes.fromhex(text) for name, text in owner.items()}
    assert [fault.field for fault in mismatches(tree(**files), metadata)] == fields
