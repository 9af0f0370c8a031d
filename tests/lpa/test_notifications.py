"""Notifications go to the address that they name, and one that cannot go does not hold up the others (SGP.22 3.5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_euicc.asn1 import tlv
from pytest_euicc.card.channel import Card
from pytest_euicc.es9.client import Es9Client, Es9Reply
from pytest_euicc.es9.errors import NoServer
from pytest_euicc.es9.tls import TlsSettings
from pytest_euicc.es10.isdr import Isdr
from pytest_euicc.lpa import EuiccRefused, Lpa, NotificationReport, UnreadableAnswer
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc

ONE, TWO = (bytes.fromhex(f"98001032547698{number}4254") for number in ("01", "02"))
GOOD = "b.example.com"
LIST, RETRIEVE, REMOVE = bytes.fromhex("BF28"), bytes.fromhex("BF2B"), bytes.fromhex("BF30")


class Tap(SimTransport):
    """A simulated card whose answer to one function is another."""

    def __init__(self, euicc: SimulatedEuicc) -> None:
        super().__init__(euicc)
        self.answers: dict[bytes, Callable[[bytes], bytes | None]] = {}

    def transmit(self, apdu: bytes) -> bytes:
        changed = self.answers.get(apdu[5:7], lambda _: None)(apdu) if apdu[1] == 0xE2 else None
        return super().transmit(apdu) if changed is None else changed


class Yes:
    """A server that acknowledges everything, and notes it."""

    def __init__(self, address: str, sent: list[str]) -> None:
        self._address, self._sent = address, sent

    def close(self) -> None:
        """Nothing is held."""

    def call(self, function: str, body: dict[str, Any]) -> Es9Reply:
        assert function == "handleNotification"
        assert body["pendingNotification"]
        self._sent.append(self._address)
        return Es9Reply(function, 204, {}, b"")


class Bench:
    """Two profiles were enabled, and each has one notification: the second, to GOOD, must go."""

    def __init__(self, first: str, second: str = GOOD) -> None:
        profiles = [
            {"iccid": iccid, "name": "P", "notify": [{"events": ["enable"], "address": address}]}
            for iccid, address in ((ONE, first), (TWO, second))
        ]
        self.tap = Tap(SimulatedEuicc(EuiccSettings(profiles=profiles)))
        card = Card(self.tap)
        card.connect()
        self.isdr = Isdr(card.open_channel())
        self.isdr.select()
        self.isdr.enable_profile(ONE)
        self.isdr.enable_profile(TWO)
        self.sent: list[str] = []

    def run(self, server: Callable[[str], Any] | None = None) -> NotificationReport:
        with Lpa(self.isdr, server or (lambda address: Yes(address, self.sent))) as lpa:
            return lpa.process_notifications()

    def on_card(self) -> list[str]:
        return [entry["notificationAddress"] for entry in self.isdr.list_notification()[1]]


@pytest.mark.parametrize(
    "address",
    [
        "", "a.example.com\0", " a.example.com", "a.example.com:99999", "a.example.com:0", "http://a.example.com",
        "a.example.com:x", "a..example.com", "a" * 64 + ".com", "user@a.example.com", "[::1", "a\u202eb.example.com",
        "https://", "a.example.com?x", "a%00.example.com",
    ],
)  # fmt: skip
def test_an_address_that_is_none_holds_nothing_up(address: str) -> None:
    bench = Bench(address)
    client: Callable[[str], Any] = lambda wanted: (  # noqa: E731
        Yes(wanted, bench.sent) if wanted == GOOD else Es9Client(wanted, TlsSettings(timeout=1))
    )
    report = bench.run(client)
    assert bench.sent == [GOOD]
    assert [each.address for each in report.delivered] == [GOOD]
    (kept,) = report.kept
    assert (kept.sequence_number, kept.address, kept.no_server) == (1, address, False)
    assert kept.reason.isprintable()
    assert bench.on_card() == [address]


def test_one_that_has_no_server_stays_on_the_card_and_is_sent_to_nobody() -> None:
    bench = Bench("operator.example.net")

    def server(address: str) -> Yes:
        if address != GOOD:
            raise NoServer(address, "another operator's")
        return Yes(address, bench.sent)

    report = bench.run(server)
    assert bench.sent == [GOOD]
    assert [(each.address, each.no_server) for each in report.kept] == [("operator.example.net", True)]
    assert bench.on_card() == ["operator.example.net"]


@pytest.mark.parametrize("answer", ["6985", "BF30038001 7F9000", "9000", "BF30009000", "FFFF9000"])
def test_one_that_is_not_removed_is_told_and_holds_nothing_up(answer: str) -> None:
    bench = Bench("a.example.com", "a.example.com")
    bench.tap.answers[REMOVE] = lambda apdu: bytes.fromhex(answer) if b"\x80\x01\x01" in apdu else None
    report = bench.run()
    assert bench.sent == ["a.example.com", "a.example.com"]
    assert [each.sequence_number for each in report.delivered] == [2]
    (kept,) = report.kept
    assert kept.sequence_number == 1
    assert "sent and acknowledged, but not removed" in kept.reason


def test_one_that_is_gone_when_it_is_removed_is_delivered() -> None:
    bench = Bench("a.example.com")
    bench.tap.answers[REMOVE] = lambda _: bytes.fromhex("BF3003800101 9000")
    assert len(bench.run().delivered) == 2


def entry(number: int, address: bytes, iccid: bytes = ONE) -> bytes:
    """NotificationMetadata as octets, also wrong ones."""
    fields = tlv.encode(0x80, bytes([number])) + tlv.encode(0x81, b"\x06\x40")
    return tlv.encode(0xBF2F, fields + tlv.encode(0x0C, address) + tlv.encode(0x5A, iccid))


@pytest.mark.parametrize(
    ("odd", "number"),
    [
        (entry(1, b"m\xfcnchen.de"), 1),
        (entry(1, b"a.example.com", ONE[:9]), 1),
        (tlv.encode(0xBF2F, b""), None),
        (tlv.encode(0x30, b"\x80\x01\x01"), 1),
        (tlv.encode(0xBF2F, b"\xff"), None),
    ],
)
def test_one_odd_entry_of_the_list(odd: bytes, number: int | None) -> None:
    bench = Bench("a.example.com")
    listed = tlv.encode(0xBF28, tlv.encode(0xA0, odd + entry(2, GOOD.encode(), TWO))) + b"\x90\0"
    bench.tap.answers[LIST] = lambda _: listed
    report = bench.run()
    assert bench.sent == [GOOD]
    (kept,) = report.kept
    assert kept.sequence_number == number
    assert "the answer cannot be read" in kept.reason


def test_a_card_that_gives_another_notification_than_the_one_asked_for() -> None:
    """It is not sent to the address of the one asked for."""
    bench = Bench("a.example.com")
    pending = bench.isdr.send("retrieve_notifications_list", bytes.fromhex("BF2B058003800102")).octets
    assert not pending or pending[:2] == RETRIEVE
    other = bench.isdr.call("retrieve_notifications_list", {"searchCriteria": ("seqNumber", 2)}).octets
    bench.tap.answers[RETRIEVE] = lambda _: other + b"\x90\0"
    report = bench.run()
    assert bench.sent == [GOOD]
    assert [each.sequence_number for each in report.kept] == [1]
    assert "no notification 1" in report.kept[0].reason


@pytest.mark.parametrize("answer", ["BF28038101 7F9000", "9000", "6A80"])
def test_no_list(answer: str) -> None:
    bench = Bench("a.example.com")
    bench.tap.answers[LIST] = lambda _: bytes.fromhex(answer)
    with pytest.raises(EuiccRefused, match="ListNotification"):
        bench.run()


def test_a_list_that_cannot_be_read() -> None:
    bench = Bench("a.example.com")
    bench.tap.answers[LIST] = lambda _: bytes.fromhex("BF2805A003BF2F05 9000")
    with pytest.raises(UnreadableAnswer, match="ListNotification"):
        bench.run()
