"""Remote management on the simulated eUICC: what a vector does not reach, and octets that nobody should send."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_euicc.asn1 import codec
from pytest_euicc.ota import scp80, scripts, sms
from pytest_euicc.ota.scp80 import Counter, Integrity, KeySet, Receipt, Spi, Status
from pytest_euicc.rsp import profile_package
from pytest_euicc.simulator.euicc.loading.security_domain import SecurityDomain, read_security_domain
from tests.support.sim_device import Device

KEYS = KeySet(1, b"e" * 16, b"a" * 16)
TAR = profile_package.MNO_SD_TAR
REPORT = Spi()
FOR_ISDP = bytes.fromhex("80E6200016000010 A0000005591010FFFFFFFF8900000F00 000000")
RENAME = bytes.fromhex("80E2910008") + bytes.fromhex("BF2A0592036E6577")


class Card(Device):
    """A card whose first profile is enabled and has an MNO-SD with known keys."""

    def __init__(self, *, minimum: int = 0, **device) -> None:
        super().__init__(**device)
        domain = SecurityDomain(profile_package.MNO_SD_AID, frozenset({TAR}), minimum, (KEYS,))
        state = self.euicc.state
        first = replace(state.profiles[0], enabled=True, mno_sd=domain)
        self.start = replace(state, profiles=(first, *state.profiles[1:]))
        self.euicc.restore(self.start)

    @property
    def profile(self):
        return self.euicc.state.profiles[0]

    def envelope(self, data: bytes) -> tuple[bytes, int]:
        answer = self.euicc.transmit(bytes.fromhex("80C20000") + bytes([len(data)]) + data + b"\x00")
        return answer[:-2], int.from_bytes(answer[-2:], "big")

    def packet(self, packet: bytes, reference: int = 0) -> tuple[bytes, int]:
        answers = [
            self.envelope(sms.envelope(sms.deliver(each))) for each in sms.user_data(packet, reference=reference)
        ]
        assert all(answer == (b"", 0x9000) for answer in answers[:-1])
        return answers[-1]

    def command(
        self, *commands: bytes, counter: int = 1, spi: Spi = REPORT, keys: KeySet = KEYS, expanded=False, tar=TAR
    ):
        """The receipt and the status word."""
        script = scripts.script(commands, expanded=expanded)
        data, sw = self.packet(scp80.protect(keys, spi, tar, counter, script))
        if not data:
            return None, sw
        message = sms.read_user_data(data)
        assert list(message.header) == [sms.RESPONSE_PACKET]
        return scp80.read_response(message.data, spi, keys), sw

    def results(self, *commands: bytes, expanded: bool = False) -> scripts.Results:
        response, sw = self.command(*commands, expanded=expanded)
        assert (response.status, sw) == (Status.OK, 0x9000)
        return scripts.read_results(response.data, expanded=expanded)


def test_a_rename() -> None:
    card = Card()
    assert card.results(FOR_ISDP, RENAME) == scripts.Results(2, 0x9000)
    assert card.profile.metadata["profileName"] == "new"


@pytest.mark.parametrize(
    ("commands", "executed", "sw"),
    [
        ([RENAME], 1, 0x6985),
        ([FOR_ISDP], 1, 0x9000),
        ([FOR_ISDP.replace(b"\x89\0\0\x0f", b"\x89\0\0\x11"), RENAME], 1, 0x6A88),
        ([FOR_ISDP, RENAME.replace(b"\x91\0\x08", b"\x91\1\x08")], 2, 0x6A86),
        ([FOR_ISDP, RENAME.replace(b"\xe2\x91", b"\xe2\x88")], 2, 0x6A86),
        ([FOR_ISDP, RENAME.replace(b"\xe2\x91", b"\xe2\xf1")], 2, 0x6A86),
        ([bytes.fromhex("80E6200003000000")], 1, 0x6A80),
        ([bytes.fromhex("80E6200000")], 1, 0x6A80),
        ([bytes.fromhex("80E60C0000")], 1, 0x6A86),
        ([bytes.fromhex("80CA00C100")], 1, 0x6D00),
        ([bytes.fromhex("00A4000C023F00"), RENAME], 1, 0x6E00),
        ([], 0, 0x9000),
    ],
)
@pytest.mark.parametrize("expanded", [False, True], ids=["compact", "expanded"])
def test_scripts(commands: list[bytes], executed: int, sw: int, expanded: bool) -> None:
    card = Card()
    before = card.profile.metadata
    found = card.results(*commands, expanded=expanded)
    assert (found.executed, found.sw) == (executed, sw)
    assert card.profile.metadata == before


def test_what_is_to_be_personalised_is_forgotten_with_the_script() -> None:
    card = Card()
    assert card.command(FOR_ISDP)[0].status == Status.OK
    response, _ = card.command(RENAME, counter=2)
    assert scripts.read_results(response.data, expanded=False).sw == 0x6985


def test_blocks_go_on_over_several_commands_of_one_script() -> None:
    card = Card()
    first, last = bytes.fromhex("80E2110003BF2A05"), bytes.fromhex("80E291010592036E6577")
    assert card.results(FOR_ISDP, first, last).sw == 0x9000
    assert card.profile.metadata["profileName"] == "new"


def test_a_script_that_cannot_be_read() -> None:
    card = Card()
    response, _ = card.command(b"\xaa\x05\x22\x09\x80", expanded=False)
    found = scripts.read_results(response.data, expanded=True)
    assert (found.executed, found.bad_format) == (0, scripts.BadFormat.WRONG_LENGTH)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({"counter": 5}, Status.COUNTER_LOW),
        ({"counter": 4}, Status.COUNTER_LOW),
        ({"counter": 7, "spi": Spi(counter=Counter.NEXT)}, Status.COUNTER_HIGH),
        ({"counter": 6, "spi": Spi(counter=Counter.NEXT)}, Status.OK),
        ({"counter": 1, "spi": Spi(counter=Counter.UNCHECKED)}, Status.OK),
        ({"keys": KeySet(2, KEYS.encryption, KEYS.authentication), "counter": 6}, Status.SECURITY_ERROR),
        ({"tar": b"\xb0\0\0", "counter": 6}, Status.TAR_UNKNOWN),
    ],
)
def test_what_a_receipt_says(wish: dict[str, Any], status: Status) -> None:
    card = Card()
    assert card.command(FOR_ISDP, counter=5)[0].status == Status.OK
    response, sw = card.command(FOR_ISDP, **wish)
    assert (response.status, sw) == (status, 0x6200 if status else 0x9000)


def test_a_counter_at_its_end_is_blocked() -> None:
    card = Card()
    assert card.command(FOR_ISDP, counter=scp80.LARGEST_COUNTER)[0].status == Status.OK
    assert card.command(FOR_ISDP, counter=scp80.LARGEST_COUNTER)[0].status == Status.COUNTER_BLOCKED


def test_a_packet_that_does_not_hold_leaves_the_counter_alone() -> None:
    card = Card()
    wrong = KeySet(1, KEYS.encryption, b"x" * 16)
    assert card.command(FOR_ISDP, counter=100, keys=wrong)[0].status == Status.INTEGRITY_FAILED
    assert card.command(FOR_ISDP, counter=1)[0].status == Status.OK


@pytest.mark.parametrize(
    ("spi", "good", "bad"),
    [
        (Spi(receipt=Receipt.ALWAYS), True, True),
        (Spi(receipt=Receipt.ON_ERROR), False, True),
        (Spi(receipt=Receipt.NEVER), False, False),
    ],
)
def test_when_receipts_are_sent(spi: Spi, good: bool, bad: bool) -> None:
    card = Card()
    assert (card.command(FOR_ISDP, spi=spi)[0] is not None) is good
    assert (card.command(FOR_ISDP, spi=spi)[0] is not None) is bad


def test_a_receipt_by_sms_submit() -> None:
    card = Card()
    data, sw = card.packet(scp80.protect(KEYS, Spi(receipt_by_submit=True), TAR, 1, FOR_ISDP))
    assert (data, sw >> 8) == (b"", 0x91)
    fetched = card.send(f"80120000{sw & 0xFF:02X}")
    assert fetched.endswith("9000")
    proactive = bytes.fromhex(fetched[:-4])
    assert proactive[2:11].hex().upper() == "8103011300" + "82028183"
    tpdu = proactive[13:]
    response = scp80.read_response(sms.read_submit(tpdu).data, Spi(receipt_by_submit=True), KEYS)
    assert response.status == Status.OK
    assert card.send("801400000C810301130082028281830100") == "9000"


def test_on_t0_a_warning_leaves_its_data_for_get_response() -> None:
    card = Card(protocol="T=0")
    packet = sms.envelope(sms.deliver(sms.user_data(scp80.protect(KEYS, REPORT, b"\0\0\0", 1, b""))[0]))
    assert card.send(f"80C20000{len(packet):02X}{packet.hex()}") == "6200"
    answer = card.send("00C0000000")
    assert answer[-4:] == "9000"
    assert (
        scp80.read_response(sms.read_user_data(bytes.fromhex(answer[:-4])).data, REPORT, KEYS).status
        == Status.TAR_UNKNOWN
    )


def test_minimum_security() -> None:
    card = Card(minimum=0x16)
    spi = Spi(integrity=Integrity.NONE)
    assert card.command(FOR_ISDP, spi=spi)[0].status == Status.INSUFFICIENT_SECURITY_LEVEL


def test_concatenated_messages_in_any_order_and_from_two_senders() -> None:
    card = Card()
    packets = {
        reference: sms.user_data(
            scp80.protect(KEYS, REPORT, TAR, reference, FOR_ISDP + RENAME * 8), reference=reference
        )
        for reference in (1, 2)
    }
    assert {len(messages) for messages in packets.values()} == {2}
    for reference, index in ((2, 1), (1, 1), (1, 1), (1, 0), (2, 0)):
        data, sw = card.envelope(sms.envelope(sms.deliver(packets[reference][index])))
        assert sw == 0x9000
        assert bool(data) is (index == 0)
    assert card.profile.metadata["profileName"] == "new"


def test_half_a_packet_is_forgotten_at_reset() -> None:
    card = Card()
    first, second = sms.user_data(scp80.protect(KEYS, REPORT, TAR, 1, FOR_ISDP + RENAME * 8))
    card.envelope(sms.envelope(sms.deliver(first)))
    card.euicc.reset()
    assert card.envelope(sms.envelope(sms.deliver(second))) == (b"", 0x9000)
    assert card.euicc.core.messages


def test_messages_that_never_become_whole_do_not_pile_up() -> None:
    card = Card()
    for reference in range(50):
        octets = bytes([5, sms.CONCATENATED, 3, reference, 2, 1])
        assert card.envelope(sms.envelope(sms.deliver(octets))) == (b"", 0x9000)
    assert len(card.euicc.core.messages) == 8


@pytest.mark.parametrize(
    ("data", "sw"),
    [
        ("D1", 0x6A80),
        ("D10482028381FF", 0x6A80),
        ("D7028200", 0x9000),
        ("D10482028381", 0x9000),
        ("D1028B00", 0x9000),
        ("D1038B0144", 0x9000),
    ],
)
def test_envelopes_for_nobody(data: str, sw: int) -> None:
    card = Card()
    assert card.envelope(bytes.fromhex(data)) == (b"", sw)


def test_where_envelope_belongs() -> None:
    card = Card()
    assert card.send("0070000001") == "019000"
    assert card.send("81C2000002D100") == "6881"
    assert card.send("80C2010002D100") == "6A86"
    assert card.send("80C20000") == "6700"
    assert card.send("00C2000002D100") == "6E00"


# ---------------------------------------------------------------------------------------------------- packages


def _domain(**instance) -> dict[str, Any]:
    ((_, value),) = [
        each for each in profile_package.standard_elements(bytes(10), imsi="00101", service_provider="x")
        if each[0] == "securityDomain"
    ]  # fmt: skip
    value = codec.decode("ProfileElement", codec.encode("ProfileElement", ("securityDomain", value)))[1]
    value["instance"] |= instance
    return value


def _toolkit(octets: str) -> dict[str, Any]:
    return {"applicationParameters": {"uiccToolkitApplicationSpecificParametersField": bytes.fromhex(octets)}}


def test_the_security_domain_of_a_package_of_the_tester() -> None:
    domain = read_security_domain(_domain())
    known = profile_package.ota_keys(bytes(10))
    assert domain.keys == (KeySet(1, known.encryption, known.authentication),)
    assert (domain.tars, domain.minimum_security, domain.counter(1)) == ({TAR}, 0x16, 0)


def test_toolkit_parameters_of_published_packages() -> None:
    """Those of GSMA TS.48 test profiles: two TARs, a checksum is enough. The other one has a menu entry."""
    domain = read_security_domain(_domain(**_toolkit("01 00 00 00 00 020102 06 B20100 000000 00")))
    assert (domain.tars, domain.minimum_security) == ({TAR, bytes(3)}, 0x02)
    domain = read_security_domain(_domain(**_toolkit("01 00 00 01 0000 00 020112 03 B20100 00")))
    assert (domain.tars, domain.minimum_security) == ({TAR}, 0x12)


def test_without_toolkit_parameters_the_tar_is_that_of_an_mno_sd() -> None:
    assert read_security_domain(_domain(applicationParameters={})).tars == {TAR}


@pytest.mark.parametrize(
    "octets",
    ["01", "0100000000", "010000000002", "010000000000 03B201", "010000000000 02B201", "0100000000020216 03B20100"],
)
def test_toolkit_parameters_that_cannot_be_read(octets: str) -> None:
    with pytest.raises(ValueError, match=r"toolkit parameters|minimum security level"):
        read_security_domain(_domain(**_toolkit(octets)))


def test_keys_for_something_else_are_left_out() -> None:
    value = _domain(applicationSpecificParametersC9=bytes.fromhex("81020255"))
    assert read_security_domain(value).keys == ()
    value = _domain()
    for entry in value["keyList"]:
        entry["keyVersionNumber"] = b"\x30"
    assert read_security_domain(value).keys == ()
    value = _domain()
    value["keyList"][0]["keyComponents"][0]["keyType"] = b"\x80"
    assert read_security_domain(value).keys == ()
    value["keyList"][0]["keyComponents"] = [{"keyType": b"\x88", "keyData": b"short"}]
    with pytest.raises(ValueError, match="AES key of 5 octets"):
        read_security_domain(value)


def test_a_counter_that_the_package_brings() -> None:
    value = _domain()
    value["keyList"][0]["keyCounterValue"] = b"\x01\x00"
    assert read_security_domain(value).counter(1) == 0x100


# ---------------------------------------------------------------------------------------------------- hostile octets


@pytest.fixture(scope="module", params=["T=0", "T=1"])
def hostile(request):
    return Card(protocol=request.param)


def _answers(card: Card, data: bytes) -> None:
    card.euicc.restore(card.start)
    answer = card.euicc.transmit(
        bytes.fromhex("80C20000") + bytes([len(data)]) + data if data else bytes.fromhex("80C20000")
    )
    assert answer[-2] >> 4 in (6, 9)
    assert card.profile.metadata == card.start.profiles[0].metadata


relaxed = settings(max_examples=200, deadline=None)


@relaxed
@given(data=st.binary(max_size=255))
def test_any_envelope(hostile: Card, data: bytes) -> None:
    _answers(hostile, data)


@relaxed
@given(header=st.binary(max_size=12), body=st.binary(max_size=60))
def test_any_message(hostile: Card, header: bytes, body: bytes) -> None:
    _answers(hostile, sms.envelope(sms.deliver(bytes([len(header)]) + header + body)))
    _answers(hostile, sms.envelope(header + body))


@relaxed
@given(head=st.binary(min_size=8, max_size=8), body=st.binary(max_size=90))
def test_any_packet(hostile: Card, head: bytes, body: bytes) -> None:
    packet = head[:1] + head[1:5] + TAR + body
    whole = len(packet).to_bytes(2, "big") + packet
    _answers(hostile, sms.envelope(sms.deliver(sms.user_data(whole)[0])))


VALID = scp80.protect(KEYS, REPORT, TAR, 1, FOR_ISDP + RENAME)


@relaxed
@given(at=st.integers(0, len(VALID) - 1), octet=st.integers(0, 255), cut=st.integers(0, len(VALID) - 1))
def test_a_changed_or_cut_packet_changes_nothing(hostile: Card, at: int, octet: int, cut: int) -> None:
    changed = VALID[:at] + bytes([octet]) + VALID[at + 1 :]
    if changed != VALID:
        _answers(hostile, sms.envelope(sms.deliver(sms.user_data(changed)[0])))
    _answers(hostile, sms.envelope(sms.deliver(sms.user_data(VALID[:cut])[0])))


@relaxed
@given(script=st.binary(max_size=80), expanded=st.booleans())
def test_any_script(hostile: Card, script: bytes, expanded: bool) -> None:
    hostile.euicc.restore(hostile.start)
    octets = b"\xaa" + bytes([len(script)]) + script if expanded else script
    data, sw = hostile.packet(scp80.protect(KEYS, Spi(receipt_by_submit=True), TAR, 1, octets))
    assert (data, sw >> 8) == (b"", 0x91)


@relaxed
@given(request=st.binary(max_size=80))
def test_any_request(hostile: Card, request: bytes) -> None:
    hostile.euicc.restore(hostile.start)
    request = b"\xbf\x2a" + bytes([len(request)]) + request
    command = bytes.fromhex("80E29100") + bytes([len(request)]) + request
    data, sw = hostile.packet(scp80.protect(KEYS, Spi(receipt_by_submit=True), TAR, 1, FOR_ISDP + command))
    assert (data, sw >> 8) == (b"", 0x91)
    assert {"serviceProviderName", "profileName"} <= hostile.profile.metadata.keys()
