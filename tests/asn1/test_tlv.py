"""TLV structures: tags and lengths worked out by hand, faults with their place."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_euicc.asn1 import tlv

# 30 { 80 01 AA, BF22 { 5A 02 BB CC } }
NESTED = bytes.fromhex("300B8001AABF22055A03BBCCDD")


def test_an_element_keeps_its_octets() -> None:
    element = tlv.parse(NESTED)
    assert (element.tag, element.offset, element.header, element.end) == (0x30, 0, b"\x30\x0b", 13)
    assert element.octets == NESTED
    assert element.constructed


def test_children_have_absolute_offsets() -> None:
    first, second = tlv.parse(NESTED).children()
    assert (first.tag, first.offset, first.value, first.constructed) == (0x80, 2, b"\xaa", False)
    assert (second.tag, second.offset) == (0xBF22, 5)
    (inner,) = second.children()
    assert (inner.tag, inner.offset, inner.value) == (0x5A, 8, b"\xbb\xcc\xdd")
    assert NESTED[inner.offset : inner.end] == inner.octets


@pytest.mark.parametrize(
    ("octets", "tag", "length"),
    [
        ("8000", 0x80, 0),
        ("9F7000", 0x9F70, 0),
        ("5F3740" + "00" * 64, 0x5F37, 64),
        ("BF8101" + "00", 0xBF8101, 0),
        ("047F" + "00" * 127, 0x04, 127),
        ("048180" + "00" * 128, 0x04, 128),
        ("04820100" + "00" * 256, 0x04, 256),
        ("048400000001" + "AA", 0x04, 1),
    ],
)
def test_tags_and_lengths(octets: str, tag: int, length: int) -> None:
    element = tlv.parse(bytes.fromhex(octets))
    assert (element.tag, len(element.value)) == (tag, length)


@pytest.mark.parametrize(
    ("length", "field"),
    [(0, "00"), (127, "7F"), (128, "8180"), (255, "81FF"), (256, "820100"), (65536, "83010000")],
)
def test_lengths_are_written_in_their_shortest_form(length: int, field: str) -> None:
    assert tlv.encode_length(length).hex().upper() == field


@pytest.mark.parametrize(
    ("octets", "offset", "words"),
    [
        ("", 0, "a tag is missing"),
        ("80", 1, "the length is missing"),
        ("9F", 0, "the tag field does not end"),
        ("9F80", 0, "the tag field does not end"),
        ("9F8080808001", 0, "the tag field does not end"),
        ("8002AA", 0, "announces 2 octets, only 1 follow"),
        ("8000FF", 2, "1 octets after the end"),
        ("30800000", 1, "indefinite length"),
        ("8082AA", 2, "the length field is cut off"),
        ("80850000000001AA", 1, "a length field of 5 octets"),
    ],
)
def test_faults_name_the_place(octets: str, offset: int, words: str) -> None:
    with pytest.raises(tlv.TlvError, match=words) as caught:
        tlv.parse(bytes.fromhex(octets))
    assert caught.value.offset == offset


def test_a_fault_inside_is_placed_in_the_whole() -> None:
    with pytest.raises(tlv.TlvError, match="announces") as caught:
        tlv.parse(bytes.fromhex("BF22058001008102")).children()
    assert caught.value.offset == 6


def test_concatenated_elements() -> None:
    assert [(one.tag, one.offset) for one in tlv.parse_all(bytes.fromhex("8000 8101AA 8200"))] == [
        (0x80, 0),
        (0x81, 2),
        (0x82, 5),
    ]
    assert tlv.parse_all(b"") == []


def test_find_gives_the_whole_received_element() -> None:
    assert tlv.find(NESTED, 0x30, 0xBF22, 0x5A) == bytes.fromhex("5A03BBCCDD")
    with pytest.raises(tlv.TlvError, match="no 81 inside 30"):
        tlv.find(NESTED, 0x30, 0x81)
    with pytest.raises(tlv.TlvError, match="tag 30, expected BF22"):
        tlv.find(NESTED, 0xBF22)


@settings(deadline=None)
@given(st.sampled_from([0x04, 0x30, 0x9F70, 0xBF38, 0xBF8101]), st.binary(max_size=400))
def test_what_is_encoded_is_read_back(tag: int, value: bytes) -> None:
    element = tlv.parse(tlv.encode(tag, value))
    assert (element.tag, element.value) == (tag, value)


@settings(deadline=None)
@given(st.binary(max_size=64))
def test_no_octet_is_lost_and_nothing_else_is_raised(octets: bytes) -> None:
    with suppress(tlv.TlvError):
        assert b"".join(element.octets for element in tlv.parse_all(octets)) == octets
