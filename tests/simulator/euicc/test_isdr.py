"""The simulated eUICC's ISD-R: STORE DATA chains and the ES10a and ES10b functions without a download."""

from __future__ import annotations

import itertools

import pytest

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.rsp import signatures
from pytest_euicc.rsp.certificates import Certificate, Role
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.rsp.verification import verify_chain
from tests.support.sim_device import SELECT_ISDR, Device

EID = "89049032123451234512345678901235"
GET_EID = "BF3E035C015A"
UP_TO_253 = {"addresses-up-to-253"}


@pytest.fixture
def device():
    device = Device()
    device.open()
    return device


# ---------------------------------------------------------------------------------------------------- STORE DATA


def test_a_chain_of_blocks_is_one_request(device):
    assert device.send("81E2110002BF3E") == "9000"
    assert device.send("81E2110102035C") == "9000"
    assert device.send("81E2910202015A00") == f"BF3E125A10{EID}9000"


@pytest.mark.parametrize(
    ("blocks", "sw"),
    [
        (["81E2110002BF3E", "81E291020403 5C015A00"], "6A86"),
        (["81E2110002BF3E", "81E2910004035C015A00"], "6A86"),
        (["81E2910106BF3E035C015A00"], "6A86"),
        (["81E2110002BF3E", "81E2000104035C015A00"], "6A86"),
        (["81E2900006BF3E035C015A00"], "6A86"),
        (["81E2910004035C015A00"], "6A80"),
        (["81E2910000"], "6A80"),
    ],
    ids=["gap", "first block again", "no first block", "other P1", "other P1 alone", "second half alone", "empty"],
)
def test_refused_blocks_leave_nothing_for_the_next_command(device, blocks, sw):
    assert [device.send(block) for block in blocks][-1] == sw
    assert device.send("81E2910104035C015A00") == "6A86", "the chain is over"
    assert device.es10(GET_EID) == f"BF3E125A10{EID}9000"


def test_block_numbers_go_round_after_255(device):
    """A chain of 300 blocks: SetDefaultDpAddress in pieces of one octet."""
    request = bytes.fromhex("BF3F8201298082 0125") + b"a" * 293
    blocks = [request[at : at + 1] for at in range(len(request))]
    assert len(blocks) == 302
    for number, block in enumerate(blocks[:-1]):
        assert device.send(f"81E211{number & 0xFF:02X}01{block.hex()}") == "9000"
    assert device.send(f"81E291{301 & 0xFF:02X}01{blocks[-1].hex()}00") == "BF3F038001009000"


def test_before_selection_nothing_is_answered():
    device = Device()
    device.send("0070000001")
    assert device.es10(GET_EID) == "6985"
    device.send(f"01{SELECT_ISDR}")
    assert device.es10(GET_EID).endswith("9000")


@pytest.mark.parametrize(
    ("request_", "sw"),
    [("BF7F00", "6A88"), ("9F7000", "6A88"), ("BF3E", "6A80"), ("BF2E0001", "6A80"), ("BF3E00", "6A80")],
    ids=["unknown tag", "unknown primitive tag", "cut", "octets behind", "field missing"],
)
def test_what_is_no_request(device, request_, sw):
    assert device.es10(request_) == sw
    assert device.es10(GET_EID).endswith("9000")


def test_reset_ends_a_chain_and_the_selection(device):
    device.send("81E2110002BF3E")
    device.euicc.reset()
    assert device.es10(GET_EID) == "6881"
    device.open()
    assert device.es10(GET_EID).endswith("9000")


# ---------------------------------------------------------------------------------------------------- ES10a


def test_default_address_is_set_replaced_kept_and_removed(device):
    root = "81126C70612E64732E6578616D706C652E636F6D"
    assert device.es10("BF3C00") == f"BF3C14{root}9000"
    assert device.es10("BF3F03800161") == "BF3F038001009000"
    assert device.es10("BF3F068004612E6465") == "BF3F038001009000"
    assert device.es10("BF3C00") == f"BF3C1A8004612E6465{root}9000"
    device.euicc.reset()
    device.open()
    assert device.es10("BF3C00") == f"BF3C1A8004612E6465{root}9000"
    assert device.es10("BF3F028000") == "BF3F038001009000"
    assert device.es10("BF3C00") == f"BF3C14{root}9000"


def test_an_address_that_is_no_utf8_is_refused(device):
    assert device.es10("BF3F048002C328") == "6A80"
    assert "8002" not in device.es10("BF3C00")


# --------------------------------------------------------------------------------------------- ES10b: information


def test_challenges_are_fresh(device):
    answers = {device.es10("BF2E00") for _ in range(50)}
    assert len(answers) == 50
    assert all(answer.startswith("BF2E128010") and len(answer) == 2 * 21 + 4 for answer in answers)


def test_a_seed_makes_challenges_the_same_in_every_run():
    def challenges(seed):
        device = Device(seed=seed)
        device.open()
        return [device.es10("BF2E00") for _ in range(3)]

    assert challenges("a") == challenges("a")
    assert challenges("a") != challenges("b")


def test_randomness_comes_from_where_it_is_told():
    counter = itertools.count(1)
    device = Device(random=lambda size: bytes([next(counter)]) * size)
    device.open()
    assert device.es10("BF2E00") == "BF2E128010" + "01" * 16 + "9000"
    assert device.es10("BF2E00") == "BF2E128010" + "02" * 16 + "9000"


def test_euicc_info1_and_2_name_the_ci_keys_by_priority(device):
    nist, brainpool = (default_pki().ci(curve).subject_key_id or b"" for curve in ("nist", "brainpool"))
    keys = tlv.encode(0x04, nist) + tlv.encode(0x04, brainpool)
    wanted = bytes.fromhex("8203020600") + tlv.encode(0xA9, keys) + tlv.encode(0xAA, keys)
    assert device.whole("BF2000") == tlv.encode(0xBF20, wanted)
    info2 = device.whole("BF2200")
    assert tlv.find(info2, 0xBF22, 0xA9) == tlv.encode(0xA9, keys)
    assert tlv.find(info2, 0xBF22, 0xAA) == tlv.encode(0xAA, keys)
    assert codec.check_der(info2, "EUICCInfo2") == []


def test_ci_lists_follow_the_settings():
    device = Device(verification=("brainpool", "nist"), signing=("nist",))
    device.open()
    info = codec.decode("EUICCInfo1", device.whole("BF2000"))
    nist, brainpool = (default_pki().ci(curve).subject_key_id or b"" for curve in ("nist", "brainpool"))
    assert info["euiccCiPKIdListForVerification"] == [brainpool, nist]
    assert info["euiccCiPKIdListForSigning"] == [nist]


def test_capabilities_are_the_bits_of_the_settings():
    device = Device(
        uicc_capability={"usimSupport", "akaMilenage", "javacard"},
        rsp_capability={"additionalProfile", "testProfileSupport"},
        forbidden_ppr={"ppr2"},
        integrated=True,
        category=None,
    )
    device.open()
    info = device.whole("BF2200")
    # Named BIT STRINGs without trailing zero bits (X.690 11.2.2): bits 1, 4, 14; bits 0, 3; bit 2; bit 1.
    assert tlv.find(info, 0xBF22, 0x85).hex() == "8503014802"
    assert tlv.find(info, 0xBF22, 0x88).hex() == "88020490"
    assert tlv.find(info, 0xBF22, 0x99).hex() == "99020520"
    assert tlv.find(info, 0xBF22, 0x8D).hex() == "8d020640"
    with pytest.raises(tlv.TlvError):
        tlv.find(info, 0xBF22, 0x8B)


def _resources(device) -> list[int]:
    """extCardResource (ETSI TS 102 226 8.2.1.7.2): applications, free non-volatile, free volatile memory."""
    value = tlv.parse(tlv.find(device.whole("BF2200"), 0xBF22, 0x84)).value
    parts = {part.tag: int.from_bytes(part.value, "big") for part in tlv.parse_all(value)}
    return [parts[tag] for tag in (0x81, 0x82, 0x83)]


def test_a_deleted_profile_gives_its_memory_back(device):
    applications, free, volatile = _resources(device)
    assert applications == 0
    profile = device.euicc.state.profiles[0]
    assert device.es10(f"BF330C5A0A{profile.iccid.hex()}") == "BF33038001009000"
    assert _resources(device) == [applications, free + profile.memory, volatile]


def test_rules_authorisation_table():
    device = Device(rat=[{"rules": {"ppr1"}, "operators": [{"mcc_mnc": "00F110", "gid1": "AA"}]}])
    device.open()
    # SGP.22 5.7.22: pprIds (bit 1), allowedOperators, pprFlags (none set).
    rule = "80020640" + "A10A3008800300F1108101AA" + "820100"
    assert device.es10("BF4300") == f"BF4317A0153013{rule}9000"


# ---------------------------------------------------------------------------------------------------- notifications


def _enable(device, index=1) -> bytes:
    iccid = device.euicc.state.profiles[index].iccid
    assert device.es10(f"BF3111A00C5A0A{iccid.hex()}810100") == "BF31038001009000"
    return iccid


def test_one_notification_for_each_address(device):
    iccid = _enable(device)
    listed = codec.decode("ListNotificationResponse", device.whole("BF2800"))[1]
    assert [(entry["seqNumber"], entry["notificationAddress"]) for entry in listed] == [
        (1, "smdp.example.com"),
        (2, "second.example.com"),
    ]
    # NotificationEvent, bit 1: enable.
    assert all(entry["profileManagementOperation"] == (b"\x40", 2) and entry["iccid"] == iccid for entry in listed)


def test_listing_by_event(device):
    _enable(device)
    _enable(device, 0)

    def numbers(bits):
        return [
            entry["seqNumber"]
            for entry in codec.decode("ListNotificationResponse", device.whole(f"BF280481 02{bits}"))[1]
        ]

    assert numbers("0640") == [1, 2, 5]
    assert numbers("0520") == [3, 4]
    assert numbers("0560") == [1, 2, 3, 4, 5]
    assert device.es10("BF280481020780") == "BF2802A0009000"


def test_a_retrieved_notification_verifies_over_what_was_received(device):
    _enable(device)
    answer = device.whole("BF2B00")
    entries = tlv.parse(tlv.find(answer, 0xBF2B, 0xA0)).children()
    assert len(entries) == 2
    for entry in entries:
        metadata, signature, euicc, eum = entry.children()
        assert [part.tag for part in entry.children()] == [0xBF2F, 0x5F37, 0x30, 0x30]
        chain = [Certificate(euicc.octets), Certificate(eum.octets)]
        verify_chain(chain, default_pki().trust(), Role.EUICC, at=None, eid=bytes.fromhex(EID))
        assert signatures.verify(chain[0].public_key, metadata.octets, signature.value)
        assert not signatures.verify(chain[0].public_key, metadata.octets[:-1], signature.value)


def test_retrieving_by_number_and_by_event_removes_nothing(device):
    _enable(device)
    assert len(tlv.parse(tlv.find(device.whole("BF2B05A003800102"), 0xBF2B, 0xA0)).children()) == 1
    assert device.es10("BF2B05A003800109") == "BF2B02A0009000"
    assert len(tlv.parse(tlv.find(device.whole("BF2B06A00481020640"), 0xBF2B, 0xA0)).children()) == 2
    assert device.es10("BF2B06A00481020780") == "BF2B02A0009000"
    assert len(device.euicc.state.notifications) == 2


def test_removed_numbers_are_never_used_again(device):
    _enable(device)
    assert device.es10("BF3003800101") == "BF30038001009000"
    assert device.es10("BF3003800101") == "BF30038001019000"
    assert device.es10("BF3003800102") == "BF30038001009000"
    device.euicc.reset()
    device.open()
    assert device.es10("BF2800") == "BF2802A0009000"
    _enable(device, 0)
    numbers = [entry.number for entry in device.euicc.state.notifications]
    assert numbers == [3, 4, 5], "two of disabling, one of enabling"


def test_the_list_is_bounded_and_the_oldest_goes_first():
    device = Device(notification_limit=2)
    device.open()
    _enable(device)
    _enable(device, 0)
    assert [entry.number for entry in device.euicc.state.notifications] == [4, 5]


@pytest.mark.parametrize(
    ("request_", "right", "read"),
    [
        ("BF2804810209FF", "6A80", "BF28"),
        ("BF280481020900", "6A80", "BF2802A0009000"),
        ("BF28028100", "6A80", "BF2802A0009000"),
        ("BF2B04A0028000", "6A80", "BF2B02A0009000"),
        ("BF2B04A0028200", "6A80", "6A80"),
    ],
)
def test_malformed_criteria_are_refused_or_read_as_far_as_they_go(request_, right, read):
    for variants, expected in ((), right), ({"malformed-criteria-are-read"}, read):
        device = Device(variants={"notifications-from-before", *variants})
        device.open()
        assert device.es10(request_).startswith(expected)
        assert device.euicc.state.notifications


@pytest.mark.parametrize(("variants", "octets", "result"), [((), 254, 0), (UP_TO_253, 253, 0), (UP_TO_253, 254, 127)])
def test_an_address_longer_than_a_host_name_may_be_refused(variants, octets, result):
    device = Device(variants=variants)
    channel = device.open()
    request = f"BF3F82{octets + 3:04X}8081{octets:02X}{'61' * octets}"
    assert device.send(f"8{channel}E21100FF{request[:510]}00") == "9000"
    rest = request[510:]
    answer = device.send(f"8{channel}E29101{len(rest) // 2:02X}{rest}00")
    assert answer == f"BF3F038001{result:02X}9000"


# ------------------------------------------------------------------------------------------------ unknown elements


@pytest.mark.parametrize(
    ("variant", "request_", "type_name"),
    [
        ("answers-with-unknown-element", GET_EID, "GetEuiccDataResponse"),
        ("answers-with-unknown-element", "BF2E00", "GetEuiccChallengeResponse"),
        ("notification-with-unknown-element", "BF2800", "ListNotificationResponse"),
        ("rules-with-unknown-element", "BF4300", "GetRatResponse"),
    ],
)
def test_an_element_that_nobody_knows_is_seen_and_read_past(variant, request_, type_name):
    plain, varied = (
        Device(variants={"notifications-from-before"}),
        Device(variants={"notifications-from-before", variant}),
    )
    for device in (plain, varied):
        device.open()
    known, found = (codec.receive(type_name, device.whole(request_)) for device in (plain, varied))
    assert not known.unknown
    assert found.unknown
    assert codec.encode(type_name, found.value) != varied.whole(request_)
    if type_name != "GetEuiccChallengeResponse":
        assert found.value == known.value


# --------------------------------------------------------------------------------------------------- a vendor's AID


def test_the_isdr_has_the_aid_of_the_settings_and_no_other():
    aid = "A0000005591010FFFFFFFF8900000177"
    device = Device(isdr_aid=aid)
    assert device.send("0070000001") == "019000"
    assert device.send(f"01{SELECT_ISDR}") == "6A82"
    answer = device.send(f"01A4040010{aid}00")
    assert f"8410{aid}" in answer
    assert device.es10(GET_EID).endswith(f"{EID}9000")
