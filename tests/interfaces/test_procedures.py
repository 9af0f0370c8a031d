"""Procedures as steps: what they tell when all goes well, when it does not, and when nothing can be judged."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from pytest_euicc.card.channel import Card
from pytest_euicc.conformance.engine.context import Session
from pytest_euicc.conformance.engine.events import Result, Verdict
from pytest_euicc.conformance.engine.runner import Runner
from pytest_euicc.iut.smdp import SimulatedSmdp
from pytest_euicc.rsp.pki import default_pki
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.euicc.uicc.transport import SimTransport
from pytest_euicc.simulator.euicc.uicc.uicc import SimulatedEuicc
from tests.support.mini_card import case_of

_REQUEST = "{profileIdentifier: {iccid: $q.iccid}, refreshFlag: true}"
ENABLE = f"es10c.enable_profile: {{with: {_REQUEST}, expect: {{enableResult: %s}}}}"
BUSY = f"""
    given: [{{profile: {{as: p}}}}, {{profile: {{as: q}}}}, {{proactive_session: {{profile: p}}}}]
    steps:
      - {ENABLE % "catBusy"}
      - card.fetch
      - card.proactive: {{expect: {{commands: [{{name: REFRESH}}]}}}}
      - {ENABLE % "ok"}
"""


@pytest.fixture(scope="module")
def smdp() -> Iterator[SimulatedSmdp]:
    made = SimulatedSmdp(default_pki())
    yield made
    made.close()


def run(sequence: str, smdp: SimulatedSmdp, *defects: str, **settings: object) -> Result:
    chosen = EuiccSettings(**settings)
    card = Card(SimTransport(SimulatedEuicc(chosen, defects=frozenset(defects))))
    card.connect()
    pki = default_pki()
    session = Session(card, real_card=False, trust=pki.trust(), pki=pki, smdp=smdp)
    case = case_of(sequence)
    return Runner(session).run(case, case.sequences[0])


def steps(*lines: str) -> str:
    return "    given: [isdr_selected]\n    steps:\n" + "".join(f"      - {line}\n" for line in lines)


def test_a_download_that_broke_off_is_taken_up(smdp: SimulatedSmdp) -> None:
    sequence = steps(
        "lpa.download: {cut_after: 2, expect: {result: interrupted, segments: {at_least: 4}}}",
        "lpa.retry: {cut_after: 3, expect: {result: interrupted}}",
        "lpa.retry: {expect: {result: installed, key: used again}}",
    )
    assert run(sequence, smdp).verdict is Verdict.PASS
    result = run(sequence, smdp, reuse_keys=False)
    assert result.verdict is Verdict.FAIL
    assert result.failure is not None
    (mismatch,) = result.failure.mismatches
    assert (mismatch.path, mismatch.actual) == ("key", '"new"')


def test_a_server_that_offers_no_key_says_nothing_of_the_euicc() -> None:
    cut = "lpa.download: {cut_after: 2, expect: {result: interrupted}}"
    silent = SimulatedSmdp(default_pki(), frozenset({"omits-bpp-euicc-otpk"}))
    try:
        result = run(steps(cut, "lpa.retry: {key_offered: true, expect: {key: used again}}"), silent)
        assert result.verdict is Verdict.INCONCLUSIVE
        assert "the SM-DP+ offers no one-time key of the download before" in result.reason
        assert run(steps(cut, "lpa.retry: {expect: {result: installed, key: new}}"), silent).verdict is Verdict.PASS
    finally:
        silent.close()


def test_a_profile_of_the_tester_s_own(smdp: SimulatedSmdp) -> None:
    sequence = steps("lpa.download: {package: tester, expect: {result: installed, segments: {at_most: 6}}}")
    assert run(sequence, smdp).verdict is Verdict.PASS
    longer = steps("lpa.download: {octets: 9000, expect: {result: installed, segments: {at_least: 12}}}")
    assert run(longer, smdp).verdict is Verdict.PASS


def test_nothing_to_take_up(smdp: SimulatedSmdp) -> None:
    result = run(steps("lpa.retry: {expect: {result: installed}}"), smdp)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "no download of this sequence got as far as a session" in result.reason


@pytest.mark.parametrize("defect", ["keeps-half-a-profile", "interruption-takes-memory"])
def test_a_power_cut_that_leaves_something(smdp: SimulatedSmdp, defect: str) -> None:
    sequence = steps(
        "lpa.power_cuts: {expect: {cuts: {at_least: 4}, changed_after: {count: 0}, result: installed, key: used again}}"
    )
    assert run(sequence, smdp).verdict is Verdict.PASS
    result = run(sequence, smdp, defect)
    assert result.verdict is Verdict.FAIL
    assert "changed_after" in str(result.failure)


def test_a_memory_that_fills(smdp: SimulatedSmdp) -> None:
    sequence = steps("lpa.fill_memory: {octets: 20000, expect: {result: failed, installed: 2, last: {octets: 10}}}")
    assert run(sequence, smdp, profiles=(), memory=60_000).verdict is Verdict.PASS


@pytest.mark.parametrize(("memory", "size"), [(45_000, 40_000), (35_000, 20_000), (9_000, 5_000)])
def test_a_card_with_little_room_gets_smaller_profiles(memory: int, size: int, smdp: SimulatedSmdp) -> None:
    sequence = steps(f"lpa.fill_memory: {{expect: {{result: failed, installed: {{at_least: 1}}, size: {size}}}}}")
    assert run(sequence, smdp, profiles=(), memory=memory).verdict is Verdict.PASS


def test_a_card_with_no_room_is_not_judged(smdp: SimulatedSmdp) -> None:
    result = run(steps("lpa.fill_memory: {expect: {result: failed}}"), smdp, profiles=(), memory=4_000)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "the card has no room for a profile of 5000 bytes" in result.reason
    expected = "{result: failed, code: installFailedDueToInsufficientMemoryForProfile}"
    result = run(
        steps(f"lpa.fill_memory: {{expect: {expected}}}"), smdp, "memory-fault-is-unknown", profiles=(), memory=4_000
    )
    assert result.verdict is Verdict.FAIL


@pytest.mark.parametrize("kind", ["operational", "test", "provisioning"])
def test_a_profile_that_is_enabled_is_deleted_with_the_others(kind: str, smdp: SimulatedSmdp) -> None:
    # A memory reset spares the test and provisioning profiles of the manufacturer, also those that are enabled.
    there = {"iccid": "98001032547698104254", "name": "P", "class": kind, "enabled": True}
    sequence = (
        "    given: [no_profiles]\n    steps: [es10c.get_profiles_info: {expect: {profileInfoListOk: {count: 0}}}]\n"
    )
    assert run(sequence, smdp, profiles=[there]).verdict is Verdict.PASS


def test_more_channels_than_the_atr_announces_do_not_apply() -> None:
    announced, refused = "announced: true", "sw: error"
    for variant, defect, how, verdict in [
        ("two-channels", "", announced, Verdict.NOT_APPLICABLE),
        ("two-channels", "", refused, Verdict.PASS),
        ("four-channels", "", announced, Verdict.PASS),
        ("four-channels", "one-channel-only", announced, Verdict.FAIL),
    ]:
        case = case_of(f"    given: [isdr_selected]\n    steps: [card.open_channel: {{as: second, {how}}}]\n")
        euicc = SimulatedEuicc(variants=frozenset({variant}), defects=frozenset({defect} - {""}))
        card = Card(SimTransport(euicc))
        card.connect()
        result = Runner(Session(card, real_card=False)).run(case, case.sequences[0])
        assert result.verdict is verdict
        if verdict is Verdict.NOT_APPLICABLE:
            assert result.reason == "needs one more logical channel than the 2 of the ATR"


def test_a_memory_that_does_not_fill(smdp: SimulatedSmdp) -> None:
    result = run(steps("lpa.fill_memory: {octets: 100, at_most: 2, expect: {result: failed}}"), smdp)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "2 profiles of 100 bytes and more do not fill the memory" in result.reason


def test_a_running_proactive_session(smdp: SimulatedSmdp) -> None:
    assert run(BUSY, smdp, cat_busy=True).verdict is Verdict.PASS
    assert run(BUSY, smdp, "busy-for-ever", cat_busy=True).verdict is Verdict.FAIL
    assert run(BUSY, smdp).verdict is Verdict.FAIL
    result = run(BUSY, smdp, "no-refresh", cat_busy=True)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert "announced no proactive command (91xx)" in result.reason


def _notifying(number: int, address: str) -> dict[str, object]:
    iccid = f"98001032547698{number:02}4254"
    return {"iccid": iccid, "name": "P", "notify": [{"events": ["enable", "disable"], "address": address}]}


def test_notifications_of_other_servers_stay_on_the_card(smdp: SimulatedSmdp) -> None:
    """SGP.22 3.5: two operators' notifications are not for the SM-DP+ of the run; its own is sent."""
    addresses = ("operator.example.net", "other-operator.example.org", smdp.address.upper())
    profile = "{{iccid: '98001032547698{:02}4254'}}"
    enable = f"es10c.enable_profile: {{{{with: {{{{profileIdentifier: {profile}, refreshFlag: false}}}}}}}}"
    result = run(
        steps(
            *(enable.format(number) for number in range(1, 4)),
            "lpa.process_notifications: {expect: {delivered: 1, kept: 4, faults: 0, reasons: {count: 4}}}",
            "es10b.list_notification: {expect: {notificationMetadataList: ["
            + ", ".join(f"{{notificationAddress: {address}}}" for address in sorted(addresses[:2] * 2))
            + "]}}",
        ),
        smdp,
        profiles=[_notifying(number, address) for number, address in enumerate(addresses, 1)],
    )
    assert result.verdict is Verdict.PASS, (result.reason, result.failure)


def test_a_server_that_is_not_there_is_a_fault_of_the_delivery(smdp: SimulatedSmdp) -> None:
    elsewhere = SimulatedSmdp(default_pki())
    elsewhere._running()  # so that its address is known while nothing listens
    server = elsewhere._server
    assert server is not None
    server.stop()
    enable = "es10c.enable_profile: {with: {profileIdentifier: {iccid: '98001032547698014254'}, refreshFlag: false}}"
    wanted = "lpa.process_notifications: {expect: {delivered: 0, kept: 1, faults: 1}}"
    result = run(steps(enable, wanted), elsewhere, profiles=[_notifying(1, smdp.address)])
    assert result.verdict is Verdict.PASS, (result.reason, result.failure)
