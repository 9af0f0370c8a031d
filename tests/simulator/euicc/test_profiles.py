"""Local profile management on the simulated eUICC: ES10c, octet by octet (SGP.22 5.7.15 to 5.7.21)."""

from __future__ import annotations

import pytest

from pytest_euicc.asn1 import codec, tlv
from tests.support.sim_device import Device

PLAIN, OTHER, PPR1, PPR2, QUIET, TEST, PROVISIONING, TEST_2 = 0, 1, 4, 5, 6, 7, 10, 11
OK, UNKNOWN, WRONG_STATE, BY_POLICY, WRONG_REENABLING, CAT_BUSY = "00", "01", "02", "03", "04", "05"
REFRESH, NO_REFRESH = "FF", "00"


class Manager(Device):
    """A device whose ISD-R is selected, with the profiles of the default settings by number."""

    def __init__(self, **settings):
        super().__init__(**settings)
        self.open()
        self.iccids = [profile.iccid.hex() for profile in self.euicc.state.profiles]

    def enable(self, number, refresh=NO_REFRESH) -> str:
        answer = self.es10(f"BF3111A00C5A0A{self.iccids[number]}8101{refresh}")
        assert answer.startswith("BF31038001")
        return answer[10:12]

    def disable(self, number, refresh=NO_REFRESH) -> str:
        answer = self.es10(f"BF3211A00C5A0A{self.iccids[number]}8101{refresh}")
        assert answer.startswith("BF32038001")
        return answer[10:12]

    def delete(self, number) -> str:
        answer = self.es10(f"BF330C5A0A{self.iccids[number]}")
        assert answer.startswith("BF33038001")
        return answer[10:12]

    def nickname(self, number, text: bytes) -> str:
        value = f"5A0A{self.iccids[number]}90{len(text):02X}{text.hex()}"
        answer = self.es10(f"BF29{len(value) // 2:02X}{value}")
        assert answer.startswith("BF29038001")
        return answer[10:12]

    def reset_memory(self, bits: str) -> str:
        """*bits*: unused bits and octet of resetOptions."""
        answer = self.es10(f"BF34048202{bits}")
        assert answer.startswith("BF34038001")
        return answer[10:12]

    def profiles(self, request="BF2D00"):
        return codec.decode("ProfileInfoListResponse", self.whole(request))

    def states(self) -> list[int]:
        """Numbers of the enabled profiles, as GetProfilesInfo has them."""
        listed = self.profiles()[1]
        return [self.iccids.index(entry["iccid"].hex()) for entry in listed if entry["profileState"] == 1]

    def events(self) -> list[tuple[str, int]]:
        listed = self.euicc.state.notifications
        return [(entry.event, self.iccids.index((entry.iccid or b"").hex())) for entry in listed]


@pytest.fixture
def card():
    return Manager()


# ---------------------------------------------------------------------------------------------------- GetProfilesInfo


def test_default_tags_have_no_rules(card):
    listed = tlv.parse(tlv.find(card.whole("BF2D00"), 0xBF2D, 0xA0)).children()
    assert len(listed) == 12
    assert {child.tag for entry in listed for child in entry.children()} == {
        0x5A, 0x4F, 0x9F70, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95,
    }  # fmt: skip


def test_only_the_tags_asked_for(card):
    answer = card.whole(f"BF2D14A00C5A0A{card.iccids[PPR1]}5C045AB79994")
    (entry,) = tlv.parse(tlv.find(answer, 0xBF2D, 0xA0)).children()
    # PprIds, bit 1; profileOwner 001 01; no icon, for there is none.
    wanted = f"5A0A{card.iccids[PPR1]}" + "B705800300F110" + "99020640"
    assert entry.octets.hex().upper() == f"E3{len(wanted) // 2:02X}{wanted}".upper()


@pytest.mark.parametrize(
    ("request_", "count"),
    [
        ("BF2D05A003950100", 2),
        ("BF2D05A003950101", 1),
        ("BF2D05A003950102", 9),
        ("BF2D0EA00C5A0A00000000000000000000", 0),
        ("BF2D14A0124F10A0000005591010FFFFFFFF8900001002", 1),
        ("BF2D14A0124F10A0000005591010FFFFFFFF89000010FF", 0),
        ("BF2D045C025FFF", None),
        ("BF2D045C029F70", 12),
        ("BF2D045C025F7F", 12),
    ],
    ids=["test", "provisioning", "operational", "no ICCID", "AID", "no AID", "cut tag", "state", "unknown tag"],
)
def test_search_criteria_and_tag_lists(card, request_, count):
    kind, value = card.profiles(request_)
    if count is None:
        assert (kind, int(value)) == ("profileInfoListError", 1)
    else:
        assert (kind, len(value)) == ("profileInfoListOk", count)


@pytest.mark.parametrize(
    "request_",
    ["BF2D04A0025A00", "BF2D02A000", "BF2D025C05"],
    ids=["ICCID of no octets", "criteria without a choice", "cut"],
)
def test_malformed_requests_are_refused(card, request_):
    assert card.es10(request_) == "6A80"


def test_a_class_that_does_not_exist_finds_nothing(card):
    assert card.es10("BF2D05A003950103") in ("6A80", "BF2D02A0009000")


# ---------------------------------------------------------------------------------------------------- EnableProfile


def test_enabling_replaces_what_was_enabled(card):
    assert card.enable(PLAIN) == OK
    assert card.states() == [PLAIN]
    assert card.enable(OTHER) == OK
    assert card.states() == [OTHER]
    # The second profile has two addresses for every event.
    assert card.events() == [("enable", PLAIN), ("disable", PLAIN), ("enable", OTHER), ("enable", OTHER)]


def test_enabling_by_aid(card):
    answer = card.es10("BF3117A0124F10A0000005591010FFFFFFFF8900001001810100")
    assert answer == "BF31038001009000"
    assert card.states() == [OTHER]


def test_what_cannot_be_enabled(card):
    assert card.es10("BF3111A00C5A0A00000000000000000000810100") == "BF31038001019000"
    card.enable(PLAIN)
    assert card.enable(PLAIN) == WRONG_STATE
    assert card.states() == [PLAIN]
    assert card.es10("BF310AA0055A03000000810100") == "6A80"


def test_enabled_state_survives_a_reset(card):
    card.enable(PLAIN)
    card.euicc.reset()
    card.open()
    assert card.states() == [PLAIN]


def test_ppr1_keeps_its_place_except_under_a_test_profile(card):
    assert card.enable(PPR1) == OK
    assert card.enable(PLAIN) == BY_POLICY
    assert card.disable(PPR1) == BY_POLICY
    assert card.events() == [("enable", PPR1)]
    assert card.enable(TEST) == OK
    assert card.states() == [TEST]
    assert card.disable(TEST) == OK
    assert card.states() == [PPR1]


def test_from_a_test_profile_only_the_profile_before_comes_back(card):
    card.enable(PLAIN)
    card.enable(TEST)
    assert card.enable(OTHER) == WRONG_REENABLING
    assert card.enable(TEST_2) == OK
    assert card.enable(OTHER) == WRONG_REENABLING, "the profile before is remembered through two test profiles"
    assert card.enable(PLAIN) == OK
    assert card.states() == [PLAIN]
    assert card.enable(OTHER) == OK


def test_without_a_profile_before_a_test_profile_gives_way_to_any(card):
    card.enable(TEST)
    assert card.enable(OTHER) == OK


def test_a_deleted_profile_before_is_not_waited_for(card):
    card.enable(PLAIN)
    card.enable(TEST)
    assert card.delete(PLAIN) == OK
    assert card.enable(OTHER) == OK


def test_refresh_only_when_asked_for_and_done(card):
    assert card.es10(f"BF3111A00C5A0A{card.iccids[PLAIN]}810100").endswith("9000")
    assert card.es10(f"BF3111A00C5A0A{card.iccids[PLAIN]}8101FF") == "BF31038001029000"
    assert card.es10(f"BF3211A00C5A0A{card.iccids[PLAIN]}8101FF") == "BF3203800100910B"


def test_cat_busy_while_a_proactive_session_runs():
    card = Manager(cat_busy=True)
    assert card.enable(PLAIN, REFRESH) == OK
    assert card.enable(OTHER) == CAT_BUSY
    assert card.disable(PLAIN) == CAT_BUSY
    assert card.reset_memory("0780") == CAT_BUSY
    card.send("801200000B")
    assert card.enable(OTHER) == CAT_BUSY
    card.send("801400000C810301010982028281830100")
    assert card.enable(OTHER) == OK
    other = Manager()
    other.enable(PLAIN, REFRESH)
    assert other.enable(OTHER) == OK


# ---------------------------------------------------------------------------------------------------- DisableProfile


def test_disabling(card):
    assert card.es10("BF3211A00C5A0A00000000000000000000810100") == "BF32038001019000"
    assert card.disable(PLAIN) == WRONG_STATE
    card.enable(PLAIN)
    assert card.disable(PLAIN) == OK
    assert card.states() == []
    assert card.events() == [("enable", PLAIN), ("disable", PLAIN)]
    assert card.disable(PLAIN) == WRONG_STATE


# ---------------------------------------------------------------------------------------------------- DeleteProfile


def test_deleting(card):
    assert card.es10("BF330C5A0A00000000000000000000") == "BF33038001019000"
    card.enable(PLAIN)
    assert card.delete(PLAIN) == WRONG_STATE
    assert card.delete(PPR2) == BY_POLICY
    assert card.delete(OTHER) == OK
    assert card.delete(OTHER) == UNKNOWN
    assert card.delete(QUIET) == OK
    assert card.events() == [("enable", PLAIN), ("delete", OTHER), ("delete", OTHER)]
    assert len(card.profiles()[1]) == 10


# ---------------------------------------------------------------------------------------------------- EuiccMemoryReset


def test_memory_reset_deletes_operational_profiles_whatever_their_rules(card):
    card.enable(PPR1)
    # An enabled profile went, so a REFRESH of eleven octets waits.
    assert card.es10("BF340482020780") == "BF3403800100910B"
    kept = [entry["profileClass"] for entry in card.profiles()[1]]
    assert [int(kind) for kind in kept] == [0, 1, 0]
    assert card.reset_memory("0780") == UNKNOWN, "nothing to delete"


def test_memory_reset_spares_preinstalled_test_profiles(card):
    assert card.reset_memory("0640") == UNKNOWN
    assert len(card.profiles()[1]) == 12


def test_memory_reset_of_the_default_address():
    card = Manager(default_address="first.example.com")
    assert card.reset_memory("0520") == UNKNOWN
    card.es10("BF3F03800161")
    assert card.reset_memory("0520") == OK
    assert b"first.example.com" in card.whole("BF3C00")
    assert len(card.profiles()[1]) == 12


# ---------------------------------------------------------------------------------------------------- EID, nickname


def test_the_eid_is_all_that_get_euicc_data_gives(card):
    assert card.es10("BF3E035C015A") == "BF3E125A10890490321234512345123456789012359000"
    assert card.es10("BF3E035C0191") == "6A80"


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (b"holiday", OK),
        ("ü".encode() * 50, OK),
        (b"a" * 64, OK),
        (b"a" * 65, "7F"),
        (b"\xc3\x28", "7F"),
    ],
    ids=["short", "50 characters in 100 octets", "64 characters", "65 characters", "no UTF-8"],
)
def test_nicknames(card, text, result):
    assert card.nickname(PLAIN, text) == result
    listed = card.profiles(f"BF2D0EA00C5A0A{card.iccids[PLAIN]}")[1][0]
    assert listed.get("profileNickname") == (text.decode() if result == OK else None)


def test_a_nickname_that_was_removed_may_be_there_without_characters():
    card = Manager(variants={"empty-nickname-is-kept"})
    listing = f"BF2D0EA00C5A0A{card.iccids[PLAIN]}"
    assert "profileNickname" not in card.profiles(listing)[1][0]
    for text in (b"work", b""):
        assert card.nickname(PLAIN, text) == OK
        assert card.profiles(listing)[1][0]["profileNickname"] == text.decode()


def test_a_nickname_goes_with_the_empty_string_and_stays_over_a_reset(card):
    card.nickname(PLAIN, b"work")
    card.euicc.reset()
    card.open()
    assert card.euicc.state.profiles[PLAIN].nickname == "work"
    assert card.nickname(PLAIN, b"") == OK
    assert "profileNickname" not in card.profiles(f"BF2D0EA00C5A0A{card.iccids[PLAIN]}")[1][0]
    assert card.es10("BF290F5A0A00000000000000000000900161") == "BF29038001019000"
