"""Finding a transport by its name, and the vpcd transport against software cards over TCP."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from importlib.metadata import EntryPoint

import pytest

from pytest_euicc.card import transport as transports
from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardMute, MalformedAnswer, NoCard, ReaderBusy, ReaderGone, UnknownTransport
from pytest_euicc.card.transport import TransportOptions, open_transport
from pytest_euicc.card.vpcd import VpcdTransport
from pytest_euicc.card.vpcd_protocol import ConnectionLost, VpcdSocket
from pytest_euicc.simulator.vpcd import CardServer
from tests.support.scripted import ATR_T0, ATR_T1, CardDouble

COMMAND = bytes.fromhex("80E2910003BF2E00")


def test_an_unknown_kind_names_those_there_are() -> None:
    with pytest.raises(
        UnknownTransport, match=r"no transport 'pscs' \(in 'pscs:0'\); available: at, pcsc, replay, sim, vpcd"
    ):
        open_transport("pscs:0")


def test_a_kind_of_somebody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("theirs", "pytest_euicc.card.vpcd:open_transport", transports.ENTRY_POINTS)
    monkeypatch.setattr(transports, "entry_points", lambda group: [entry])
    assert open_transport("theirs:1234").description == "vpcd: port 1234"


def test_a_kind_that_cannot_be_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = EntryPoint("theirs", "no_such_module:opener", transports.ENTRY_POINTS)
    monkeypatch.setattr(transports, "entry_points", lambda group: [entry])
    with pytest.raises(UnknownTransport, match="'theirs' is registered but cannot be loaded: No module named"):
        open_transport("theirs")


@pytest.mark.parametrize("argument", ["x", "70000", "-1"])
def test_a_port_that_is_none(argument: str) -> None:
    with pytest.raises(UnknownTransport, match="a port number, 0 to 65535"):
        open_transport(f"vpcd:{argument}")


def test_the_port_of_vpcd_is_the_default() -> None:
    assert open_transport("vpcd").description == "vpcd: port 35963"


@pytest.fixture
def listening() -> Iterator[VpcdTransport]:
    transport = VpcdTransport(0, TransportOptions(timeout=30))
    transport.listen()
    yield transport
    transport.close()


def served(transport: VpcdTransport, card: CardDouble) -> CardServer:
    server = CardServer(card, port=transport.port)
    server.start()
    transport.connect()
    return server


@pytest.mark.parametrize(("atr", "protocol"), [(ATR_T0, "T=0"), (ATR_T1, "T=1")])
def test_a_software_card(listening: VpcdTransport, atr: bytes, protocol: str) -> None:
    card = CardDouble(atr=atr)
    server = served(listening, card)
    assert (listening.atr, listening.protocol) == (atr, protocol)
    assert listening.transmit(COMMAND) == bytes.fromhex("BF2E009000")
    resets = card.resets
    assert listening.reset() == atr
    assert (card.resets, card.received) == (resets + 1, [COMMAND])
    server.stop()


def test_a_long_answer(listening: VpcdTransport) -> None:
    server = served(listening, CardDouble(lambda apdu: bytes(65533) + b"\x90\x00"))
    assert len(listening.transmit(COMMAND)) == 65535
    server.stop()


def test_no_software_card_comes() -> None:
    transport = VpcdTransport(0, TransportOptions(timeout=0.05))
    with pytest.raises(NoCard, match=r"no software card connected to 127.0.0.1:\d+ within 0.05 s.*serve card"):
        transport.connect()
    transport.close()


def test_a_port_in_use(listening: VpcdTransport) -> None:
    second = open_transport(f"vpcd:{listening.port}")
    with pytest.raises(ReaderBusy, match=f"port {listening.port} is in use"):
        second.connect()
    second.close()


def test_a_software_card_hangs_up_and_another_comes(listening: VpcdTransport) -> None:
    served(listening, CardDouble()).stop()
    with pytest.raises(ReaderGone, match="disconnected in the middle of the run"):
        listening.transmit(COMMAND)
    with pytest.raises(ReaderGone, match="no software card is connected any more"):
        listening.reset()
    server = served(listening, CardDouble())
    assert listening.transmit(COMMAND) == bytes.fromhex("BF2E009000")
    server.stop()


@pytest.mark.parametrize("mute_from", ["reset", "command"])
def test_a_mute_software_card(mute_from: str) -> None:
    transport = VpcdTransport(0, TransportOptions(timeout=0.2))
    transport.listen()
    with socket.create_connection(("127.0.0.1", transport.port)) as connection:
        if mute_from == "command":
            connection.sendall(b"\x00\x04" + ATR_T1)
            transport.connect()
        with pytest.raises(CardMute, match=r"is connected but gave no (ATR|answer to 80E2910003BF2E00) within 0.2 s"):
            transport.connect() if mute_from == "reset" else transport.transmit(COMMAND)
    transport.close()


def test_an_empty_atr(listening: VpcdTransport) -> None:
    server = CardServer(CardDouble(atr=b""), port=listening.port)
    server.start()
    with pytest.raises(CardMute, match="empty ATR"):
        listening.connect()
    server.stop()


def test_garbage_for_an_answer(listening: VpcdTransport) -> None:
    server = served(listening, CardDouble(lambda apdu: b"\x90"))
    card = Card(listening)
    with pytest.raises(
        MalformedAnswer, match=r"00A40004023F0000 was not answered with an APDU: .* at least 2 octets, this one 1"
    ):
        card.start()
    server.stop()


def test_a_software_card_that_answers_nothing_is_pulled_out(listening: VpcdTransport) -> None:
    server = served(listening, CardDouble(lambda apdu: b""))
    with pytest.raises(ReaderGone, match="disconnected"):
        listening.transmit(COMMAND)
    server.stop()


def test_a_card_server_without_a_reader() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        CardServer(CardDouble(), port=port, patience=0.0).run()


def test_a_message_in_pieces_and_one_cut_off() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        writer = socket.create_connection(server.getsockname())
        reader = VpcdSocket(server.accept()[0])

    def write() -> None:
        for octet in b"\x00\x03abc\x00\x05de":
            writer.sendall(bytes((octet,)))
        writer.close()

    thread = threading.Thread(target=write)
    thread.start()
    assert reader.receive() == b"abc"
    with pytest.raises(ConnectionLost):
        reader.receive()
    thread.join()
    with pytest.raises(ValueError, match="at most 65535"):
        reader.send(bytes(65536))
    reader.close()
