"""The ES10 client against scripted answers; requests and responses are written out by hand from SGP.22 5.7."""

from __future__ import annotations

import re

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.es10.fci import Fci, FciError
from pytest_euicc.es10.functions import FUNCTIONS
from pytest_euicc.es10.isdr import ISDR_AID, Es10Error, Isdr, profile_identifier
from tests.support.scripted import Script

ICCID = bytes.fromhex("98001032547698103214")


def isdr_with(*exchanges: tuple[str, str], aid: bytes = ISDR_AID) -> Isdr:
    """An ISD-R on channel 1 that answers STORE DATA with these contents; spaces are for people."""
    script = ["0070000001 019000"]
    for request, response in exchanges:
        data = bytes.fromhex(request)
        script.append(f"81E29100{len(data):02X}{data.hex().upper()}00 {bytes.fromhex(response).hex().upper()}")
    card = Card(Script("\n".join(script)))
    return Isdr(card.open_channel(), aid)


def done(isdr: Isdr) -> bool:
    assert isinstance(isdr.channel.card.transport, Script)
    return isdr.channel.card.transport.done


# SGP.22 Annex on tags, 5.7: every function with the tag of its request
@pytest.mark.parametrize(
    ("name", "tag", "interface"),
    [
        ("get_euicc_configured_addresses", 0xBF3C, "ES10a"),
        ("set_default_dp_address", 0xBF3F, "ES10a"),
        ("prepare_download", 0xBF21, "ES10b"),
        ("load_bound_profile_package", 0xBF36, "ES10b"),
        ("get_euicc_challenge", 0xBF2E, "ES10b"),
        ("get_euicc_info1", 0xBF20, "ES10b"),
        ("get_euicc_info2", 0xBF22, "ES10b"),
        ("list_notification", 0xBF28, "ES10b"),
        ("retrieve_notifications_list", 0xBF2B, "ES10b"),
        ("remove_notification_from_list", 0xBF30, "ES10b"),
        ("load_crl", 0xBF35, "ES10b"),
        ("authenticate_server", 0xBF38, "ES10b"),
        ("cancel_session", 0xBF41, "ES10b"),
        ("get_rat", 0xBF43, "ES10b"),
        ("get_profiles_info", 0xBF2D, "ES10c"),
        ("enable_profile", 0xBF31, "ES10c"),
        ("disable_profile", 0xBF32, "ES10c"),
        ("delete_profile", 0xBF33, "ES10c"),
        ("euicc_memory_reset", 0xBF34, "ES10c"),
        ("get_eid", 0xBF3E, "ES10c"),
        ("set_nickname", 0xBF29, "ES10c"),
    ],
)
def test_the_table_of_functions(name: str, tag: int, interface: str) -> None:
    function = FUNCTIONS[name]
    assert (function.name, function.tag, function.interface) == (name, tag, interface)
    assert function.response_tag == (0xBF37 if name == "load_bound_profile_package" else tag)
    assert re.fullmatch(r"5\.7\.\d+", function.clause)
    assert callable(getattr(Isdr, name))


def test_the_table_has_no_other_function() -> None:
    assert len(FUNCTIONS) == 21
    assert len({function.tag for function in FUNCTIONS.values()}) == 21


def test_select_and_the_fci() -> None:
    aid = ISDR_AID.hex().upper()
    fci = "6F1B" + f"8410{aid}" + "A500" + "E005" + "8203020600"
    card = Card(Script(f"0070000001 019000\n01A4040010{aid}00 {fci}9000"))
    isdr = Isdr(card.open_channel())
    read = isdr.fci(isdr.select())
    assert (read.aid, read.svn, read.octets.hex().upper()) == (ISDR_AID, "2.6.0", fci)


def test_a_vendors_own_aid() -> None:
    card = Card(Script("0070000001 019000\n01A4040005A00000055900 6A82"))
    isdr = Isdr(card.open_channel(), bytes.fromhex("A000000559"))
    assert isdr.select().sw == 0x6A82


def test_the_template_inside_the_proprietary_part() -> None:
    assert Fci.parse(bytes.fromhex("6F0B8400A507E0058203020200")).svn == "2.2.0"


def test_an_fci_that_says_nothing_of_sgp22() -> None:
    read = Fci.parse(bytes.fromhex("6F048402A000"))
    assert (read.aid, read.isdr, read.svn) == (b"\xa0\x00", None, "")


@pytest.mark.parametrize("octets", ["", "6F", "6204", "62028200", "6F058402A000", "6F078403A000E00182"])
def test_what_is_no_fci(octets: str) -> None:
    with pytest.raises(FciError):
        Fci.parse(bytes.fromhex(octets))


def test_a_reply_keeps_what_was_sent_and_received() -> None:
    challenge = "000102030405060708090A0B0C0D0E0F"
    isdr = isdr_with(("BF2E00", f"BF2E128010{challenge} 9000"))
    reply = isdr.call("get_euicc_challenge")
    assert (reply.sent.hex(), reply.sw, reply.ok) == ("bf2e00", 0x9000, True)
    assert reply.octets.hex().upper() == f"BF2E128010{challenge}"
    assert reply.received is not None
    assert reply.value == {"euiccChallenge": bytes.fromhex(challenge)}


def test_a_status_word_instead_of_a_response() -> None:
    reply = isdr_with(("BF2E00", "6985")).call("get_euicc_challenge")
    assert (reply.received, reply.octets, reply.sw, reply.ok) == (None, b"", 0x6985, False)
    with pytest.raises(Es10Error, match=re.escape("ES10b.GetEUICCChallenge: the eUICC answered 6985 (conditions not")):
        _ = reply.value


def test_no_data() -> None:
    with pytest.raises(Es10Error, match="answered 9000 and no data"):
        isdr_with(("BF2E00", "9000")).get_euicc_challenge()


@pytest.mark.parametrize("octets", ["BF2E", "BF2200", "BF2E038001AA", "04"])
def test_octets_that_are_no_response(octets: str) -> None:
    reply = isdr_with(("BF2E00", f"{octets} 9000")).call("get_euicc_challenge")
    assert reply.received is None
    assert reply.fault is not None
    assert reply.octets == bytes.fromhex(octets)
    with pytest.raises(Es10Error, match=r"ES10b\.GetEUICCChallenge: the response cannot be read"):
        _ = reply.value


def test_a_request_has_to_be_given_where_there_is_no_default() -> None:
    with pytest.raises(ValueError, match=r"ES10c\.DeleteProfile needs a DeleteProfileRequest"):
        isdr_with().call("delete_profile")


def test_octets_that_are_sent_as_they_are() -> None:
    isdr = isdr_with(("BF2E01", "6A80"))
    assert isdr.send("get_euicc_challenge", bytes.fromhex("BF2E01")).sw == 0x6A80


def test_es10a() -> None:
    isdr = isdr_with(
        ("BF3C00", "BF3C0C 8004 612E6232 8104 732E6473 9000"),
        ("BF3F06 8004 612E6232", "BF3F03 800100 9000"),
        ("BF3F02 8000", "BF3F03 80017F 9000"),
    )
    assert isdr.get_euicc_configured_addresses() == {"defaultDpAddress": "a.b2", "rootDsAddress": "s.ds"}
    assert isdr.set_default_dp_address("a.b2") == 0
    assert isdr.set_default_dp_address("") == 127
    assert done(isdr)


def test_notifications() -> None:
    metadata = f"BF2F19 800105 81020780 0C04612E6232 5A0A{ICCID.hex()}"
    isdr = isdr_with(
        ("BF2800", f"BF281E A01C {metadata} 9000"),
        ("BF2804 81020560", "BF2802 A000 9000"),
        ("BF2B05 A003 800105", "BF2B03 810101 9000"),
        ("BF3003 800105", "BF3003 800100 9000"),
    )
    name, listed = isdr.list_notification()
    assert (name, listed[0]["seqNumber"], listed[0]["notificationAddress"]) == ("notificationMetadataList", 5, "a.b2")
    assert isdr.list_notification("notificationEnable", "notificationDisable") == ("notificationMetadataList", [])
    assert isdr.retrieve_notifications_list(5) == ("notificationsListResultError", 1)
    assert isdr.remove_notification_from_list(5) == 0
    assert done(isdr)


def test_profiles_are_named_by_iccid_or_aid() -> None:
    aid = bytes.fromhex("A0000005591010FFFFFFFF8900001000")
    iccid = ICCID.hex()
    isdr = isdr_with(
        (f"BF3111 A00C 5A0A{iccid} 810100", "BF3103 800100 9000"),
        (f"BF3117 A012 4F10{aid.hex()} 8101FF", "BF3103 800105 9000"),
        (f"BF3211 A00C 5A0A{iccid} 810100", "BF3203 800102 9000"),
        (f"BF330C 5A0A{iccid}", "BF3303 800103 9000"),
        (f"BF2910 5A0A{iccid} 90027879", "BF2903 800101 9000"),
    )
    assert profile_identifier(aid) == ("isdpAid", aid)
    assert isdr.enable_profile(ICCID) == 0
    assert isdr.enable_profile(aid, refresh=True) == 5
    assert isdr.disable_profile(ICCID) == 2
    assert isdr.delete_profile(ICCID) == 3
    assert isdr.set_nickname(ICCID, "xy") == 1
    assert done(isdr)


def test_memory_reset_and_eid() -> None:
    eid = "89049032123451234512345678901235"
    isdr = isdr_with(
        ("BF3404 820205A0", "BF3403 800100 9000"),
        ("BF3E03 5C015A", f"BF3E12 5A10{eid} 9000"),
    )
    assert isdr.euicc_memory_reset("deleteOperationalProfiles", "resetDefaultSmdpAddress") == 0
    assert isdr.get_eid() == eid


def test_profiles_info_and_rat() -> None:
    isdr = isdr_with(("BF2D00", "BF2D02 A000 9000"), ("BF4300", "BF4302 A000 9000"))
    assert isdr.get_profiles_info() == ("profileInfoListOk", [])
    assert isdr.get_rat() == []


def test_segments_until_there_is_a_result() -> None:
    isdr = isdr_with(("BF3600", "9000"), ("A000", "6985"))
    reply = isdr.load_bound_profile_package([b"\xbf\x36\x00", b"\xa0\x00", b"\xa1\x00"])
    assert (reply.sw, reply.sent) == (0x6985, b"\xa0\x00")
    with pytest.raises(ValueError, match="at least one segment"):
        isdr.load_bound_profile_package([])
