"""A card of a few answers written out by hand, to run sequences on without the simulator."""

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.conformance.reading.loader import parse
from pytest_euicc.document import Document

ISDR = bytes.fromhex("A0000005591010FFFFFFFF8900000100")
EID = "89049032123451234512345678901235"
ICCID_A = bytes.fromhex("98001032547698103214")
ICCID_B = bytes.fromhex("98001032547698103224")


def tlv(tag, value):
    length = bytes([len(value)]) if len(value) < 0x80 else bytes([0x81, len(value)])
    return bytes.fromhex(tag) + length + value


class MiniCard:
    """A transport: profiles that can be enabled and disabled, challenges that count up."""

    description = "mini"
    protocol = "T=1"
    atr = bytes.fromhex("3B9F96803FC7828031E073F62157574A4D020B3411002D")

    def __init__(self):
        self.sent = []
        self.profiles = {ICCID_A: False, ICCID_B: False}
        self.challenge = 0
        self.refuse = {}

    def connect(self):
        pass

    def close(self):
        pass

    def reset(self):
        self.sent.append("reset")
        return self.atr

    def transmit(self, apdu):
        self.sent.append(apdu.hex().upper())
        if apdu[1] == 0xE2:
            data = apdu[5 : 5 + apdu[4]]
            tag = data[:2].hex().upper()
            return self.refuse.get(tag) or self.store(tag, data) + b"\x90\x00"
        if apdu[1] == 0x70:
            return b"\x01\x90\x00" if apdu[2] == 0 else b"\x90\x00"
        if apdu[1] == 0xA4 and apdu[2] == 4:
            template = tlv("E0", tlv("82", bytes([2, 6, 0])))
            return tlv("6F", tlv("84", ISDR) + template) + b"\x90\x00"
        return b"\x90\x00"

    def store(self, tag, data):
        if tag == "BF2E":
            self.challenge += 1
            return tlv("BF2E", tlv("80", self.challenge.to_bytes(16, "big")))
        if tag == "BF3C":
            return tlv("BF3C", tlv("81", b"ds.example.com"))
        if tag == "BF28":
            return tlv("BF28", tlv("A0", b""))
        if tag == "BF3E":
            return tlv("BF3E", tlv("5A", bytes.fromhex(EID)))
        if tag == "BF2D":
            infos = [
                tlv("E3", tlv("5A", iccid) + tlv("9F70", bytes([enabled])) + tlv("91", b"Operator"))
                for iccid, enabled in self.profiles.items()
            ]
            return tlv("BF2D", tlv("A0", b"".join(infos)))
        iccid = data[data.index(b"\x5a\x0a") + 2 :][:10]
        if tag == "BF31":
            self.profiles = {known: known == iccid for known in self.profiles}
        else:
            self.profiles[iccid] = False
        return tlv(tag, b"\x80\x01\x00")


class SnapshotCard(MiniCard):
    """The same with the ability to be put back."""

    def snapshot(self):
        return dict(self.profiles)

    def restore(self, snapshot):
        self.profiles = snapshot
        self.sent.append("restored")


HEAD = """
case: TC_Mini
title: Mini
iut: euicc
interface: ES10b
clauses: {sgp22: ["5.7.7"], sgp23: "4.2.12"}
origin: own
sequences:
  - id: "01"
    title: One
"""


def case_of(sequence, iut="euicc"):
    """The case of one sequence, given without id and title."""
    document = Document.parse(HEAD.replace("iut: euicc", f"iut: {iut}") + sequence)
    case = parse(document)
    assert case is not None, "\n".join(map(str, document.mistakes))
    return case


def run(sequence, card=None, events=None, **session):
    """The result of a sequence on a card."""
    case = case_of(sequence)
    session.setdefault("real_card", False)
    listeners = [] if events is None else [events.append]
    return Runner(Session(Card(card or MiniCard()), **session), listeners).run(case, case.sequences[0])
