"""Actions below ES10 and named checks, on answers written out by hand."""

from typing import cast

import pytest

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine.context import Context
from pytest_euicc.conformance.engine.events import Verdict
from pytest_euicc.conformance.engine.library import load
from pytest_euicc.conformance.engine.message import Outcome
from pytest_euicc.conformance.engine.registry import CHECKS
from tests.support.mini_card import ISDR, MiniCard, run, tlv

load()


def verdict(steps, card=None, given="isdr_selected"):
    result = run(f"    given: [{given}]\n    steps:\n{steps}", card)
    return result.verdict, result.reason


@pytest.mark.parametrize(
    ("step", "passes"),
    [
        ("card.atr: {expect: {checksum: right, protocols: [0], euicc: true, logical_channels: 8}}", True),
        ("card.atr: {expect: {historical: 8031E073F62157574A4D020B341100}}", True),
        ("card.atr: {expect: {euicc: false}}", False),
        ("isdr.select: {expect: {aid: A0000005591010FFFFFFFF8900000100, isdr: {svn: 2.6.0}, svn: 2.6.0}}", True),
        ("isdr.select: {expect: {isdr: {svn: {at_most: 2.5.0}}}}", False),
        ("isdr.store_data: {data: BF2E00, expect: {data: {octets: 21, starts_with: BF2E}}}", True),
        ("isdr.store_data: {data: BF2E00, sw: error}", False),
        ("card.select: {file: 3F00/2FE2, expect: {fcp: {'82': '0121'}}}", True),
        ("card.send: {apdu: 00A40004023F00, expect: {data: {starts_with: '62'}}}", True),
        ("card.send: {ins: '70', p1: '80', p2: '01'}", True),
        ("card.proactive: {expect: {commands: []}}", True),
        ("card.proactive: {expect: {commands: {contains: {name: REFRESH, qualifier: 4}}}}", False),
        ("card.open_channel: {as: other, expect: {number: 1}}", True),
        ("check.equal: {left: '00FF', right: 00ff}", False),
        ("check.value: {of: 5, expect: {at_most: 4}}", False),
        (
            "check.card_resource: {of: 8101028203040000830200FF, "
            "expect: {applications: 2, non_volatile: 262144, volatile: 255}}",
            True,
        ),
        ("check.card_resource: {of: 810102820304, expect: {applications: 2}}", False),
    ],
)
def test_action(step, passes):
    class WithFiles(MiniCard):
        def transmit(self, apdu):
            if apdu[1] == 0xA4 and apdu[2] == 0:
                self.sent.append(apdu.hex().upper())
                return tlv("62", tlv("82", bytes.fromhex("0121"))) + b"\x90\x00"
            return super().transmit(apdu)

    got, reason = verdict(f"      - {step}\n", WithFiles())
    assert got is (Verdict.PASS if passes else Verdict.FAIL), reason


def test_blocks_go_out_as_written():
    card = MiniCard()
    card.refuse["0102"] = b"\x90\x00"
    card.refuse["BF2E"] = b"\x6a\x86"
    verdict(
        "      - isdr.store_data: {chunks: [{data: '0102', p2: '05'}, {data: BF2E00, p1: 11, cla: '81'}], sw: 6A86}\n",
        card,
    )
    blocks = [entry for entry in card.sent if entry[2:4] == "E2"]
    assert [block[:10] for block in blocks] == ["81E2110502", "81E2110103"]


def test_raw_octets_go_out_as_they_are():
    card = MiniCard()
    verdict("      - card.send: {apdu: FFFFFFFF, raw: true}\n", card)
    assert "FFFFFFFF" in card.sent


def test_a_step_on_another_channel():
    class Channels(MiniCard):
        opened = 0

        def transmit(self, apdu):
            if apdu[1] == 0x70 and apdu[2] == 0:
                self.opened += 1
                return bytes([self.opened]) + b"\x90\x00"
            return super().transmit(apdu)

    card = Channels()
    steps = (
        "      - card.open_channel: {as: second}\n"
        "      - isdr.select: {as: second}\n"
        "      - es10b.get_euicc_challenge: {channel: second}\n"
        "      - es10b.get_euicc_challenge\n"
    )
    got, reason = verdict(steps, card)
    assert got is Verdict.PASS, reason
    assert [entry[:2] for entry in card.sent if entry[2:4] == "E2"] == ["82", "81"]
    assert any(entry.startswith("02A4040010" + ISDR.hex().upper()) for entry in card.sent)


def mismatches(name, outcome, **arguments):
    return [str(mismatch) for mismatch in CHECKS.get(name)(cast(Context, None), outcome, arguments)]


@pytest.mark.parametrize(
    ("eid", "message"),
    [
        ("89044045118427484800000000011628", None),
        ("89044045118427484800000000011629", "1 modulo 97"),
        ("35777777777777777777777777777777", None),
        ("8904404511842748480000000001162F", "32 decimal digits"),
        ("8904", "32 decimal digits"),
    ],
)
def test_eid_check_digits(eid, message):
    found = mismatches("eid_check_digits", Outcome(value={"eidValue": bytes.fromhex(eid)}))
    assert (found == []) if message is None else (message in found[0])


@pytest.mark.parametrize(("octets", "count"), [("BF2E128010" + "00" * 16, 0), ("BF2E8112" + "8010" + "00" * 16, 1)])
def test_der(octets, count):
    outcome = Outcome(received=bytes.fromhex(octets), type_name="GetEuiccChallengeResponse")
    assert len(mismatches("der", outcome)) == count


def test_complete():
    octets = bytes.fromhex("BF2E158010" + "00" * 16 + "9E0101")
    received = codec.receive("GetEuiccChallengeResponse", octets)
    outcome = Outcome(received=octets, unknown=received.unknown, type_name="GetEuiccChallengeResponse")
    assert len(mismatches("complete", outcome)) == 1
    assert mismatches("complete", Outcome()) == []


def test_ci_lists():
    one, two = {"svn": b"\2", "euiccCiPKIdListForVerification": [b"a"], "euiccCiPKIdListForSigning": [b"a"]}, {}
    two = {**one, "euiccCiPKIdListForSigning": [b"b"]}
    assert mismatches("ci_lists_match", Outcome(value=one), **{"with": one}) == []
    assert len(mismatches("ci_lists_match", Outcome(value=one), **{"with": two})) == 1
