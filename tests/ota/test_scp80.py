"""SCP80 against packets that real cards and another implementation made, and against packets that nobody should make.

The known answers are facts of published tests (pySim, tests/unittests/test_ota.py): an AES-128 key set of
sysmoISIM-SJA5 cards, the command packet for it, and what the card answered.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_euicc.ota import scp80
from pytest_euicc.ota.scp80 import Counter, Integrity, KeySet, PacketFault, Receipt, Rejected, Spi, Status

KEYS = KeySet(2, bytes.fromhex("200102030405060708090a0b0c0d0e0f"), bytes.fromhex("201102030405060708090a0b0c0d0e0f"))
TAR = bytes.fromhex("B00011")
SPI = Spi(counter=Counter.NONE)
SELECT_MF = bytes.fromhex("00A40004023F00")
COMMAND = bytes.fromhex("00281506192222b00011e87cceebb2d93083011ce294f93fc4d8de80da1abae8c37ca3e72ec4432e5058")
RESPONSE = bytes.fromhex("002412b00011ebc6b497e2cad7aedf36ace0e3a29b38853f0fe9ccde81913be5702b73abce1f")
PLAIN = bytes.fromhex("000e0ab0001100000000000000016132")


def test_a_command_packet_as_another_implementation_makes_it() -> None:
    assert scp80.protect(KEYS, SPI, TAR, 0, SELECT_MF) == COMMAND


def test_the_command_packet_opens() -> None:
    header = scp80.read_header(COMMAND)
    assert (header.spi, header.tar, header.kic, header.kid) == (SPI, TAR, 0x22, 0x22)
    assert scp80.open_command(header, KEYS) == scp80.Command(0, SELECT_MF)


def test_the_receipt_of_a_real_card() -> None:
    found = scp80.read_response(RESPONSE, SPI, KEYS)
    assert found == scp80.Response(TAR, 0, Status.OK, bytes.fromhex("016132"), secured=True)
    assert scp80.respond(KEYS, SPI, TAR, 0, Status.OK, bytes.fromhex("016132")) == RESPONSE


def test_the_receipt_of_a_real_card_without_security() -> None:
    spi = Spi(counter=Counter.NONE, receipt_integrity=Integrity.NONE, receipt_ciphered=False)
    found = scp80.read_response(PLAIN, spi, KEYS)
    assert found == scp80.Response(TAR, 0, Status.OK, bytes.fromhex("016132"), secured=False)
    assert scp80.respond(KEYS, spi, TAR, 0, Status.OK, bytes.fromhex("016132")) == PLAIN


@pytest.mark.parametrize(
    ("spi", "octets"),
    [
        (SPI, "0619"),
        (Spi(counter=Counter.NONE, receipt_ciphered=False), "0609"),
        (Spi(counter=Counter.NONE, receipt_ciphered=False, receipt_integrity=Integrity.NONE), "0601"),
        # SGP.23 uses this one: counter, ciphering, checksum; a receipt likewise, by SMS-SUBMIT.
        (Spi(receipt_by_submit=True), "1639"),
        (Spi(Integrity.NONE, False, Counter.UNCHECKED, Receipt.NEVER, Integrity.NONE, False), "0800"),
        (Spi(Integrity.SIGNATURE, True, Counter.NEXT, Receipt.ON_ERROR, Integrity.REDUNDANCY_CHECK), "1F16"),
    ],
)
def test_the_spi(spi: Spi, octets: str) -> None:
    assert spi.encode().hex().upper() == octets
    assert Spi.parse(bytes.fromhex(octets)) == spi


def test_a_reserved_kind_of_receipt() -> None:
    with pytest.raises(PacketFault, match="unknown kind of receipt"):
        Spi.parse(b"\x16\x03")


@pytest.mark.parametrize(
    ("spi", "minimum", "reached"),
    [
        (Spi(), 0x16, True),
        (Spi(), 0x12, True),
        (Spi(ciphered=False), 0x12, True),
        (Spi(ciphered=False), 0x16, False),
        (Spi(integrity=Integrity.NONE), 0x12, False),
        (Spi(counter=Counter.NONE), 0x12, False),
        (Spi(integrity=Integrity.NONE, ciphered=False, counter=Counter.NONE), 0x00, True),
    ],
)
def test_minimum_security_levels(spi: Spi, minimum: int, reached: bool) -> None:
    assert spi.reaches(minimum) is reached


def _refused(packet: bytes, keys: KeySet = KEYS) -> Status:
    with pytest.raises(Rejected) as caught:
        scp80.open_command(scp80.read_header(packet), keys)
    return caught.value.status


def test_any_changed_octet_of_a_command_is_found() -> None:
    for at in range(len(COMMAND)):
        packet = COMMAND[:at] + bytes([COMMAND[at] ^ 0x40]) + COMMAND[at + 1 :]
        try:
            header = scp80.read_header(packet)
        except PacketFault:
            continue
        with pytest.raises(Rejected):
            scp80.open_command(header, KEYS)


def test_wrong_keys() -> None:
    assert _refused(COMMAND, KeySet(2, KEYS.encryption, bytes(16))) is Status.INTEGRITY_FAILED
    assert _refused(COMMAND, KeySet(2, bytes(16), KEYS.authentication)) is Status.INTEGRITY_FAILED


def test_integrity_that_nobody_supports() -> None:
    header = scp80.read_header(COMMAND[:3] + b"\x05" + COMMAND[4:])
    with pytest.raises(Rejected) as caught:
        scp80.open_command(header, KEYS)
    assert caught.value.status is Status.SECURITY_ERROR
    with pytest.raises(ValueError, match="redundancy_check is not supported"):
        scp80.protect(KEYS, Spi(integrity=Integrity.REDUNDANCY_CHECK), TAR, 0, b"")


def test_a_success_must_have_the_security_asked_for() -> None:
    with pytest.raises(PacketFault, match=r"RHL 12 \(checksum\) was asked for"):
        scp80.read_response(PLAIN, SPI, KEYS)
    unciphered = scp80.respond(KEYS, Spi(receipt_ciphered=False), TAR, 1, Status.OK, b"\x01\x90\x00")
    with pytest.raises(PacketFault, match=r"not ciphered in whole blocks|checksum"):
        scp80.read_response(unciphered, SPI, KEYS)


def test_an_error_may_come_without_security() -> None:
    packet = scp80.respond(None, SPI, TAR, 0, Status.TAR_UNKNOWN)
    found = scp80.read_response(packet, SPI, KEYS)
    assert (found.status, found.secured) == (Status.TAR_UNKNOWN, False)


def test_a_wrong_checksum_of_a_receipt_shows_both() -> None:
    with pytest.raises(PacketFault, match=r"checksum [0-9A-F]{16} of the response packet, computed [0-9A-F]{16}"):
        scp80.read_response(RESPONSE[:-1] + b"\x00", SPI, KEYS)


integrities = st.sampled_from([Integrity.NONE, Integrity.CHECKSUM])
spis = st.builds(
    Spi,
    integrity=integrities,
    ciphered=st.booleans(),
    counter=st.sampled_from(Counter),
    receipt=st.sampled_from(Receipt),
    receipt_integrity=integrities,
    receipt_ciphered=st.booleans(),
    receipt_by_submit=st.booleans(),
)


@settings(max_examples=100, deadline=None)
@given(
    spi=spis,
    counter=st.integers(0, scp80.LARGEST_COUNTER),
    data=st.binary(max_size=300),
    size=st.sampled_from([16, 24, 32]),
)
def test_whatever_is_protected_opens(spi: Spi, counter: int, data: bytes, size: int) -> None:
    keys = KeySet(15, bytes(range(size)), bytes(range(size, 2 * size)))
    header = scp80.read_header(scp80.protect(keys, spi, TAR, counter, data))
    assert header.kic == 0xF2
    assert scp80.open_command(header, keys) == scp80.Command(counter, data)
    response = scp80.read_response(scp80.respond(keys, spi, TAR, counter, Status.OK, data), spi, keys)
    assert (response.counter, response.status, response.data) == (counter, Status.OK, data)


@settings(max_examples=300, deadline=None)
@given(octets=st.binary(max_size=60))
def test_garbage_is_a_fault(octets: bytes) -> None:
    for packet in (
        octets,
        len(octets).to_bytes(2, "big") + octets,
        (len(octets) + 1).to_bytes(2, "big") + b"\x15" + octets,
    ):
        try:
            header = scp80.read_header(packet)
        except PacketFault:
            continue
        try:
            opened = scp80.open_command(header, KEYS)
        except Rejected:
            continue
        assert header.spi.integrity is Integrity.NONE, opened
    for packet in (octets, len(octets).to_bytes(2, "big") + octets):
        try:
            response = scp80.read_response(packet, SPI, KEYS)
        except PacketFault:
            continue
        assert not response.secured
        assert response.status != Status.OK
