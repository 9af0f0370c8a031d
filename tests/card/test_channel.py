"""What the channel follows by itself: 61xx, 6Cxx, 91xx, STORE DATA, MANAGE CHANNEL."""

import pytest

from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardMute, MalformedAnswer
from pytest_euicc.card.exchange import Exchange, UnexpectedStatus
from pytest_euicc.card.proactive import ProactiveCommand, answer, terminal_response
from tests.support.scripted import Script

AID = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
FETCHED_REFRESH = "D009 8103 01 01 {:02X} 8202 8182".replace(" ", "")


def card_on(text: str, protocol: str = "T=1") -> Card:
    card = Card(Script(text, protocol))
    card.connect()
    return card


def finished(card: Card) -> bool:
    assert isinstance(card.transport, Script)
    return card.transport.done


GET = CommandApdu(0x80, 0xCA, 0x00, 0x00, le=256)


def test_t1_sends_a_case_4_command_with_its_le() -> None:
    card = card_on("80E2910003BF2E0000 9000")
    assert card.basic.send(CommandApdu(0x80, 0xE2, 0x91, 0x00, b"\xbf\x2e\x00", 256)).ok
    assert finished(card)


def test_t0_sends_it_without_and_fetches_the_answer() -> None:
    card = card_on("80E2910003BF2E00 6103\n00C0000003 AABBCC9000", "T=0")
    response = card.basic.send(CommandApdu(0x80, 0xE2, 0x91, 0x00, b"\xbf\x2e\x00", 256))
    assert (response.data.hex(), response.sw) == ("aabbcc", 0x9000)
    assert finished(card)


def test_several_get_responses_with_data_on_the_way() -> None:
    card = card_on("80CA000000 016102\n00C0000002 02036100\n00C0000000 04056A80")
    response = card.basic.send(GET)
    assert (response.data.hex(), response.sw) == ("0102030405", 0x6A80)


def test_get_response_with_another_length() -> None:
    card = card_on("80CA000000 6110\n00C0000010 6C02\n00C0000002 AABB9000")
    assert card.basic.send(GET).data == b"\xaa\xbb"


def test_wrong_le_is_sent_again_with_the_right_one() -> None:
    card = card_on("80CA000000 6C02\n80CA000002 AABB9000")
    assert card.basic.send(GET).data == b"\xaa\xbb"
    assert finished(card)


def test_wrong_le_twice_is_the_answer() -> None:
    card = card_on("80CA000000 6C02\n80CA000002 6C03")
    assert card.basic.send(GET).sw == 0x6C03


ENVELOPE = CommandApdu(0x80, 0xC2, 0x00, 0x00, b"\xd1\x00", 256)


@pytest.mark.parametrize(
    ("rest", "data"),
    [
        ("00C0000000 AABB9000", "aabb"),
        ("00C0000000 6C02\n00C0000002 AABB9000", "aabb"),
        ("00C0000000 6102\n00C0000002 AABB9000", "aabb"),
        ("00C0000000 6985", ""),
    ],
)
def test_a_warning_to_envelope_may_have_data(rest: str, data: str) -> None:
    card = card_on(f"80C2000002D100 6200\n{rest}", "T=0")
    response = card.basic.send(ENVELOPE)
    assert (response.data.hex(), response.sw) == (data, 0x6200)
    assert finished(card)


def test_a_warning_that_brings_its_data_is_followed_by_nothing() -> None:
    card = card_on("80C2000002D10000 AA6300")
    response = card.basic.send(ENVELOPE)
    assert (response.data, response.sw) == (b"\xaa", 0x6300)


def test_a_card_that_announces_and_gives_nothing_does_not_hang_the_run() -> None:
    card = card_on("80CA000000 6110\n00C0000010 6110")
    with pytest.raises(MalformedAnswer, match="gives none"):
        card.basic.send(GET)


@pytest.mark.parametrize(
    ("number", "store", "get"), [(1, "81", "01"), (3, "83", "03"), (4, "C0", "40"), (19, "CF", "4F")]
)
def test_class_bytes_on_logical_channels(number: int, store: str, get: str) -> None:
    card = card_on(
        f"0070000001 {number:02X}9000\n{store}E2910003BF2E0000 6102\n{get}C0000002 AABB9000\n007080{number:02X} 9000"
    )
    channel = card.open_channel()
    assert channel.store_data(b"\xbf\x2e\x00").data == b"\xaa\xbb"
    assert card.channels == (channel,)
    assert channel.close().ok
    assert (card.channels, channel.is_open, finished(card)) == ((), False, True)


def test_a_channel_of_a_wanted_number() -> None:
    card = card_on("00700005 9000")
    assert card.open_channel(5).number == 5


def test_a_refused_channel_is_told_with_its_status_word() -> None:
    card = card_on("0070000001 6A81")
    with pytest.raises(UnexpectedStatus, match="MANAGE CHANNEL open: the card answered 6A81") as caught:
        card.open_channel()
    assert caught.value.response.sw == 0x6A81


@pytest.mark.parametrize("answered", ["9000", "009000", "149000", "01029000"])
def test_a_channel_number_that_cannot_be(answered: str) -> None:
    with pytest.raises(MalformedAnswer, match="MANAGE CHANNEL"):
        card_on(f"0070000001 {answered}").open_channel()


def test_a_channel_that_the_card_will_not_close_stays_open() -> None:
    card = card_on("0070000001 019000\n00708001 6A86")
    channel = card.open_channel()
    assert not channel.close().ok
    assert channel.is_open
    assert card.channels == (channel,)


def test_a_reset_closes_all_channels() -> None:
    card = card_on("0070000001 019000")
    channel = card.open_channel()
    card.reset()
    assert (card.channels, channel.is_open) == ((), False)


# SGP.22 5.7.2
def test_store_data_in_blocks() -> None:
    octets = bytes(range(256)) * 2 + b"\x01"
    first, second, third = octets[:255].hex().upper(), octets[255:510].hex().upper(), octets[510:].hex().upper()
    card = card_on(f"80E21100FF{first}00 9000\n80E21101FF{second}00 9000\n80E2910203{third}00 AA9000")
    assert card.basic.store_data(octets).data == b"\xaa"
    assert finished(card)


def test_255_octets_are_one_block() -> None:
    card = card_on(f"80E29100FF{'AB' * 255}00 9000")
    assert card.basic.store_data(b"\xab" * 255).ok


def test_store_data_stops_at_the_first_refused_block() -> None:
    card = card_on(f"80E21100FF{'00' * 255}00 6985")
    assert card.basic.store_data(bytes(300)).sw == 0x6985


def test_more_than_256_blocks_are_not_sent() -> None:
    with pytest.raises(ValueError, match="256 blocks"):
        card_on("").basic.store_data(bytes(255 * 256 + 1))


def test_select_remembers_what_was_selected_only_when_it_was() -> None:
    card = card_on(f"00A4040010{AID.hex().upper()}00 6A82\n00A4040010{AID.hex().upper()}00 6F009000")
    assert (card.basic.select(AID).sw, card.basic.aid) == (0x6A82, None)
    assert (card.basic.select(AID).sw, card.basic.aid) == (0x9000, AID)


def test_starting_a_card() -> None:
    card = card_on(
        "00A40004023F0000 6200 9000".replace(" 9000", "9000") + "\n80AA000005A903830107 6D00\n80100000041300E802 9000"
    )
    start = card.start()
    assert start.terminal_capability is not None
    assert start.terminal_profile is not None
    assert (start.mf.ok, start.terminal_capability.sw, start.terminal_profile.ok) == (True, 0x6D00, True)


# ETSI TS 102 223 6.4.7, 8.6
def test_a_proactive_command_is_fetched_and_answered() -> None:
    fetched = FETCHED_REFRESH.format(9)
    card = card_on(
        f"0070000001 019000\n81E2910003BF310000 BF31910B\n801200000B {fetched}9000\n"
        "801400000C810301010982028281830100 9000"
    )
    response = card.open_channel().store_data(b"\xbf\x31\x00")
    assert (response.data, response.sw, response.ok) == (b"\xbf\x31", 0x910B, True)
    (command,) = card.take_fetched()
    assert (command.type, command.qualifier, command.octets.hex().upper()) == ("REFRESH", 9, fetched)
    assert card.take_fetched() == []
    assert finished(card)


def test_the_next_proactive_command_follows() -> None:
    more = "D0098103020200820281 82".replace(" ", "")
    card = card_on(
        f"80CA000000 910B\n801200000B {FETCHED_REFRESH.format(9)}9000\n801400000C810301010982028281830100 910B\n"
        f"801200000B {more}9000\n801400000C810302020082028281830100 9000"
    )
    card.basic.send(GET)
    assert [command.type for command in card.fetched] == ["REFRESH", "MORE TIME"]


def test_a_uicc_reset_is_answered_by_a_reset_and_the_channels_are_opened_again() -> None:
    select = f"A4040010{AID.hex().upper()}00 9000"
    start = "00A40004023F0000 9000\n80AA000005A903830107 9000\n80100000041300E802 9000"
    card = card_on(
        f"0070000001 019000\n01{select}\n81E2910003BF310000 910B\n801200000B {FETCHED_REFRESH.format(4)}9000\nreset\n"
        f"{start}\n0070000001 029000\n02{select}"
    )
    channel = card.open_channel()
    channel.select(AID)
    channel.store_data(b"\xbf\x31\x00")
    assert (channel.number, channel.is_open, card.channels, finished(card)) == (2, True, (channel,), True)


def test_a_handler_of_ones_own() -> None:
    card = card_on(f"80CA000000 910B\n801200000B {FETCHED_REFRESH.format(9)}9000\n801400000101 9000")
    card.handler = lambda command: b"\x01"
    card.basic.send(GET)
    assert finished(card)


def test_proactive_commands_without_end() -> None:
    pair = f"801200000B {FETCHED_REFRESH.format(9)}9000\n801400000C810301010982028281830100 910B\n"
    with pytest.raises(MalformedAnswer, match="proactive commands in a row"):
        card_on("80CA000000 910B\n" + pair * 60).basic.send(GET)


def test_what_the_terminal_cannot_do_it_refuses() -> None:
    display_text = ProactiveCommand.parse(bytes.fromhex("D0098103012180820281 02".replace(" ", "")))
    assert display_text.type == "DISPLAY TEXT"
    assert answer(display_text).hex().upper() == "810301218082028281830130"


def test_a_short_message_is_sent_to_whoever_looks() -> None:
    command = ProactiveCommand.parse(bytes.fromhex("D00E 8103011300 82028183 8B0341FF00".replace(" ", "")))
    assert (command.type, command.parts[0x0B].hex()) == ("SEND SHORT MESSAGE", "41ff00")
    assert answer(command) == terminal_response(command, 0)


def test_poll_interval_is_answered_with_the_interval() -> None:
    command = ProactiveCommand.parse(bytes.fromhex("D00D81030103008202818284020114"))
    assert answer(command) == terminal_response(command, 0) + bytes.fromhex("84020114")


@pytest.mark.parametrize("octets", ["", "D0", "D009810301", "6F00", "D0058103010109"])
def test_unreadable_proactive_commands_are_kept(octets: str) -> None:
    command = ProactiveCommand.parse(bytes.fromhex(octets))
    assert command.octets == bytes.fromhex(octets)


def test_listeners_hear_every_exchange_as_it_was() -> None:
    card = card_on("80CA000000 6C02\n80CA000002 AABB9000")
    heard: list[Exchange] = []
    card.listeners.append(heard.append)
    card.basic.send(GET)
    assert [(each.command.hex().upper(), each.response.hex().upper()) for each in heard] == [
        ("80CA000000", "6C02"),
        ("80CA000002", "AABB9000"),
    ]
    assert all(each.seconds >= 0 and each.started > 0 for each in heard)


def test_listeners_hear_of_a_command_that_got_no_answer() -> None:
    class Mute(Script):
        def transmit(self, apdu: bytes) -> bytes:
            raise CardMute("mute")

    card = Card(Mute(""))
    heard: list[Exchange] = []
    card.listeners.append(heard.append)
    with pytest.raises(CardMute):
        card.basic.send(GET)
    assert [(each.command.hex().upper(), each.response) for each in heard] == [("80CA000000", b"")]


@pytest.mark.parametrize("answered", ["", "90"])
def test_an_answer_without_a_status_word(answered: str) -> None:
    class Short(Script):
        def transmit(self, apdu: bytes) -> bytes:
            return bytes.fromhex(answered)

    with pytest.raises(MalformedAnswer, match="80CA000000 was not answered with an APDU"):
        Card(Short("")).basic.send(GET)


def test_a_proactive_command_can_be_left_waiting() -> None:
    fetched = FETCHED_REFRESH.format(9)
    card = card_on(
        f"""
        80CA000000 910B
        80CA000000 910B
        801200000B {fetched}9000
        801400000C{terminal_response(ProactiveCommand.parse(bytes.fromhex(fetched)), 0).hex().upper()} 9000
        80CA000000 9000
        """
    )
    card.hold_proactive()
    assert card.basic.send(GET).sw == 0x910B
    assert card.basic.send(GET).sw == 0x910B
    assert card.fetched == []
    card.release_proactive()
    assert [command.type for command in card.fetched] == ["REFRESH"]
    assert card.basic.send(GET).sw == 0x9000
    assert finished(card)


def test_nothing_waits_after_a_reset() -> None:
    card = card_on("80CA000000 910B\nreset")
    card.hold_proactive()
    card.basic.send(GET)
    card.reset()
    card.release_proactive()
    assert finished(card)
