"""The PC/SC transport through a real pcscd with virtual readers."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardMute, NoCard, NoPcscd, NoReader, PcscMissing, ReaderBusy, ReaderGone
from pytest_euicc.card.pcsc import PcscTransport, list_readers
from pytest_euicc.card.transport import Transport, TransportOptions, open_transport
from pytest_euicc.card.winscard import ScardError, WinScard
from tests.support.pcscd import Pcscd
from tests.support.scripted import ATR_T0, ATR_T1, CardDouble

pytestmark = pytest.mark.pcsc

FIRST, SECOND = "Virtual PCD 00 00", "Virtual PCD 00 01"


def connected(spec: str, options: TransportOptions | None = None) -> Transport:
    transport = open_transport(spec, options)
    transport.connect()
    return transport


def test_the_readers_and_what_is_in_them(pcscd: Pcscd) -> None:
    with pcscd.inserted(CardDouble(), 1):
        assert [(reader.name, reader.has_card) for reader in list_readers()] == [(FIRST, False), (SECOND, True)]
        assert list_readers()[1].atr == ATR_T1


@pytest.mark.parametrize(("atr", "protocol"), [(ATR_T0, "T=0"), (ATR_T1, "T=1")])
def test_an_exchange_in_both_protocols(pcscd: Pcscd, atr: bytes, protocol: str) -> None:
    card = CardDouble(atr=atr)
    with pcscd.inserted(card):
        transport = connected("pcsc:0")
        try:
            assert (transport.atr, transport.protocol, transport.description) == (atr, protocol, f"pcsc: {FIRST}")
            assert transport.transmit(bytes.fromhex("80E2910003BF2E00")) == bytes.fromhex("BF2E009000")
            assert card.received == [bytes.fromhex("80E2910003BF2E00")]
        finally:
            transport.close()


def test_t0_with_get_response_through_the_reader(pcscd: Pcscd) -> None:
    answers = {"80E2910003BF2E00": "6103", "00C0000003": "AABBCC9000"}
    with pcscd.inserted(CardDouble(lambda apdu: bytes.fromhex(answers[apdu.hex().upper()]), ATR_T0)):
        card = Card(open_transport("pcsc:0"))
        card.connect()
        try:
            assert card.basic.store_data(bytes.fromhex("BF2E00")).data.hex() == "aabbcc"
        finally:
            card.close()


def test_a_long_response_comes_whole(pcscd: Pcscd) -> None:
    with pcscd.inserted(CardDouble(lambda apdu: bytes(range(256)) + b"\x90\x00")):
        transport = connected("pcsc:0")
        try:
            assert transport.transmit(bytes.fromhex("80CA000000")) == bytes(range(256)) + b"\x90\x00"
        finally:
            transport.close()


def test_a_reset_reaches_the_card(pcscd: Pcscd) -> None:
    card = CardDouble()
    with pcscd.inserted(card):
        transport = connected("pcsc:0")
        try:
            before = card.resets
            assert transport.reset() == ATR_T1
            assert card.resets > before
            assert transport.transmit(b"\x80\xca\x00\x00\x00") == b"\x90\x00"
        finally:
            transport.close()


@pytest.mark.parametrize("spec", ["pcsc:1", f"pcsc:{SECOND}", "pcsc:pcd 00 01", "pcsc"])
def test_ways_to_name_a_reader(pcscd: Pcscd, spec: str) -> None:
    with pcscd.inserted(CardDouble(), 1):
        transport = connected(spec)
        assert transport.description == f"pcsc: {SECOND}"
        transport.close()


@pytest.mark.parametrize("name", ["OMNIKEY", "7"])
def test_an_unknown_reader_names_those_that_are_there(pcscd: Pcscd, name: str) -> None:
    with pytest.raises(NoReader) as caught:
        connected(f"pcsc:{name}")
    assert str(caught.value) == f"no reader '{name}'. Available: 0: {FIRST}, 1: {SECOND}"


def test_an_empty_reader(pcscd: Pcscd) -> None:
    with pytest.raises(NoCard, match=f"reader '{FIRST}' is empty"):
        connected("pcsc:0")


def test_no_card_in_any_reader(pcscd: Pcscd) -> None:
    with pytest.raises(NoCard, match=f"{FIRST}.*{SECOND}"):
        connected("pcsc")


def test_a_card_pulled_in_the_middle_of_a_run(pcscd: Pcscd) -> None:
    with pcscd.inserted(CardDouble()) as server:
        transport = connected("pcsc:0")
        transport.transmit(b"\x80\xca\x00\x00\x00")
        server.stop()
        with pytest.raises(ReaderGone, match=f"'{FIRST}': the card was removed"):
            transport.transmit(b"\x80\xca\x00\x00\x00")
        with pytest.raises(ReaderGone):
            transport.reset()
        transport.close()


_OTHER_PROCESS = """
import sys
from pytest_euicc.card.errors import CardError
from pytest_euicc.card.transport import open_transport
try:
    transport = open_transport(sys.argv[1])
    transport.connect()
    print(transport.description)
    transport.close()
except CardError as fault:
    print(type(fault).__name__, fault)
"""


def elsewhere(spec: str, **environment: str) -> str:
    """What another process has to say about the transport."""
    done = subprocess.run(
        [sys.executable, "-c", _OTHER_PROCESS, spec],
        capture_output=True,
        text=True,
        env=os.environ | environment,
        timeout=60,
        check=True,
    )
    assert done.stderr == ""
    return done.stdout.strip()


def test_two_workers_never_take_one_reader(pcscd: Pcscd) -> None:
    with pcscd.inserted(CardDouble(), 0), pcscd.inserted(CardDouble(), 1):
        here = connected("pcsc")
        try:
            assert here.description == f"pcsc: {FIRST}"
            assert elsewhere("pcsc") == f"pcsc: {SECOND}"
            reported = elsewhere("pcsc:0")
            assert reported.startswith(f"ReaderBusy reader '{FIRST}' is in use by process {os.getpid()} ")
        finally:
            here.close()
        assert elsewhere("pcsc") == f"pcsc: {FIRST}"


def test_more_workers_than_readers(pcscd: Pcscd) -> None:
    with pcscd.inserted(CardDouble(), 0):
        here = connected("pcsc")
        try:
            reported = elsewhere("pcsc")
        finally:
            here.close()
    assert reported.startswith("ReaderBusy no reader is free with a card in it")
    assert FIRST in reported
    assert SECOND in reported


def test_a_reader_that_another_program_holds(pcscd: Pcscd) -> None:
    with pcscd.inserted(CardDouble()):
        other = WinScard()
        handle, _ = other.connect(FIRST, None)
        try:
            with pytest.raises(ReaderBusy, match=f"reader '{FIRST}' is busy: another program"):
                connected("pcsc:0")
        finally:
            other.disconnect(handle)
            other.close()
        connected("pcsc:0").close()


def test_a_protocol_the_card_does_not_offer(pcscd: Pcscd) -> None:
    with (
        pcscd.inserted(CardDouble(atr=ATR_T0)),
        pytest.raises(Exception, match=f"'{FIRST}': the card does not offer the protocol"),
    ):
        connected("pcsc:0", TransportOptions(protocol="T=1"))


def test_closing_twice_and_using_what_is_closed(pcscd: Pcscd) -> None:
    with pcscd.inserted(CardDouble()):
        transport = connected("pcsc:0")
        transport.close()
        transport.close()
        with pytest.raises(ReaderGone, match="not connected"):
            transport.transmit(b"\x00\xa4\x04\x00")


def test_no_service(pcscd: Pcscd, tmp_path: Any) -> None:
    reported = elsewhere("pcsc", PCSCLITE_CSOCK_NAME=str(tmp_path / "nothing"))
    assert reported.startswith("NoPcscd the PC/SC service (pcscd) is not running. Start it: ")


def test_pyscard_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> ModuleType:
        if name.startswith("smartcard"):
            raise ModuleNotFoundError("No module named 'smartcard'", name="smartcard")
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(PcscMissing, match=r"pip install 'pytest-euicc\[pcsc\]'"):
        connected("pcsc")


@pytest.mark.parametrize(
    ("code", "kind", "text"),
    [
        ("SCARD_W_UNRESPONSIVE_CARD", CardMute, "mute"),
        ("SCARD_E_NOT_TRANSACTED", CardMute, "mute"),
        ("SCARD_W_REMOVED_CARD", ReaderGone, "removed"),
        ("SCARD_E_READER_UNAVAILABLE", ReaderGone, "unplugged"),
        ("SCARD_E_NO_SERVICE", NoPcscd, "went away"),
        ("SCARD_E_UNKNOWN_READER", NoReader, "no reader 'R'"),
        ("SCARD_W_RESET_CARD", ReaderBusy, "another program reset"),
    ],
)
def test_result_codes_in_words(pcscd: Pcscd, code: str, kind: type[Exception], text: str) -> None:
    winscard = WinScard()
    with pytest.raises(kind, match=text) as caught, winscard._explained("R"):
        raise ScardError(getattr(winscard.api, code), code)
    assert "\n" not in str(caught.value)
    winscard.close()


def test_no_reader_at_all(monkeypatch: pytest.MonkeyPatch, pcscd: Pcscd) -> None:
    monkeypatch.setattr(WinScard, "readers", lambda self: [])
    with pytest.raises(NoReader, match="no PC/SC reader is attached"):
        PcscTransport("", TransportOptions()).connect()
