"""Runs side by side: exactly what differs, in words for a release manager."""

from __future__ import annotations

import json
from typing import Any
from xml.etree import ElementTree as Xml

import pytest

from pytest_euicc.reporting.compare_formats import as_json, html, junit, markdown
from pytest_euicc.reporting.comparison import compare, worst
from pytest_euicc.reporting.run_file import RunRecord
from pytest_euicc.text import printable


def entry(name: str, verdict: str = "pass", **more: Any) -> dict[str, Any]:
    return {
        "id": name,
        "case": f"TC.{name}",
        "interface": "ES10c",
        "title": f"Title of {name}",
        "verdict": verdict,
        **more,
    }


def step(received: Any = None, *, actual: str | None = None, sw: str = "9000") -> dict[str, Any]:
    problems = [] if actual is None else [{"path": "x", "expected": "ok", "actual": actual}]
    passed = actual is None
    return {"number": 1, "action": "es10c.f", "passed": passed, "sw": sw, "received": received, "problems": problems}


def run(*entries: dict[str, Any], known: tuple[str, ...] = (), **more: Any) -> RunRecord:
    ids = [each["id"] for each in entries]
    data = {"schema": 2, "known": [*ids, *known], "sequences": list(entries), "card": {"eid": "89"}, **more}
    return RunRecord.model_validate(data)


def kinds(*runs: RunRecord) -> dict[str, list[str]]:
    return {kind: [change.id for change in changes] for kind, changes in compare(runs).by_kind.items()}


def test_every_kind_of_change() -> None:
    before = run(
        entry("same"), entry("worse"), entry("better", "fail"), entry("still", "fail", steps=[step(actual="no")]),
        entry("otherwise", "fail", steps=[step(actual="no")]), entry("gone"), entry("left out"),
    )  # fmt: skip
    after = run(
        entry("same"), entry("worse", "fail", reason="it answered no"), entry("better"),
        entry("still", "fail", steps=[step(actual="another no")]),
        entry("otherwise", "fail", steps=[step(actual="no", sw="6A80")]), entry("new"),
        known=("left out",),
    )  # fmt: skip
    assert kinds(before, after) == {
        "worse": ["worse"],
        "better": ["better"],
        "otherwise": ["otherwise"],
        "still": ["still"],
        "new": ["new"],
        "gone": ["gone"],
        "not-run": ["left out"],
    }
    assert kinds(before, before) == {"still": ["better", "otherwise", "still"]}


def test_a_selection_against_a_full_run_is_no_regression() -> None:
    full, chosen = run(entry("a"), entry("b", "fail")), run(entry("a"), known=("b",))
    assert kinds(full, chosen) == {"not-run": ["b"]}
    assert not worst(compare([full, chosen]), ["worse", "gone"])


def test_a_renamed_sequence_is_the_same_one() -> None:
    assert kinds(run(entry("old")), run(entry("new", "fail", formerly=["old"]))) == {"worse": ["new"]}


def test_three_runs_show_what_is_flaky() -> None:
    runs = [
        run(entry("a", verdict), entry("b", other))
        for verdict, other in (("pass", "pass"), ("fail", "pass"), ("pass", "fail"))
    ]
    comparison = compare(runs)
    assert {kind: [change.id for change in each] for kind, each in comparison.by_kind.items()} == {
        "flaky": ["a"],
        "worse": ["b"],
    }
    assert "a: pass -> fail -> pass" in "\n".join(comparison.lines())


def test_changed_answers_under_the_same_verdict() -> None:
    def info(firmware: str, challenge: str, capability: str = "01") -> dict[str, Any]:
        value = {"euiccFirmwareVer": firmware, "euiccChallenge": challenge, "inner": {"rspCapability": capability}}
        return entry("info", steps=[step(value)])

    (change,) = compare([run(info("010000", "AA")), run(info("010100", "BB"))]).changes
    assert change.kind == "answers"
    assert change.details == ("step 1, es10c.f, euiccFirmwareVer: 010000 -> 010100",)
    # What already varied between the runs before is noise.
    varied = [run(info("010000", "AA", each)) for each in ("01", "02", "03")]
    assert compare(varied).changes == ()
    assert compare([run(info("1", "A")), run(info("1", "B"))]).changes == ()
    # ICCIDs of the tester's profiles come from the seed.
    seeds = [info("1", "A", iccid) for iccid in ("989958120139116825F3", "989974195758012131F5")]
    assert compare([run(each) for each in seeds]).changes == ()


def test_a_new_observation_is_a_changed_answer() -> None:
    (change,) = compare([run(entry("a")), run(entry("a", observations=[{"kind": "x", "text": "odd"}]))]).changes
    assert change.details == ("new observation: odd",)


def test_an_observation_with_commas_is_shown_whole() -> None:
    comparison = compare([run(entry("a")), run(entry("a", observations=[{"text": "later, step 2, odd"}]))])
    assert list(comparison.fields) == ["new observation: later, step 2, odd"]
    answered = compare([run(entry("a", steps=[step({"x": each})])) for each in (1, 2)])
    assert list(answered.fields) == ["es10c.f, x: 1 -> 2"]


def test_numbers_that_a_card_counts_up_are_no_changed_answers() -> None:
    def observed(*texts: str) -> Any:
        return run(entry("a", observations=[{"kind": "not-restored", "text": text} for text in texts]))

    earlier = observed(
        "notifications added: 4, 5", "the notification 3 was removed unsent", "the profile 98001f was deleted"
    )
    later = observed(
        "notifications added: 9, 10", "the notification 8 was removed unsent", "the profile 98001f was deleted"
    )
    assert compare([earlier, later]).changes == ()
    one = observed("notifications added: 11", "the notification 8 was removed unsent", "the profile 98001f was deleted")
    (change,) = compare([earlier, one]).changes
    assert change.details == (
        "new observation: notifications added: N",
        "no longer observed: notifications added: N, N",
    )
    of_seeds = (observed(f"the profile {iccid} was odd") for iccid in ("989958120139116825f3", "989974195758012131f5"))
    assert compare(list(of_seeds)).changes == ()


def test_fields_and_observations_that_came_or_went_are_changed_answers() -> None:
    observed: dict[str, Any] = {"observations": [{"text": "odd padding"}]}
    before = run(entry("a", steps=[step({"old": 1, "both": 2})], **observed))
    after = run(entry("a", steps=[step({"both": 2, "new": 3})]))
    (change,) = compare([before, after]).by_kind["answers"]
    assert change.details == (
        "step 1, es10c.f, old: 1 -> absent",
        "step 1, es10c.f, new: absent -> 3",
        "no longer observed: odd padding",
    )


def test_each_warning_is_a_paragraph_of_markdown() -> None:
    after = run(entry("a"), finished=False, deviations={"--euicc-defect": ["long-nickname"]})
    lines = markdown(compare([run(entry("a")), after])).splitlines()
    start = lines.index("> **Warning:** the last run did not finish")
    deviations = "> **Warning:** the last run had deviations of the simulator on: long-nickname"
    assert lines[start + 1 : start + 5] == ["", deviations, "", "| verdict | before | after |"]


def test_both_sides_of_a_verdict_that_changed() -> None:
    good, bad = (
        entry("a", steps=[step({"x": "ok"})]),
        entry("a", "fail", steps=[step(actual="no")], reason="it said no"),
    )
    (worse,) = compare([run(good), run(bad)]).by_kind["worse"]
    assert worse.details == ("it said no", 'before: received {"x": "ok"} 9000')
    (better,) = compare([run(bad), run(good)]).by_kind["better"]
    assert better.details == ("before:", "  it said no", 'now: received {"x": "ok"} 9000')


def test_the_heading_names_both_runs() -> None:
    cards = [{"declaration": "Card", "firmware": firmware, "eid": "89"} for firmware in ("1.0", "1.1")]
    comparison = compare([run(card=card, started="2026-11-28") for card in cards])
    reported = [
        ("before", "Card, firmware 1.0; EID 89; 2026-11-28"),
        ("after", "Card, firmware 1.1; EID 89; 2026-11-28"),
    ]
    assert comparison.heading == reported
    for text in (html(comparison), markdown(comparison), "\n".join(comparison.lines())):
        assert all(words in text for _, words in reported)


def test_times_beyond_their_noise() -> None:
    def timed(*seconds: float) -> list[RunRecord]:
        return [run(entry("a", transport_seconds=each)) for each in seconds]

    assert kinds(*timed(0.4, 0.9)) == {"timing": ["a"]}
    assert kinds(*timed(0.4, 0.7)) == {}
    # Three runs before say how much a time varies.
    assert kinds(*timed(0.1, 0.101, 0.102, 0.2)) == {"timing": ["a"]}
    assert kinds(*timed(0.1, 0.2, 0.1, 0.2, 0.25)) == {}
    assert kinds(*timed(0.001, 0.001, 0.001, 0.004)) == {}


def test_other_products_are_told_loudly() -> None:
    other = run(entry("a"), card={"eid": "90"}, deviations={"--euicc-defect": ["x"]}, finished=False)
    warnings = compare([run(entry("a")), other]).warnings
    assert warnings[0] == "these are different cards: EID 89 and 90"
    assert "the last run did not finish" in warnings
    assert any("x" in warning for warning in warnings[1:])


def test_formats_hold_hostile_text() -> None:
    reported = "<script>alert(1)</script> | \x1b[31m \u202e \ud800 `x`"
    comparison = compare([run(entry("a")), run(entry("a", "fail", reason=reported))])
    page = html(comparison)
    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page
    assert printable(page) == page
    suite = Xml.fromstring(junit(comparison, ["worse"]))
    assert suite.get("failures") == "1"
    assert json.loads(as_json(comparison))["changes"][0]["kind"] == "worse"
    assert "<script>" not in markdown(comparison).replace("\\<script\\>", "")
    assert Xml.fromstring(junit(comparison, [])).get("failures") == "0"


@pytest.mark.parametrize("kind", ["worse", "answers"])
def test_worst(kind: str) -> None:
    comparison = compare([run(entry("a")), run(entry("a", "fail"))])
    assert worst(comparison, [kind]) is (kind == "worse")
