"""Whatever comes in, the simulated eUICC answers at least a status word and goes on."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.sim_device import Device

INSTRUCTIONS = (0xA4, 0xB0, 0xB2, 0x70, 0xC0, 0xE2, 0xAA, 0x10, 0x12, 0x14, 0xF2, 0xFC)
FUNCTIONS = (
    0xBF20, 0xBF21, 0xBF22, 0xBF28, 0xBF29, 0xBF2B, 0xBF2D, 0xBF2E, 0xBF30, 0xBF31, 0xBF32, 0xBF33, 0xBF34, 0xBF35,
    0xBF36, 0xBF38, 0xBF3C, 0xBF3E, 0xBF3F, 0xBF41, 0xBF43,
)  # fmt: skip
TAGS = (0x04, 0x30, 0x80, 0x81, 0x82, 0xA0, 0xA1, 0x5A, 0x4F, 0x90, 0x5C, 0x95, 0x0C, 0x02, 0x9F70, 0x5F37, 0x5F49)


def _tlv(tag: int, value: bytes) -> bytes:
    length = bytes([len(value)]) if len(value) < 0x80 else b"\x82" + len(value).to_bytes(2, "big")
    return tag.to_bytes((tag.bit_length() + 7) // 8, "big") + length + value


elements = st.recursive(
    st.builds(_tlv, st.sampled_from(TAGS), st.binary(max_size=20)),
    lambda inner: st.builds(_tlv, st.sampled_from(TAGS), st.lists(inner, max_size=4).map(b"".join)),
    max_leaves=8,
)
requests = st.builds(_tlv, st.sampled_from(FUNCTIONS), st.lists(elements, max_size=4).map(b"".join)).filter(
    lambda octets: len(octets) < 256
)
headers = st.tuples(
    st.sampled_from([0x00, 0x01, 0x80, 0x81, 0x40, 0xC0]),
    st.sampled_from(INSTRUCTIONS),
    st.sampled_from([0x00, 0x01, 0x04, 0x08, 0x11, 0x80, 0x91]) | st.integers(0, 255),
    st.sampled_from([0x00, 0x01, 0x04, 0x0C]) | st.integers(0, 255),
)


class Prepared(Device):
    """A card with an enabled profile, so that there are files to read; every example starts from this state."""

    def __init__(self, protocol: str) -> None:
        super().__init__(protocol=protocol)
        self.open()
        self.es10(f"BF3111A00C5A0A{self.euicc.state.profiles[0].iccid.hex()}810100")
        assert self.euicc.state.enabled
        self.start = self.euicc.snapshot()


@pytest.fixture(scope="module", params=["T=0", "T=1"])
def device(request: pytest.FixtureRequest) -> Prepared:
    return Prepared(request.param)


def _answers(device: Device, apdu: bytes) -> None:
    answer = device.euicc.transmit(apdu)
    assert len(answer) >= 2
    assert answer[-2] >> 4 in (6, 9)


def _still_works(device: Prepared) -> None:
    """The card starts as ever: whatever happened before, a reset brings it back."""
    _open(device)
    assert device.whole("BF3E035C015A") == bytes.fromhex("BF3E125A1089049032123451234512345678901235")


relaxed = settings(max_examples=150, deadline=None)


def _open(device: Prepared) -> None:
    device.euicc.restore(device.start)
    assert device.send("0070000001") == "019000"
    device.send("01A4040010A0000005591010FFFFFFFF890000010000")


@relaxed
@given(apdus=st.lists(st.binary(max_size=40), max_size=5))
def test_any_octets(device, apdus):
    _open(device)
    for apdu in apdus:
        _answers(device, apdu)


@relaxed
@given(apdus=st.lists(st.tuples(headers, st.binary(max_size=30), st.integers(0, 255)), max_size=8))
def test_any_commands(device, apdus):
    _open(device)
    for header, data, le in apdus:
        body = bytes([len(data)]) + data if data else b""
        _answers(device, bytes(header) + body + bytes([le]))


@relaxed
@given(chosen=st.lists(requests, max_size=5))
def test_any_requests(device, chosen):
    _open(device)
    for request in chosen:
        _answers(device, bytes.fromhex("81E29100") + bytes([len(request)]) + request)


@relaxed
@given(request=requests, at=st.integers(0, 254), more=st.binary(max_size=3))
def test_any_chains(device, request, at, more):
    _open(device)
    first, second = request[:at], request[at:] + more
    for number, block in enumerate((first, second)):
        if block:
            _answers(device, bytes([0x81, 0xE2, 0x91 if number else 0x11, number, min(len(block), 255)]) + block[:255])


def test_the_card_goes_on_after_all_that(device):
    _still_works(device)
