"""The bench of an LPA: what is recorded, and what a script makes of answers."""

from __future__ import annotations

import json

import pytest

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.card.apdu import CommandApdu
from pytest_euicc.card.channel import Card
from pytest_euicc.card.errors import CardError
from pytest_euicc.conformance.engine.errors import NotPermitted, VectorMistake
from pytest_euicc.conformance.files.orders import OrderWish
from pytest_euicc.es9.binding import decode
from pytest_euicc.es10.isdr import Es10Error, Isdr
from pytest_euicc.iut.lpa.bench import ADDRESS, SimulatedBench
from pytest_euicc.iut.lpa.own import OwnLpa
from pytest_euicc.peers.lpa.bench import Answer
from pytest_euicc.peers.lpa.script import Rule
from pytest_euicc.peers.lpa.tls import TlsRule
from pytest_euicc.peers.lpa.web import Request
from pytest_euicc.rsp.pki import default_pki

ICCID = "98001032547698103214"


@pytest.fixture
def bench() -> SimulatedBench:
    return SimulatedBench(OwnLpa(), default_pki())


@pytest.fixture
def isdr(bench: SimulatedBench) -> Isdr:
    card = Card(bench.transport())
    card.connect()
    found = Isdr(card.open_channel())
    found.select()
    return found


def names(bench: SimulatedBench) -> list[str]:
    return [call.name for call in bench.record.calls]


def rule(**fields: object) -> Rule:
    return Rule.model_validate(fields)


def test_functions_of_the_card_are_on_the_record_with_all_their_octets(bench: SimulatedBench, isdr: Isdr) -> None:
    info = isdr.call("get_euicc_info2")
    assert names(bench) == ["RESET", "MANAGE CHANNEL", "SELECT", "ES10b.GetEUICCInfo2"]
    call = bench.record.calls[-1]
    assert (call.request, call.answer, call.status) == (info.sent, info.octets, "9000")
    assert len(call.apdus) == 2
    assert call.apdus[1].command[1] == 0xC0
    assert bench.card_state()["open_channels"] == 1


@pytest.mark.parametrize(
    ("data", "objects"),
    [
        ("A903830107", {"83": b"\7"}),
        ("A9088100820101830107", {"81": b"", "82": b"\1", "83": b"\7"}),
        ("A90B8006000102030405830107", {"80": bytes(range(6)), "83": b"\7"}),
        ("A90383020707", {}),
        ("8003830107", {}),
    ],
)
def test_objects_of_terminal_capability_have_any_order_and_length(
    bench: SimulatedBench, data: str, objects: dict[str, bytes]
) -> None:
    card = Card(bench.transport())
    card.connect()
    card.basic.send(CommandApdu(0x80, 0xAA, 0, 0, bytes.fromhex(data)))
    (call,) = bench.record.named("TERMINAL CAPABILITY")
    assert call.value["capabilities"] == objects


def test_an_answer_is_edited_and_handed_over_in_portions(bench: SimulatedBench, isdr: Isdr) -> None:
    bench.script.add(rule(**{"function": "ES10b.GetEUICCInfo1", "with": {"svn": "090909"}}))
    bench.script.add(rule(function="ES10c.GetProfilesInfo", value={"profileInfoListError": "undefinedError"}))
    bench.script.add(rule(function="ES10b.GetEUICCInfo2", octets="BF2282012C" + "00" * 300))
    assert isdr.get_euicc_info1()["svn"] == bytes([9, 9, 9])
    assert isdr.get_profiles_info()[0] == "profileInfoListError"
    assert len(isdr.call("get_euicc_info2").octets) == 305
    assert bench.record.calls[-1].answer[:5].hex() == "bf2282012c"


def test_status_words_come_where_they_are_asked_for(bench: SimulatedBench, isdr: Isdr) -> None:
    bench.script.add(rule(function="ES10b.GetEUICCChallenge", nth=2, sw="6985"))
    assert isdr.get_euicc_challenge() != isdr_again(isdr)
    isdr.get_euicc_challenge()
    bench.script.set([rule(function="ES10b.PrepareDownload", block=1, sw="6A80")])
    assert isdr.send("prepare_download", tlv.encode(0xBF21, bytes(600))).sw == 0x6A80
    call = bench.record.calls[-1]
    assert (call.name, call.status, len(call.apdus)) == ("ES10b.PrepareDownload", "6A80", 2)


def isdr_again(isdr: Isdr) -> bytes:
    with pytest.raises(Es10Error, match="6985"):
        isdr.get_euicc_challenge()
    return b""


def test_a_card_without_power_is_gone_until_it_is_reset(bench: SimulatedBench, isdr: Isdr) -> None:
    bench.script.add(rule(function="ES10b.GetEUICCChallenge", power_cut="after"))
    with pytest.raises(CardError, match="no answer"):
        isdr.get_euicc_challenge()
    with pytest.raises(CardError, match="no answer"):
        isdr.get_eid()
    isdr.channel.card.reset()
    again = Isdr(isdr.channel.card.open_channel())
    assert again.select().ok
    assert again.get_eid() == bench.eid.hex()


def ask(bench: SimulatedBench, function: str, **body: object) -> tuple[int, str, dict[str, object]]:
    headers = {"content-type": "application/json"}
    target = f"/gsma/rsp2/es9plus/{function}"
    response = bench.web().answer(Request(ADDRESS, "POST", target, headers, json.dumps(body).encode()))
    read = json.loads(response.body) if response.body[:1] == b"{" else {}
    return response.status, response.cut, read


def test_servers_answer_by_the_script(bench: SimulatedBench, isdr: Isdr) -> None:
    from pytest_euicc.es9.binding import encode

    info = encode(isdr.call("get_euicc_info1").octets)
    body = {"euiccChallenge": encode(bytes(16)), "euiccInfo1": info, "smdpAddress": ADDRESS}
    bench.script.set(
        [
            rule(function="ES9+.InitiateAuthentication", nth=1, status="8.8.1/3.8"),
            rule(function="ES9+.InitiateAuthentication", nth=1, http=503, body="busy"),
            rule(function="ES9+.InitiateAuthentication", nth=1, cut="before"),
            rule(function="ES9+.InitiateAuthentication", nth=1, without=["serverSigned1"], json={"more": 1}),
            rule(**{"function": "ES9+.*", "nth": 1, "with": {"serverSigned1": {"serverAddress": "x.example.com"}}}),
        ]
    )
    reported = [ask(bench, "initiateAuthentication", **body) for _ in range(6)]
    assert [status for status, _, _ in reported] == [200, 503, 0, 200, 200, 200]
    assert reported[2][1] == "before"
    assert "serverSigned1" not in reported[3][2]
    assert reported[3][2]["more"] == 1
    signed = [tlv.parse(_octets(each[2]["serverSigned1"])).octets for each in reported[4:]]
    addresses = [codec.decode("ServerSigned1", each)["serverAddress"] for each in signed]
    assert addresses == ["x.example.com", ADDRESS]
    statuses = [call.status for call in bench.record.named("ES9+.*")]
    assert statuses == ["8.8.1/3.8", "HTTP 503", "cut", "success", "success", "success"]


def _octets(text: object) -> bytes:
    return decode(str(text))


def test_what_is_no_function_is_on_the_record_as_well(bench: SimulatedBench) -> None:
    response = bench.web().answer(Request(ADDRESS, "GET", "/", {}, b""))
    assert (response.status, names(bench)) == (404, ["HTTP"])


def test_our_own_lpa_downloads_between_card_and_server(bench: SimulatedBench) -> None:
    bench.begin(1)
    held = bench.offer(OrderWish())
    answer = bench.perform("download", {"code": f"1${ADDRESS}${held.matching_id}"})
    assert (answer.result, answer.values["iccid"]) == ("success", held.iccid)
    assert bench.card_state()["profiles"] == [{"iccid": held.iccid, "state": "disabled"}]
    assert [order["state"] for order in bench.server_state()["orders"]] == ["Installed"]
    bench.begin(2)
    assert bench.record.calls == []
    assert bench.card_state()["profiles"] == []
    assert bench.server_state()["orders"] == []


def test_what_a_vector_asks_of_the_card_is_checked(bench: SimulatedBench) -> None:
    with pytest.raises(VectorMistake, match="settings of the card: svn"):
        bench.put_card({"svn": "x"})
    with pytest.raises(VectorMistake, match="no defect 'nonsense'"):
        bench.put_card({}, defects=["nonsense"])
    with pytest.raises(VectorMistake, match="the SM-DP"):
        bench.set_server(None, variants=["nonsense"])


def test_another_card_in_the_reader_is_met_after_its_reset(bench: SimulatedBench, isdr: Isdr) -> None:
    bench.put_card({"default_address": "second.example.com"}, which="second")
    first = isdr.get_eid()
    bench.insert_card("second")
    with pytest.raises(CardError, match="no answer"):
        isdr.get_eid()
    card = Card(bench.transport())
    card.connect()
    other = Isdr(card.open_channel())
    other.select()
    assert (first, other.get_eid()) == (bench.eid_of("first").hex(), bench.eid_of("second").hex())
    assert bench.card_state()["default_address"] == bench.card_state("second")["default_address"] != ""
    assert bench.card_state("first")["open_channels"] == 0
    assert bench.record.calls[4].value == {"card": "second"}


def download(bench: SimulatedBench, **happens: object) -> Answer:
    order = bench.offer(OrderWish())
    bench.script.set([rule(**happens)])
    answer = bench.perform("download", {"code": f"1${ADDRESS}${order.matching_id}"})
    bench.script.set([])
    return answer


@pytest.mark.parametrize("what", ["kill", "abort", "another card", "card reset"])
def test_a_download_is_interrupted_and_the_next_one_works(bench: SimulatedBench, what: str) -> None:
    # The user can abort until the load.
    function = "ES9+.GetBoundProfilePackage" if what == "abort" else "ES9+.AuthenticateClient"
    answer = download(bench, function=function, meanwhile=what)
    assert (answer.result, answer.ending) == (("unknown", "killed") if what == "kill" else ("failure", "reported"))
    assert "ES10b.LoadBoundProfilePackage" not in names(bench)
    assert ("MEANWHILE", what) in [(call.name, call.status) for call in bench.record.calls]
    done = download(bench, function="SELECT", delay=0)
    assert (done.result, len(bench.card_state()["profiles"])) == ("success", 1)


def test_a_killed_lpa_sends_nothing_more(bench: SimulatedBench) -> None:
    download(bench, function="ES10b.LoadBoundProfilePackage", nth=3, meanwhile="kill")
    assert bench.record.calls[-1].name == "MEANWHILE"
    assert bench.card_state()["open_channels"] == 1


def test_a_profile_is_switched_by_another_application(bench: SimulatedBench) -> None:
    bench.put_card({"profiles": [{"iccid": ICCID, "name": "one"}]})
    assert download(bench, function="ES9+.AuthenticateClient", meanwhile="profile switch").result == "failure"
    assert bench.card_state()["profiles"] == [{"iccid": bytes.fromhex(ICCID), "state": "enabled"}]
    with pytest.raises(VectorMistake, match="no profile on the card is disabled"):
        download(bench, function="ES9+.AuthenticateClient", meanwhile="profile switch")


def test_the_memory_is_reset_by_another_application(bench: SimulatedBench) -> None:
    bench.put_card({"profiles": [{"iccid": ICCID, "name": "one"}]})
    assert download(bench, function="ES9+.AuthenticateClient", meanwhile="memory reset").result == "failure"
    assert bench.card_state()["profiles"] == []


def test_what_an_lpa_did_not_ask_for_is_left_as_it_is(bench: SimulatedBench) -> None:
    bench.put_card({"profiles": [{"iccid": ICCID, "name": "one"}]})
    changed = {"replace": {"at": "profileInfoListOk.0.profileName", "part": "value", "hex": "74776F"}}
    bench.script.add(rule(function="ES10c.GetProfilesInfo", tamper=[changed]))
    card = Card(bench.transport())
    card.connect()
    isdr = Isdr(card.open_channel())
    isdr.select()
    assert isdr.get_profiles_info()[1][0]["profileName"] == "two"
    listed = isdr.call("get_profiles_info", {"tagList": bytes.fromhex("5A")})
    assert listed.value == ("profileInfoListOk", [{"iccid": bytes.fromhex(ICCID)}])


def test_another_application_opens_a_channel_after_every_reset(bench: SimulatedBench) -> None:
    bench.occupy_channel()
    card = Card(bench.transport())
    card.connect()
    assert card.open_channel().number == 2
    card.reset()
    assert card.open_channel().number == 2
    assert bench.card_state()["open_channels"] == 1
    assert [call.value["channel"] for call in bench.record.named("CHANNEL TAKEN")] == [1, 1]


def test_over_tls_our_own_lpa_is_not_killed_inside_a_request(bench: SimulatedBench) -> None:
    bench.use_tls(TlsRule())
    with pytest.raises(NotPermitted, match="servers that are reached without a socket"):
        download(bench, function="ES9+.AuthenticateClient", meanwhile="kill")
    bench.close()
