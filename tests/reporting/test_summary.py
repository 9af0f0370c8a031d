"""The table of a run for the terminal, and its page."""

from __future__ import annotations

from pytest_euicc.conformance.engine.events import Phase, StepFailure
from pytest_euicc.conformance.engine.failure import failure_text
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.reporting.grouping import groups
from pytest_euicc.reporting.run_file import Entry, RunRecord
from pytest_euicc.reporting.summary import html, lines


def entry(name: str, verdict: str, reason: str = "") -> Entry:
    reported = {"id": name, "title": "It", "verdict": verdict, "interface": "ES9+", "reason": reason}
    return Entry.model_validate(reported)


def record(*entries: Entry) -> RunRecord:
    return RunRecord(schema=2, finished=True, sequences=list(entries))


def test_causes_that_several_sequences_share() -> None:
    same = [entry(f"a{number}", "fail", f"status 8.8/3.10, session {number:08X}") for number in range(3)]
    others = [entry("b", "fail", "another"), entry("c", "inconclusive", "no profile"), entry("d", "pass")]
    reported = list(lines(record(*others, *same)))
    assert "causes      5 sequences did not pass, for 3 causes; several at once:" in reported
    assert reported[reported.index("causes      5 sequences did not pass, for 3 causes; several at once:") + 1] == (
        "            3 fail: status 8.8/3.10, session 00000000"
    )


def test_one_cause_is_no_plural() -> None:
    run = record(entry("a", "fail", "one"), entry("b", "fail", "one"))
    assert "causes      2 sequences did not pass, for 1 cause; several at once:" in list(lines(run))
    assert ">1 cause. Sequences" in html(run)


def test_single_causes_need_no_lines() -> None:
    reported = list(lines(record(entry("a", "fail", "one"), entry("b", "fail", "another"))))
    assert not any(line.startswith("causes") for line in reported)


def test_one_answer_where_several_were_demanded_is_one_cause() -> None:
    def failed(name: str, expected: str) -> Entry:
        problem = {"path": "status", "expected": expected, "actual": "success"}
        step = {"number": 1, "action": "es9plus.authenticate_client", "passed": False, "problems": [problem]}
        step |= {"status": "success"}
        reported = {"id": name, "title": "It", "verdict": "fail", "interface": "ES9+", "clauses": ["5.6.3"]}
        return Entry.model_validate(reported | {"steps": [step]})

    (group,) = groups([failed("a", "8.1.2/6.1"), failed("b", "8.1.3/6.1"), failed("c", "8.1.2/6.1")])
    reported = "status: expected 8.1.2/6.1 or 8.1.3/6.1, received success (5.6.3)"
    assert group.cause == f"es9plus.authenticate_client answered success: {reported}"


def test_a_run_without_evidence_has_the_same_causes() -> None:
    def failed(name: str, number: int, expected: str) -> Entry:
        failure = StepFailure(
            number=number,
            action="es9plus.authenticate_client",
            title="It",
            because=None,
            phase=Phase.STEP,
            sent=b"{}",
            sent_value=None,
            received=f'{{"transactionId": "{number:032X}"}}'.encode(),
            sw=None,
            status="success",
            received_value=None,
            mismatches=(Mismatch("status", expected, "success"),),
            clauses=("SGP.22 5.6.3",),
        )
        reported = {"id": name, "title": "It", "verdict": "fail", "interface": "ES9+", "clauses": ["5.6.3"]}
        return Entry.model_validate(reported | {"reason": failure_text(failure)})

    (group,) = groups([failed("a", 1, "8.1.2/6.1"), failed("b", 3, "8.1.3/6.1")])
    reported = "status: expected 8.1.2/6.1 or 8.1.3/6.1, received success (5.6.3)"
    assert group.cause == f"es9plus.authenticate_client answered success: {reported}"


def test_the_page_shows_where_time_went_with_whole_names() -> None:
    slow = "TC_SM-DP+_ES9+.GetBoundProfilePackage_RetryCases_DifferentOTPK_NIST_O1"
    run = record(
        entry(slow, "pass").model_copy(update={"seconds": 2.0, "transport_seconds": 0.5}),
        entry("quick", "pass").model_copy(update={"seconds": 0.5}),
    )
    page = html(run)
    start = page.index('<h2 id="times">')
    rows = page[start : page.index("</table>", start)].split("<tr>")
    assert f'<a href="#{slow}"><code>{slow}</code></a>' in rows[2]
    parts = 'class="pass" style="flex:25.0"></span><span class="not-applicable" style="flex:75.0"></span></span>'
    assert parts in rows[2]
    assert 'data-label="ms">2000</td>' in rows[2]
    rest = 'class="not-applicable" style="flex:25.0"></span><span class="rest" style="flex:75.0"></span></span>'
    assert rest in rows[3]


def test_the_page_names_the_deviations_of_every_side() -> None:
    sides = {"--euicc-defect": "eUICC", "--smdp-variant": "SM-DP+", "--lpa-defect": "LPA", "--lpa-variant": "variant"}
    run = record().model_copy(update={"deviations": {option: [f"of-{name}"] for option, name in sides.items()}})
    page = html(run)
    assert "<dt>defects of the simulated eUICC</dt><dd>of-eUICC</dd>" in page
    assert "<dt>permitted variants of the simulated SM-DP+</dt><dd>of-SM-DP+</dd>" in page
    assert "<dt>defects of the built-in LPA</dt><dd>of-LPA</dd>" in page
    assert "<dt>permitted variants of the built-in LPA</dt><dd>of-variant</dd>" in page
