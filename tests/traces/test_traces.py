"""Traces of many programs read, explained, drafted into vectors and captured."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from pytest_euicc import cli
from pytest_euicc.asn1 import tlv
from pytest_euicc.conformance.reading import loader
from pytest_euicc.document import Document
from pytest_euicc.traces.decoding import DecodeError, decode
from pytest_euicc.traces.drafting import draft
from pytest_euicc.traces.explaining import lines
from pytest_euicc.traces.pcap import pcap
from pytest_euicc.traces.reading import Exchange, messages, parse, read

GET_EID = "81E2910006BF3E035C015A"
EID = "BF3E125A1089049032123451234512345678901235"
TEXTS = {
    "ours": f"# protocol: T=1\n# atr: 3B9F\n# section: x\n> {GET_EID}\n< {EID}9000\n",
    "lpac": f"[DEBUG] [APDU] [TX] CLA: 81, INS: E2, P1: 91, P2: 00, Lc: 06, Data: BF 3E 03 5C 01 5A \n"
    f"[DEBUG] [APDU] [RX] SW1: 90, SW2: 00, Data: {EID}\n",
    "lpac in colour": "\x1b[0;32m[DEBUG] [APDU] [TX] CLA: 81, INS: E2, P1: 91, P2: 00, Lc: 06, "
    "Data: BF3E035C015A\x1b[0m\n"
    f"[DEBUG] [APDU] [RX] SW1: 90, SW2: 00, Data: {EID}\n",
    "pySim": f"-> {GET_EID[:10]} {GET_EID[10:]}\n<- 9000: {EID.lower()}\n-- RESET\n",
    "pcscd": f"00000123 winscard.c:1629:SCardTransmit() APDU: {' '.join(GET_EID[i : i + 2] for i in range(0, 22, 2))}\n"
    f"00000456 winscard.c:1640:SCardTransmit() SW: {' '.join((EID + '9000')[i : i + 2] for i in range(0, 46, 2))}\n",
    "hex": f"{GET_EID}\n{EID}9000\n",
    "hex with Le": f"{GET_EID}00\n{EID}9000\n",
    "arrows": f"=> {GET_EID}\n<= {EID}9000\nsomething else\n",
    "T=0": f">> {GET_EID}\n<< 6115\n>> 81C0000015\n<< {EID}9000\n",
    "T=0, wrong Le": f"> {GET_EID}\n< 6C15\n> {GET_EID}15\n< {EID}9000\n",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_every_format_says_the_same(text: str) -> None:
    (message,) = messages(parse(text.splitlines()))
    assert (message.header.hex(), message.data.hex().upper()) == ("81e29100", "BF3E035C015A")
    assert (message.response.hex().upper(), message.sw) == (EID, 0x9000)
    reported = "\n".join(lines(message))
    assert "ES10c.GetEID (SGP.22 5.7.20), channel 1" in reported
    assert f"< {EID} 9000 (success)" in reported
    assert '{"eidValue": "89049032123451234512345678901235"}' in reported


def test_blocks_of_store_data_are_one_message() -> None:
    text = (
        "> 81E2110003BF3E03\n< 9000\n> 81E29101035C015A\n< 6A88\n> 00A4040410A0000005591010FFFFFFFF8900000100\n< 6A82\n"
    )
    first, second = messages(parse(text.splitlines()))
    assert first.data.hex().upper() == "BF3E035C015A"
    assert (first.sw, second.sw) == (0x6A88, 0x6A82)
    assert "SELECT ISD-R A0000005591010FFFFFFFF8900000100" in next(iter(lines(second)))


def test_a_command_without_a_response() -> None:
    (message,) = messages(parse([f"> {GET_EID}"]))
    assert "no response was recorded" in "\n".join(lines(message))


@pytest.mark.parametrize(
    "text", ["", "> 00", "< 9000", "> zz", "\x00\xff", "[APDU] [TX] CLA: zz, INS: E2", "> " + "00" * 200_000]
)
def test_what_is_no_exchange_is_passed_over(text: str) -> None:
    assert all(exchange.response is None for exchange in parse([text]))


def test_an_answer_that_is_not_asn1_is_told() -> None:
    (message,) = messages([Exchange(1, bytes.fromhex(GET_EID), bytes.fromhex("BF3E055A0489049000"))])
    assert "not GetEuiccDataResponse" in "\n".join(lines(message))


def test_a_draft_is_a_vector_that_loads() -> None:
    text = (
        TEXTS["ours"] + "> 81E2910003BF2E00\n< BF2E1280100102030405060708090A0B0C0D0E0F109000\n> 80F2000000\n< 6A86\n"
    )
    document = Document.parse(draft(messages(parse(text.splitlines())), "x.trace"))
    case = loader.parse(document)
    assert case is not None, document.mistakes
    steps = case.sequences[0].steps
    assert [step.action for step in steps] == ["es10c.get_eid", "es10b.get_euicc_challenge", "card.send"]
    assert steps[0].expect == {"eidValue": "89049032123451234512345678901235"}
    assert steps[2].sw == ["6A86"]


def test_a_draft_has_no_longer_lines_than_lint_allows() -> None:
    listed = tlv.encode(
        0xBF2D, tlv.encode(0xA0, tlv.encode(0xE3, tlv.encode(0x93, b"\1") + tlv.encode(0x94, bytes(900))))
    )
    text = draft(
        messages(parse(["> 81E2910003BF2D00", f"< {listed.hex()}9000", f"> 80E20000FF{'AB' * 255}", "< 6A80"])), "x"
    )
    assert max(map(len, text.splitlines())) <= 120
    case = loader.parse(Document.parse(text))
    assert case is not None
    first, second = case.sequences[0].steps
    assert first.expect["profileInfoListOk"][0]["icon"].split() == ["00" * 16] * 56 + ["00" * 4]
    assert "".join(second.arguments["apdu"].split()) == "80E20000FF" + "AB" * 255


def test_a_draft_escapes_what_turns_the_order_of_text() -> None:
    listed = tlv.encode(0xBF2D, tlv.encode(0xA0, tlv.encode(0xE3, tlv.encode(0x92, "a\u202eb ü".encode()))))
    text = draft(messages(parse(["> 81E2910003BF2D00", f"< {listed.hex()}9000"])), "x")
    assert "\u202e" not in text
    case = loader.parse(Document.parse(text))
    assert case is not None
    assert case.sequences[0].steps[0].expect == {"profileInfoListOk": [{"profileName": "a\u202eb ü"}]}


def test_a_capture_for_wireshark() -> None:
    octets = b"".join(pcap(parse(TEXTS["ours"].splitlines())))
    magic, *_, link = struct.unpack("<IHHiIII", octets[:24])
    assert (magic, link) == (0xA1B2C3D4, 228)
    length = struct.unpack("<I", octets[32:36])[0]
    packet = octets[40:]
    assert len(packet) == length
    # IPv4 and UDP to GSMTAP's port, GSMTAP of type SIM, then command and response.
    assert (packet[0], packet[9], packet[22:24]) == (0x45, 17, (4729).to_bytes(2))
    assert packet[28:31] == bytes((2, 4, 4))
    assert packet[44:] == bytes.fromhex(GET_EID + EID + "9000")
    assert sum(struct.unpack(">10H", packet[:20])) % 0xFFFF == 0


def test_decode() -> None:
    assert next(decode(EID)).startswith('GetEuiccDataResponse: {"eidValue"')
    assert "ES10c.GetEID" in next(decode(GET_EID))
    assert list(decode("E3 05 5A 03 01 02 03", "")) != []
    assert list(decode("DF4002 0102")) == ["DF40 0102"]
    assert next(decode(EID, "GetEuiccDataResponse")).startswith("GetEuiccDataResponse")
    assert list(decode("9000")) == ["9000 (success)"]
    assert list(decode("6A82")) == ["6A82 (file not found)"]
    value, sw = decode(f"{EID} 9000")
    assert (value.partition(":")[0], sw) == ("GetEuiccDataResponse", "9000 (success)")
    assert list(decode("DF40020102 6A88")) == ["DF40 0102", "6A88 (referenced data not found)"]
    long_form = "BF2E81128010" + "00" * 16
    assert "not DER at octet 2" in "\n".join(decode(long_form, "GetEuiccChallengeResponse"))


@pytest.mark.parametrize(
    ("text", "type_name", "words"),
    [
        ("xyz", "", "is not hex"),
        ("", "", "nothing to decode"),
        ("5A10", "", "neither an APDU nor a known ASN.1 type nor a TLV"),
        (EID, "EUICCInfo3", "no ASN.1 type 'EUICCInfo3'; did you mean"),
        ("5A00", "EUICCInfo1", "not EUICCInfo1"),
    ],
)
def test_what_cannot_be_decoded(text: str, type_name: str, words: str) -> None:
    with pytest.raises(DecodeError) as caught:
        list(decode(text, type_name))
    assert words in str(caught.value)


def test_a_file_that_begins_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "windows.log"
    path.write_text(f"{GET_EID}\r\n{EID}9000\r\n", encoding="utf-8-sig")
    (exchange,) = read(path)
    assert (exchange.line, exchange.command.hex().upper()) == (1, GET_EID)


def test_the_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.trace"
    path.write_text(TEXTS["ours"])
    assert cli.main(["trace", str(path)]) == 0
    assert "ES10c.GetEID" in capsys.readouterr().out
    assert cli.main(["trace", str(path), "--to-vector", "--lines", "4-4"]) == 0
    assert "es10c.get_eid" in capsys.readouterr().out
    assert cli.main(["trace", str(path), "--pcap", str(tmp_path / "x.pcap")]) == 0
    assert (tmp_path / "x.pcap").stat().st_size > 24
    assert cli.main(["decode", EID[:4], EID[4:]]) == 0
    for wrong in (["--lines", "90"], ["--lines", "x"], ["--pcap", str(tmp_path / "no" / "x")]):
        assert cli.main(["trace", str(path), *wrong]) == 2
    (tmp_path / "empty").write_text(json.dumps({}))
    for name in ("empty", "missing", "."):
        assert cli.main(["trace", str(tmp_path / name)]) == 2
    assert "no APDUs found" in capsys.readouterr().err
