"""The simulated eUICC at its contacts: ATR, classes, channels, files, proactive commands."""

from __future__ import annotations

import pytest

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.atr import Atr
from tests.support.sim_device import ISDR, SELECT_ISDR, Device

ECASD = "A0000005591010FFFFFFFF8900000200"


@pytest.fixture
def device():
    return Device()


@pytest.fixture
def with_profile():
    """A card whose first profile is enabled."""
    device = Device()
    device.open()
    first = device.euicc.state.profiles[0].iccid.hex()
    assert device.es10(f"BF3111A00C5A0A{first}810100") == "BF31038001009000"
    return device


# ---------------------------------------------------------------------------------------------------- ATR


@pytest.mark.parametrize(("protocol", "number"), [("T=0", 0), ("T=1", 1)])
def test_atr_announces_one_protocol_channels_and_euicc_functions(protocol, number):
    atr = Atr.parse(Device(protocol=protocol).euicc.reset())
    assert atr.protocols == (number,)
    assert atr.checksum == "right"
    # ETSI TS 102 221 6.3.3: bit 2 of the first TB after T=15.
    (after_t15,) = atr.global_interface
    assert after_t15["TB"] & 0x02
    # ISO 7816-4 12.1.1.9: card capabilities, third octet: assigned by card and device, eight channels or more.
    assert atr.historical[0] == 0x80
    at = atr.historical.index(0x73)
    assert atr.historical[at + 3] & 0x1F == 0x1F


# ---------------------------------------------------------------------------------------------------- ISO errors


@pytest.mark.parametrize(
    ("apdu", "sw"),
    [
        ("A0A40000023F00", "6E00"),
        ("04A40000023F00", "6E00"),
        ("00FE000000", "6D00"),
        ("80A40000023F00", "6E00"),
        ("00E2910003BF2200", "6E00"),
        ("00A4", "6700"),
        ("00A40000033F00", "6700"),
        ("00A40000013F", "6700"),
        ("00A40000043F002FE2", "6700"),
        ("00A4040000000210203040", "6700"),
        ("00A40300023F00", "6A86"),
        ("00A40002023F00", "6A86"),
        ("00A40000026F07", "6A82"),
        ("01A40000023F00", "6881"),
        ("4FA40000023F00", "6881"),
        ("0070000101", "9000"),
        ("0070001401", "6A86"),
        ("00704000", "6A86"),
        ("00708005", "6881"),
        ("00708000", "6A86"),
        ("00B0000000", "6986"),
        ("00B2010400", "6986"),
        ("00B2010500", "6A86"),
        ("00C0000010", "6985"),
        ("80AA000000", "6700"),
        ("80AA000002A900", "9000"),
        ("80AA0000058101028203", "6A80"),
        ("80AA0100 02A900", "6A86"),
        ("80100000", "6700"),
        ("8010000003FFFFFF", "9000"),
        ("8010010003FFFFFF", "6A86"),
        ("8012000000", "6985"),
        ("801400000281 01", "6985"),
        ("80F2030000", "6A86"),
        ("80F2000200", "6A86"),
        ("80F2000100", "6A88"),
        ("80E2910003BF2200", "6D00"),
        ("80FC010000", "6A86"),
    ],
)
def test_status_words_of_wrong_commands(device, apdu, sw):
    assert device.send(apdu)[-4:] == sw
    assert device.send("00A40004023F0000").endswith("9000"), "the card goes on"


@pytest.mark.parametrize("defects", [(), ("files-change-at-reset",)])
def test_the_files_change_with_the_profile(defects):
    device = Device(defects=defects)
    profile = device.euicc.state.profiles[0]
    read = ["00A40004023F0000", "00A40004022FE200", "00B000000A"]
    device.open()
    assert device.es10(f"BF3111A00C5A0A{profile.iccid.hex()}810100") == "BF31038001009000"
    at_once = [device.send(apdu) for apdu in read][-1]
    device.euicc.reset()
    assert [device.send(apdu) for apdu in read][-1] == f"{profile.iccid.hex()}9000".upper()
    assert (at_once[-4:] == "9000") is not bool(defects)


@pytest.mark.parametrize("sw", ["6A82", "6A87"])
def test_a_short_identifier_may_have_another_status_word(sw):
    device = Device(variants={f"short-identifier-is-{sw.lower()}"})
    assert device.send("00A4000C013F") == sw
    assert device.send("00A4000C023F00") == "9000"


def test_unknown_aid_leaves_the_selection_as_it_was(device):
    channel = device.open()
    assert device.send(f"0{channel}A4040007A000000559FFFF00") == "6A82"
    assert device.es10("BF3E035C015A", channel).startswith("BF3E125A10")


def test_ecasd_is_not_to_be_selected_and_selecting_it_harms_nothing(device):
    assert device.send(f"00A4040010{ECASD}00") == "6A82"
    assert device.send(f"00{SELECT_ISDR}").endswith("9000")


# ---------------------------------------------------------------------------------------------------- ISD-R selection


def test_fci_of_the_isdr(device):
    fci = tlv.parse(bytes.fromhex(device.send(f"00{SELECT_ISDR}")[:-4]))
    assert fci.tag == 0x6F
    assert tlv.find(fci.octets, 0x6F, 0x84) == bytes.fromhex("8410" + ISDR)
    assert tlv.find(fci.octets, 0x6F, 0xE0, 0x82) == bytes.fromhex("8203020600")


def test_fci_announces_an_lpae_when_there_is_one():
    octets = bytes.fromhex(Device(lpae=True).send(f"00{SELECT_ISDR}")[:-4])
    template = tlv.parse(tlv.find(octets, 0x6F, 0xE0))
    # SGP.22 5.7.1: svn [2], lpaeSupport BIT STRING: no automatic tags beside a tag (X.680 25.2). Bit 0: using CAT.
    assert [child.octets.hex() for child in template.children()] == ["8203020600", "03020780"]
    with pytest.raises(tlv.TlvError):
        tlv.find(bytes.fromhex(Device().send(f"00{SELECT_ISDR}")[:-4]), 0x6F, 0xE0, 0x03)


# ---------------------------------------------------------------------------------------------------- channels


def test_nineteen_channels_and_no_more(device):
    numbers = [device.send("0070000001") for _ in range(19)]
    assert numbers == [f"{number:02X}9000" for number in range(1, 20)]
    assert device.send("0070000001") == "6A81"
    assert device.send("00708007") == "9000"
    assert device.send("0070000001") == "079000"


def test_further_interindustry_class_reaches_channels_four_to_nineteen(device):
    for _ in range(19):
        device.send("0070000001")
    assert device.send(f"4F{SELECT_ISDR}").endswith("9000")
    assert device.send("CFE2910006BF3E035C015A00").startswith("BF3E125A10")
    assert device.send("CEE2910006BF3E035C015A00") == "6985", "channel 18 has selected nothing"


def test_a_channel_of_chosen_number_opens_once(device):
    assert device.send("00700005") == "9000"
    assert device.send("00700005") == "6A86"


def test_opening_without_le_opens_nothing(device):
    assert device.send("00700000") == "6C01"
    assert device.send("0070000001") == "019000"


def test_a_closed_channel_takes_its_session_along(device):
    device.open()
    assert device.send("81E2110002BF3E") == "9000"
    assert device.send("00708001") == "9000"
    assert device.es10("BF2E00") == "6881"
    assert device.send("00700001") == "9000"
    assert device.es10("BF2E00") == "6985", "the ISD-R has to be selected again"


def test_chains_on_two_channels_do_not_mix(device):
    assert (device.open(), device.open()) == (1, 2)
    assert device.send("81E2110003BF3E03") == "9000"
    assert device.send("82E2110002BF2E") == "9000"
    assert device.send("81E29101035C015A00").startswith("BF3E125A10")
    assert device.send("82E29101010000").startswith("BF2E128010")


def test_a_channel_opened_from_another_has_its_selection(with_profile):
    with_profile.send("0070000001")
    with_profile.send("02A40804022FE200")
    assert with_profile.send("0270000001") == "039000"
    assert with_profile.send("03B000000A").endswith("9000")
    assert with_profile.send("0070000001") == "049000"
    assert with_profile.send("40B000000A") == "6986", "opened from the basic channel: the MF"


# ---------------------------------------------------------------------------------------------------- T=0


def test_on_t0_answers_to_command_data_wait_for_get_response():
    device = Device(protocol="T=0")
    answer = device.send(f"00A4040010{ISDR}")
    assert answer[:2] == "61"
    length = answer[2:]
    assert device.send("00C00000FF") == f"6C{length}"
    assert device.send("00C0000005")[-4:] == f"61{int(length, 16) - 5:02X}"
    rest = device.send("00C0000000")
    assert rest.endswith("9000")
    assert device.send("00C0000000") == "6985"


def test_on_t0_any_other_command_drops_the_waiting_answer():
    device = Device(protocol="T=0")
    device.send(f"00A4040010{ISDR}")
    device.send("0070000001")
    assert device.send("00C0000000") == "6985"


def test_on_t0_a_short_le_is_put_right():
    device = Device(protocol="T=0")
    answer = device.send("80F2000001")
    assert answer[:2] == "6C"
    assert device.send(f"80F20000{answer[2:]}").endswith("9000")


def test_an_answer_of_more_than_256_octets_comes_in_portions(device):
    device.open()
    first = device.es10("BF2D00")
    assert len(first) == 2 * 256 + 4
    assert first[-4:-2] == "61"
    whole = tlv.parse(device.whole("BF2D00"))
    assert whole.tag == 0xBF2D
    assert len(whole.octets) > 512


# ---------------------------------------------------------------------------------------------------- files


def _fcp(answer: str) -> dict[int, bytes]:
    assert answer.endswith("9000")
    template = tlv.parse(bytes.fromhex(answer[:-4]))
    assert template.tag == 0x62
    return {child.tag: child.value for child in template.children()}


def test_fcp_of_the_mf(device):
    """ETSI TS 102 221 11.1.1.3.1: file descriptor, identifier, proprietary, life cycle, security, PIN status."""
    fcp = _fcp(device.send("00A40004023F0000"))
    assert fcp[0x82] == bytes.fromhex("7821")
    assert fcp[0x83] == bytes.fromhex("3F00")
    assert fcp[0x8A] == b"\x05"
    assert {0xA5, 0x8B, 0xC6} <= fcp.keys()


def test_fcp_of_ef_iccid_and_ef_dir(with_profile):
    """ETSI TS 102 221 11.1.1.3.2, 13.1, 13.2."""
    iccid = _fcp(with_profile.send("00A40004022FE200"))
    assert (iccid[0x82], iccid[0x83], iccid[0x80]) == (b"\x41\x21", b"\x2f\xe2", b"\x00\x0a")
    directory = _fcp(with_profile.send("00A40004022F0000"))
    assert directory[0x82] == bytes.fromhex("42210026 01")
    assert directory[0x80] == b"\x00\x26"


def test_ef_iccid_is_that_of_the_enabled_profile(with_profile):
    assert with_profile.send("00A4080C022FE2") == "9000"
    assert with_profile.send("00B000000A") == first_iccid(with_profile) + "9000"
    assert with_profile.send("00B0000902") == "6C01"
    assert with_profile.send("00B0000B00") == "6B00"
    assert with_profile.send("00B2010400") == "6981"
    assert with_profile.send("00B082000A") == first_iccid(with_profile) + "9000", "short identifier 02"
    assert with_profile.send("00B09D0000") == "6A82", "short identifier 1D"


def first_iccid(device) -> str:
    return device.euicc.state.profiles[0].iccid.hex().upper()


def test_ef_dir_leads_to_the_usim(with_profile):
    assert with_profile.send("00A4000C022F00") == "9000"
    record = bytes.fromhex(with_profile.send("00B2010426")[:-4])
    assert len(record) == 0x26
    application = tlv.read(record, 0)
    aid = tlv.find(application.octets, 0x61, 0x4F)[2:]
    assert aid[:7] == bytes.fromhex("A0000000871002"), "3GPP USIM (ETSI TS 101 220 annex E)"
    assert with_profile.send("00B2020400") == "6A83"
    fcp = _fcp(with_profile.send(f"00A40404{len(aid):02X}{aid.hex()}00"))
    assert fcp[0x84] == aid
    assert with_profile.send("00A4000C026F07") == "9000"
    # 3GPP TS 31.102 4.2.2: length, then odd parity and 001 01 4567890001, digits swapped.
    assert with_profile.send("00B0000009") == "0809101054769800109000"
    assert _fcp(with_profile.send("00A40004027FFF00"))[0x84] == aid


def test_no_profile_no_files(device):
    assert device.send("00A4000C022FE2") == "6A82"
    assert device.send("00A4040007A000000087100200") == "6A82"


def test_status_tells_without_selecting(with_profile):
    with_profile.send("00A4000C022FE2")
    assert _fcp(with_profile.send("80F2000000"))[0x83] == b"\x3f\x00"
    assert with_profile.send("80F2000C") == "9000"
    assert with_profile.send("00B000000A").endswith("9000"), "EF ICCID is still the current file"
    assert with_profile.send("81F2000100") == f"8410{ISDR}9000"


# ---------------------------------------------------------------------------------------------------- proactive


def test_refresh_is_announced_fetched_and_answered(device):
    device.open()
    iccid = device.euicc.state.profiles[0].iccid.hex()
    # ETSI TS 102 223 6.6.13, 8.6: REFRESH, eUICC profile state change.
    refresh = "D009810301010982028182"
    assert device.es10(f"BF3111A00C5A0A{iccid}8101FF") == "BF3103800100910B"
    assert device.send("8012000005") == "6C0B"
    assert device.send("801200000B") == f"{refresh}9000"
    assert device.send("80140000") == "6700"
    assert device.send("801400000C810301010982028281830100") == "9000"
    assert device.send("801200000B") == "6985"


def test_the_waiting_refresh_is_announced_until_it_is_fetched(device):
    device.open()
    iccid = device.euicc.state.profiles[0].iccid.hex()
    device.es10(f"BF3111A00C5A0A{iccid}8101FF")
    assert device.send("00A4000C023F00") == "910B"
    device.euicc.reset()
    assert device.send("00A4000C023F00") == "9000"


def test_without_terminal_profile_no_refresh_is_announced(device):
    device.euicc.reset()
    device.open()
    profile = device.euicc.state.profiles[0]
    assert device.es10(f"BF3111A00C5A0A{profile.iccid.hex()}8101FF") == "BF31038001009000"
    assert device.euicc.state.enabled.iccid == profile.iccid
    assert device.send("00A4000C023F00") == "9000"
    assert device.send("801200000B") == "6985"


# ---------------------------------------------------------------------------------------------------- restore


def test_restore_command_brings_the_personalised_state_back(with_profile):
    before = Device().euicc.state
    with_profile.es10("BF3F06800473646D70")
    assert with_profile.euicc.state != before
    assert with_profile.send("80FC000000") == "9000"
    assert with_profile.euicc.state == before
    assert with_profile.send("00A4000C022FE2") == "6A82"
    assert with_profile.es10("BF2E00") == "6881", "channels are closed"


def test_restore_command_is_for_the_basic_channel(device):
    device.open()
    assert device.send("81FC000000") == "6881"


def test_a_snapshot_is_put_back_whole(device):
    device.open()
    snapshot = device.euicc.snapshot()
    iccid = device.euicc.state.profiles[3].iccid.hex()
    assert device.es10(f"BF330C5A0A{iccid}") == "BF33038001009000"
    device.euicc.restore(snapshot)
    device.open()
    assert iccid in device.whole("BF2D00").hex()
    assert device.es10("BF2800") == "BF2802A0009000"
