"""Command and response APDUs, class bytes and status words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_euicc.card.apdu import ApduError, CommandApdu, ResponseApdu, channel_of, cla_on_channel
from pytest_euicc.card.status_words import describe, is_success

octet = st.integers(0, 255)
commands = st.builds(
    CommandApdu,
    octet,
    octet,
    octet,
    octet,
    st.binary(max_size=600),
    st.none() | st.integers(1, 65536),
)


# ISO 7816-3 12.1.3, worked out by hand
@pytest.mark.parametrize(
    ("octets", "case", "data", "le"),
    [
        ("00A40400", 1, "", None),
        ("0070000001", 2, "", 1),
        ("00C0000000", 2, "", 256),
        ("80E2910003BF2E00", 3, "BF2E00", None),
        ("80E2910003BF2E0000", 4, "BF2E00", 256),
        ("00B00000000100", 2, "", 256),
        ("00B00000000000", 2, "", 65536),
        ("80E2910000000ABF2E00000000000000FF", 3, "BF2E00000000000000FF", None),
        ("80E29100000003BF2E000000", 4, "BF2E00", 65536),
        ("80E29100000003BF2E000101", 4, "BF2E00", 257),
    ],
)
def test_all_forms_are_read(octets: str, case: int, data: str, le: int | None) -> None:
    command = CommandApdu.parse(bytes.fromhex(octets))
    assert (command.case, command.data.hex().upper(), command.le) == (case, data, le)
    assert command.encode().hex().upper() == octets


@given(commands)
def test_what_is_encoded_is_read_back(command: CommandApdu) -> None:
    octets = command.encode()
    read = CommandApdu.parse(octets)
    assert (read.cla, read.ins, read.p1, read.p2) == (command.cla, command.ins, command.p1, command.p2)
    assert (read.data, read.le) == (command.data, command.le)
    assert read.encode() == octets


@given(st.binary(max_size=300))
def test_octets_are_read_exactly_or_refused(octets: bytes) -> None:
    try:
        command = CommandApdu.parse(octets)
    except ApduError:
        return
    assert command.encode() == octets


@pytest.mark.parametrize("octets", ["", "00A404", "00A4040002AB", "00A4040001AB0000", "00A404000000"])
def test_broken_commands_are_refused(octets: str) -> None:
    with pytest.raises(ApduError):
        CommandApdu.parse(bytes.fromhex(octets))


def test_the_extended_form_starts_where_the_short_one_ends() -> None:
    assert len(CommandApdu(0x80, 0xE2, 0, 0, bytes(255)).encode()) == 4 + 1 + 255
    assert len(CommandApdu(0x80, 0xE2, 0, 0, bytes(256)).encode()) == 4 + 3 + 256
    assert CommandApdu(0x00, 0xB0, 0, 0, le=256).encode()[4:] == b"\x00"
    assert CommandApdu(0x00, 0xB0, 0, 0, le=257).encode()[4:] == b"\x00\x01\x01"


@pytest.mark.parametrize(
    "fields", [{"cla": 256}, {"ins": -1}, {"le": 0}, {"le": 65537}, {"data": bytes(65536)}], ids=lambda f: next(iter(f))
)
def test_fields_that_do_not_fit_are_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ApduError):
        CommandApdu(**{"cla": 0, "ins": 0, "p1": 0, "p2": 0} | fields)  # type: ignore[arg-type]


# ETSI TS 102 221 10.1.1, ISO 7816-4 5.4.1
@pytest.mark.parametrize(
    ("cla", "channel", "expected"),
    [
        (0x00, 0, 0x00),
        (0x00, 3, 0x03),
        (0x00, 4, 0x40),
        (0x00, 19, 0x4F),
        (0x80, 1, 0x81),
        (0x80, 4, 0xC0),
        (0x80, 19, 0xCF),
        (0x83, 0, 0x80),
        (0xC5, 2, 0x82),
        (0x0C, 1, 0x0D),
        (0x0C, 5, 0x61),
        (0x84, 7, 0xE3),
        (0xE3, 1, 0x89),
        (0x10, 6, 0x52),
        (0x92, 0, 0x90),
        (0xA0, 0, 0xA0),
    ],
)
def test_channels_in_the_class_byte(cla: int, channel: int, expected: int) -> None:
    assert cla_on_channel(cla, channel) == expected
    assert channel_of(expected) == channel


@pytest.mark.parametrize("cla", [0x00, 0x80, 0x0C, 0x84, 0x10, 0x90])
@pytest.mark.parametrize("channel", range(20))
def test_every_channel_is_read_back_and_the_kind_of_class_stays(cla: int, channel: int) -> None:
    coded = cla_on_channel(cla, channel)
    assert channel_of(coded) == channel
    assert coded & 0x90 == cla & 0x90


@pytest.mark.parametrize(("cla", "channel"), [(0x00, 20), (0x00, -1), (0xA0, 1), (0x20, 4)])
def test_channels_that_cannot_be_coded_are_refused(cla: int, channel: int) -> None:
    with pytest.raises(ApduError):
        cla_on_channel(cla, channel)


def test_responses() -> None:
    response = ResponseApdu.parse(bytes.fromhex("BF2E9000"))
    assert (response.data, response.sw, response.ok, response.sw1, response.sw2) == (b"\xbf\x2e", 0x9000, True, 0x90, 0)
    assert response.encode() == bytes.fromhex("BF2E9000")
    with pytest.raises(ApduError):
        ResponseApdu.parse(b"\x90")


@pytest.mark.parametrize(
    ("sw", "ok", "words"),
    [
        (0x9000, True, "success"),
        (0x910B, True, "success, proactive command of 11 octets waiting"),
        (0x9300, False, "card application toolkit is busy"),
        (0x6100, False, "256 octets of response waiting"),
        (0x6C10, False, "wrong Le, 16 octets available"),
        (0x6A82, False, "file not found"),
        (0x63C2, False, "verification failed, 2 tries left"),
        (0x6AF1, False, "wrong parameters"),
        (0x1234, False, "unknown status word"),
    ],
)
def test_status_words(sw: int, ok: bool, words: str) -> None:
    assert (is_success(sw), describe(sw)) == (ok, words)
