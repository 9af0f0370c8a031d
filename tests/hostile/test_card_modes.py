"""Cards that answer as no card should: an answer or a CardError, in bounded time."""

from __future__ import annotations

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardError, CardMute, MalformedAnswer, ReaderGone
from pytest_euicc.card.transport import TransportOptions, open_transport
from pytest_euicc.card.vpcd import VpcdTransport
from pytest_euicc.card.waiting import Waiter
from pytest_euicc.es10.isdr import Es10Error, Isdr
from tests.support.bounded import bounded
from tests.support.scripted import ATR_T1, CardDouble

ATR = bytes.fromhex("3B800181")
_RESET = bytes.fromhex("D009810301010482028182")


class Odd:
    """A transport whose answers a function makes."""

    description = "odd card"
    protocol = "T=1"

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.atr = ATR
        self.transmit = answer

    def connect(self) -> None:
        """Always there."""

    def reset(self) -> bytes:
        return ATR

    def close(self) -> None:
        """Nothing is held."""


def following(rules: dict[int, bytes], otherwise: bytes = b"\x90\0") -> Callable[[bytes], bytes]:
    """Answers by instruction byte."""
    return lambda apdu: rules.get(apdu[1], otherwise)


MODES: dict[str, Callable[[], Callable[[bytes], bytes]]] = {
    "REFRESH after every command": lambda: following({0x12: _RESET + b"\x90\0", 0x70: b"\1\x91\x0b"}, b"\x91\x0b"),
    "REFRESH after SELECT": lambda: following({0x12: _RESET + b"\x90\0", 0x70: b"\1\x90\0", 0xA4: b"\x91\x0b"}),
    "more and more proactive commands": lambda: following({0x12: b"\xd0\0\x90\0"}, b"\x91\x05"),
    "6100 without data": lambda: lambda _: b"\x61\0",
    "61xx, octet by octet": lambda: lambda _: b"x\x61\1",
    "61xx, 256 octets each": lambda: lambda _: bytes(256) + b"\x61\0",
    "6C00 for ever": lambda: lambda _: b"\x6c\0",
    "6Cxx then 61xx": lambda: following({0xC0: b"\x6c\5"}, b"\x61\5"),
    "nothing": lambda: lambda _: b"",
    "one octet": lambda: lambda _: b"\x90",
    "a status word of zeroes": lambda: lambda _: b"\0\0",
    "65,536 octets": lambda: lambda _: bytes(65536) + b"\x90\0",
    "channel 20": lambda: following({0x70: b"\x14\x90\0"}),
    "channel of two octets": lambda: following({0x70: b"\1\1\x90\0"}),
    "FETCH gives nothing": lambda: following({0x12: b"\x90\0"}, b"\x91\0"),
    "FETCH is refused": lambda: following({0x12: b"\x6f\0"}, b"\x91\5"),
    "a length that is not there": lambda: following({0x70: b"\1\x90\0", 0xE2: b"\xbf\x2d\x84\xff\xff\xff\xff\x90\0"}),
    "tags that do not end": lambda: following({0x70: b"\1\x90\0", 0xE2: b"\xbf" + b"\xff" * 200 + b"\x90\0"}),
    "nested as deep as it goes": lambda: following({0x70: b"\1\x90\0", 0xE2: nested() + b"\x90\0"}),
    "answers that take turns": lambda: turns(),
}


def nested() -> bytes:
    octets = b""
    while len(octets) < 60_000:
        octets = b"\xa0\x83" + len(octets).to_bytes(3) + octets
    return b"\xbf\x2d\x83" + len(octets).to_bytes(3) + octets


def turns() -> Callable[[bytes], bytes]:
    kinds: Iterator[bytes] = itertools.cycle([b"\x61\2", b"\x6c\3", b"\x91\4", b"\1\x90\0", b"\x62\0", b"\x93\0"])
    return lambda _: next(kinds)


@pytest.mark.parametrize("mode", MODES)
def test_an_answer_or_a_card_error(mode: str) -> None:
    card = Card(Odd(MODES[mode]()), patience=0.3)

    def use() -> None:
        card.connect()
        for work in (
            card.start,
            card.open_channel,
            lambda: Isdr(card.basic).get_profiles_info(),
            lambda: Isdr(card.basic).get_euicc_info2(),
            lambda: Isdr(card.open_channel()).list_notification(),
        ):
            try:
                work()
            except (CardError, Es10Error) as error:
                assert str(error)  # noqa: PT017  (any of them may be raised, or none)

    bounded(use)


def test_a_refresh_after_every_command_is_told() -> None:
    card = Card(Odd(MODES["REFRESH after every command"]()))
    with pytest.raises(MalformedAnswer, match="asks for another while it is started"):
        card.start()


def test_an_answer_that_never_ends_is_told() -> None:
    card = Card(Odd(lambda _: b"x\x61\1"), patience=0.3)
    with pytest.raises(MalformedAnswer, match=r"does not come to an end within 0\.3 s"):
        card.start()


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ([b"", b""], CardMute),
        ([b"\0"], CardMute),
        ([b"\0\5\x90"], CardMute),
        ([b"\xff\xff", *[b"x"] * 4000], CardMute),
        ([b"\0"] * 1 + [b"\x05"] + [b"a"] * 4, CardMute),
    ],
)
def test_a_vpcd_that_drips_or_stops(pieces: list[bytes], error: type[CardError]) -> None:
    transport = VpcdTransport(0, TransportOptions(timeout=0.3))
    transport.listen()
    done = threading.Event()

    def card() -> None:
        with socket.create_connection(("127.0.0.1", transport.port)) as link:
            link.recv(100)
            link.sendall(len(ATR_T1).to_bytes(2) + ATR_T1)
            link.recv(100)
            try:
                for piece in pieces:
                    link.sendall(piece)
                    if done.wait(0.05):
                        return
                done.wait(20)
            except OSError:
                return

    thread = threading.Thread(target=card)
    thread.start()
    try:
        transport.connect()
        with pytest.raises(error, match=r"no answer to 00A40400 within 0\.3 s"):
            bounded(lambda: transport.transmit(bytes.fromhex("00A40400")))
        with pytest.raises(ReaderGone):
            transport.transmit(bytes.fromhex("00A40400"))
    finally:
        done.set()
        thread.join()
        transport.close()


def test_a_call_that_does_not_come_back_is_given_up() -> None:
    done = threading.Event()
    waiter = Waiter(0.1)
    assert waiter.call(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        waiter.call(lambda: 1 // 0)
    with pytest.raises(TimeoutError):
        waiter.call(lambda: done.wait(30))
    with pytest.raises(TimeoutError):
        waiter.call(lambda: 7)
    assert waiter.lost
    done.set()


@pytest.mark.pcsc
def test_a_mute_card_in_a_reader(pcscd: object) -> None:
    """The driver waits for ever for a card that does not answer; the harness does not."""
    from tests.support.pcscd import Pcscd

    assert isinstance(pcscd, Pcscd)
    answered = threading.Event()

    def mute(_: bytes) -> bytes:
        answered.wait(30)
        return b"\x90\0"

    with pcscd.inserted(CardDouble(mute)):
        transport = open_transport("pcsc:0", TransportOptions(timeout=0.5))
        transport.connect()
        try:
            with pytest.raises(CardMute, match=r"no answer within 0\.5 s, so it is given up"):
                bounded(lambda: transport.transmit(bytes.fromhex("00A40400")))
            with pytest.raises(CardMute, match="given up"):
                bounded(transport.reset)
        finally:
            bounded(transport.close)
            answered.set()


_WAITING = """
import signal
from pytest_euicc.card.transport import TransportOptions, open_transport
transport = open_transport("pcsc:0", TransportOptions(timeout=100))
transport.connect()
# The tests may run in the background of a shell, which has its jobs ignore Ctrl-C.
signal.signal(signal.SIGINT, signal.default_int_handler)
print("ready", flush=True)
try:
    transport.transmit(bytes.fromhex("00A40400"))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.pcsc
def test_ctrl_c_while_a_card_is_mute(pcscd: object) -> None:
    from tests.support.pcscd import Pcscd

    assert isinstance(pcscd, Pcscd)
    asked, answered = threading.Event(), threading.Event()

    def mute(_: bytes) -> bytes:
        asked.set()
        answered.wait(30)
        return b"\x90\0"

    with pcscd.inserted(CardDouble(mute)):
        process = subprocess.Popen(
            [sys.executable, "-c", _WAITING], stdout=subprocess.PIPE, text=True, env=dict(os.environ)
        )
        try:
            assert asked.wait(30)
            process.send_signal(signal.SIGINT)
            reported, _ = process.communicate(timeout=20)
        finally:
            answered.set()
            process.kill()
            process.communicate()
    assert reported.split() == ["ready", "interrupted"]
