"""A package is sent only if it has the parts of SGP.22 2.5.4."""

from __future__ import annotations

import pytest

from pytest_euicc.asn1 import tlv
from pytest_euicc.lpa.segmentation import PackageFault, segments

FIRST = tlv.encode(0xBF23, b"init")
A0, A1 = tlv.encode(0xA0, tlv.encode(0x87, b"a")), tlv.encode(0xA1, tlv.encode(0x88, b"m") * 2)
A2, A3 = tlv.encode(0xA2, tlv.encode(0x87, b"k")), tlv.encode(0xA3, tlv.encode(0x86, b"p") * 3)


def package(*parts: bytes, tag: int = 0xBF36) -> bytes:
    return tlv.encode(tag, b"".join(parts))


def test_every_part_is_a_segment_of_its_own_kind() -> None:
    whole = package(FIRST, A0, A1, A2, A3)
    cut = segments(whole)
    assert b"".join(cut) == whole
    assert [segment[0] for segment in cut] == [0xBF, 0xA0, 0xA1, 0x88, 0x88, 0xA2, 0xA3, 0x86, 0x86, 0x86]
    assert [segment[0] for segment in segments(package(FIRST, A0, A1, A3))].count(0xA2) == 0


@pytest.mark.parametrize(
    "broken",
    [
        package(A0, A1, A3),
        package(FIRST, A1, A3),
        package(FIRST, A0, A3),
        package(FIRST, A0, A1),
        package(FIRST, A1, A0, A3),
        package(FIRST, A0, A1, A3, A3),
        package(FIRST, A0, A1, tlv.encode(0xA4, b""), A3),
        package(FIRST, A0, A1, tlv.encode(0xA3, b"")),
        package(FIRST, A0, A1, tlv.encode(0xA3, tlv.encode(0x88, b"p"))),
        package(FIRST, A0, A1, A3, tag=0xBF37),
    ],
)
def test_a_package_with_other_parts_is_none(broken: bytes) -> None:
    with pytest.raises(PackageFault):
        segments(broken)


def test_lengths_that_lie_are_seen() -> None:
    with pytest.raises(tlv.TlvError):
        segments(package(FIRST, A0, A1, A3)[:-2])
