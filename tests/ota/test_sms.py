"""SMS that carry packets: TPDUs as 3GPP TS 23.040 has them, concatenation, the ENVELOPE around them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_euicc.asn1 import tlv
from pytest_euicc.ota import sms


def test_an_sms_deliver_octet_for_octet() -> None:
    """First octet, originator, PID of (U)SIM data download, class 2 and 8 bit, time stamp, length, header, data."""
    tpdu = sms.deliver(sms.user_data(b"\xaa\xbb")[0], "12345678")
    assert tpdu.hex().upper() == "44 0881 21436587 7F F6 62101100000000 05 027000 AABB".replace(" ", "")


def test_a_published_sms_deliver_reads() -> None:
    """A TPDU of pySim's tests, its TP-UDL put right: there it is 3."""
    packet = "00281506192222b00011e87cceebb2d93083011ce294f93fc4d8de80da1abae8c37ca3e72ec4432e5058"
    tpdu = f"400881214365877ff6227052000000002d027000{packet}"
    found = sms.read_deliver(bytes.fromhex(tpdu))
    assert (found.address, found.header, found.data.hex()) == ("12345678", {sms.COMMAND_PACKET: b""}, packet)
    with pytest.raises(sms.SmsFault, match="TP-UDL"):
        sms.read_deliver(bytes.fromhex(tpdu.replace("002d0270", "00030270")))


def test_an_sms_submit() -> None:
    tpdu = sms.submit(sms.user_data(b"\xaa", sms.RESPONSE_PACKET)[0], "123")
    assert tpdu.hex().upper() == "41 00 0381 21F3 7F F6 04 027100 AA".replace(" ", "")
    found = sms.read_submit(tpdu)
    assert (found.address, found.header, found.data) == ("123", {sms.RESPONSE_PACKET: b""}, b"\xaa")


@pytest.mark.parametrize(
    ("first", "validity"), [("41", ""), ("51", "A7"), ("49", "01020304050607"), ("59", "0102030405060A")]
)
def test_validity_periods(first: str, validity: str) -> None:
    tpdu = bytes.fromhex(f"{first}00038121F37FF6{validity}04027100AA")
    assert sms.read_submit(tpdu).data == b"\xaa"


def test_a_receipt_in_the_answer_to_envelope() -> None:
    found = sms.read_user_data(bytes.fromhex("027100000e0ab0001100000000000000016132"))
    assert (found.header, found.data.hex()) == ({sms.RESPONSE_PACKET: b""}, "000e0ab0001100000000000000016132")


@pytest.mark.parametrize(("octets", "messages"), [(0, 1), (137, 1), (138, 2), (132 + 134, 2), (132 + 134 + 1, 3)])
def test_how_many_messages_a_packet_takes(octets: int, messages: int) -> None:
    packet = bytes(n & 0xFF for n in range(octets))
    made = sms.user_data(packet, reference=0x5A)
    assert len(made) == messages
    assert max(map(len, made)) <= sms.LARGEST_USER_DATA
    read = [sms.read_deliver(sms.deliver(each)) for each in made]
    assert b"".join(each.data for each in read) == packet
    assert [sms.COMMAND_PACKET in each.header for each in read] == [True] + [False] * (messages - 1)
    if messages > 1:
        wanted = [bytes([0x5A, messages, number]) for number in range(1, messages + 1)]
        assert [each.header[sms.CONCATENATED] for each in read] == wanted


def test_an_envelope_octet_for_octet() -> None:
    made = sms.envelope(b"\x44\x01")
    assert made.hex().upper() == "D1 0E 82028381 860481214365 8B024401".replace(" ", "")
    assert sms.read_envelope(made) == b"\x44\x01"
    assert sms.read_envelope(bytes.fromhex("D104 0B024401".replace(" ", ""))) == b"\x44\x01"
    assert sms.read_envelope(bytes.fromhex("D60482028381")) is None


@settings(max_examples=300, deadline=None)
@given(octets=st.binary(max_size=80))
def test_garbage_is_a_fault(octets: bytes) -> None:
    for read in (sms.read_deliver, sms.read_submit, sms.read_user_data):
        for given_ in (octets, b"\x44\x04\x81\x21\x43\x7f\xf6" + bytes(7) + octets, b"\x41" + octets):
            try:
                found = read(given_)
            except sms.SmsFault:
                continue
            assert len(found.data) <= len(given_)
    with contextlib.suppress(tlv.TlvError):
        sms.read_envelope(octets)
