"""Who does what only a person can do: none, a hook, the terminal."""

from __future__ import annotations

import json
import os
import pty
from pathlib import Path

import pytest

from pytest_euicc.conformance.engine.errors import SetupIncomplete
from pytest_euicc.conformance.engine.operator import OperatorRequest
from pytest_euicc.lab import operators
from pytest_euicc.lab.operators import HookOperator, TerminalOperator
from tests.support import plugin_runs
from tests.support.forked import PytestRun

REQUEST = OperatorRequest("remove", "Take the card out.", "X_01", lambda: False)
QUESTION = OperatorRequest("confirm", "Is the screen dark?", "X_01")


def hook(pytester: pytest.Pytester, body: str) -> None:
    pytester.makeconftest(f"def pytest_euicc_operator(config, request):\n    {body}\n")


def test_the_simulated_card_has_an_operator_whose_answers_are_kept(pytester: pytest.Pytester) -> None:
    done = plugin_runs.run(pytester, "operator", "-k", "PowerLoss_04 or PowerLoss_06", "--euicc-report", "out")
    done.assert_outcomes(passed=2)
    record = json.loads((pytester.path / "out" / "run.json").read_text())
    asked = [(each["sequence"][-2:], each["task"], each["answer"]) for each in record["operator"]]
    assert asked[:2] == [("04", "remove", "done"), ("04", "insert", "done")]
    assert [task for number, task, _ in asked if number == "06"] == ["remove", "swap", "remove", "insert"]
    assert "Put the card back into the reader (sim)." in (pytester.path / "out" / "summary.html").read_text()


def test_without_an_operator_they_are_not_applicable(pytester: pytest.Pytester) -> None:
    done = plugin_runs.run(pytester, "operator", "--euicc-operator", "none", "-rs")
    done.assert_outcomes(skipped=7)
    done.stdout.fnmatch_lines(["*needs a person at the bench; give --euicc-operator terminal or hook*"])


def test_a_hook_that_fails(pytester: pytest.Pytester) -> None:
    hook(pytester, "return 'cannot' if request.task == 'remove' else 'maybe'")
    done = plugin_runs.run(pytester, "operator", "-k", "PowerLoss_01 or PowerLoss_02")
    done.assert_outcomes(errors=2)
    done.stdout.fnmatch_lines(["*test setup incomplete: the operator cannot do it: Take the card out*"])
    done.stdout.fnmatch_lines(["*the hook pytest_euicc_operator returned 'maybe'; one of done, cannot*"])


def test_a_card_that_was_never_out(pytester: pytest.Pytester) -> None:
    hook(pytester, "return 'done'")
    done = plugin_runs.run(pytester, "operator", "-k", "PowerLoss_01", "--euicc-operator-timeout", "0.1")
    done.assert_outcomes(errors=1)
    done.stdout.fnmatch_lines(["*the operator did not do it within *: Take the card out of the reader (sim)."])


def test_the_eid_that_is_printed_is_asked_for(pytester: pytest.Pytester) -> None:
    hook(pytester, "return 'no' if '89049032123451234512345678901235' in request.text else None")
    done = plugin_runs.run(pytester, "operator", "-k", "EidInPrint", "--euicc-report", "out")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*answer: expected*yes*no*"])
    (asked,) = json.loads((pytester.path / "out" / "run.json").read_text())["operator"]
    assert (asked["task"], asked["answer"]) == ("confirm", "no")


def test_a_vendors_question(pytester: pytest.Pytester) -> None:
    hook(pytester, "return 'no' if request.text == 'Is the screen dark?' else None")
    vector = """\
case: TC_ACME_Screen
title: Screen
iut: euicc
interface: acme
clauses: { sgp22: ["3.2.1"] }
sequences:
  - id: "01"
    title: Dark
    requirement: The screen is dark (3.2.1).
    steps:
      - operator.confirm: { question: "Is the screen dark?", expect: { answer: "yes" } }
"""
    (pytester.path / "acme.yaml").write_text(vector)
    done = plugin_runs.run(pytester, "others", "--euicc-vectors", "acme.yaml", "-k", "ACME")
    done.assert_outcomes(failed=1)
    done.stdout.fnmatch_lines(["*answer: expected*yes*no*"])


def test_a_hook_that_raises_is_no_fault_of_the_harness() -> None:
    def hook(_request: OperatorRequest) -> str:
        raise OSError("relay: no such port")

    with pytest.raises(SetupIncomplete, match=r"^the hook pytest_euicc_operator failed \(remove\): OSError: relay"):
        HookOperator(hook, 5).ask(REQUEST)


def test_what_was_typed_before_a_request_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    own, there = pty.openpty()
    monkeypatch.setattr(operators, "_TERMINAL", os.ttyname(there))
    request = OperatorRequest("power off", "Switch the power off.", "X_01")
    try:
        os.write(own, b"\n\n")
        assert TerminalOperator(0.1).ask(request).answer == "time-out"
    finally:
        os.close(own)
        os.close(there)


def test_time_and_unknown_answers_of_a_hook() -> None:
    ticks = iter(range(100))
    late = HookOperator(lambda _request: "done", 5, clock=lambda: next(ticks), sleep=lambda _seconds: None)
    assert late.ask(REQUEST).answer == "time-out"
    assert HookOperator(lambda _request: "yes", 5).ask(QUESTION).answer == "yes"
    with pytest.raises(SetupIncomplete, match="returned 'done'; one of yes, no, cannot"):
        HookOperator(lambda _request: "done", 5).ask(QUESTION)
    with pytest.raises(SetupIncomplete, match="no hook pytest_euicc_operator does this"):
        HookOperator(lambda _request: None, 5).ask(QUESTION)


@pytest.mark.parametrize(
    ("options", "reported"),
    [
        (["terminal", "-n", "2"], "workers of pytest-xdist have no terminal"),
        (["terminal"], "this process has no terminal to ask on"),
        (["nobody"], "--euicc-operator: no operator 'nobody'; known: hook, none, terminal"),
    ],
)
def test_one_message_before_the_run(options: list[str], reported: str, tmp_path: Path) -> None:
    (tmp_path / "test_nothing.py").write_text("def test_nothing(): pass\n")
    process = PytestRun(["-p", "no:cacheprovider", "--euicc-operator", *options], tmp_path)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == pytest.ExitCode.USAGE_ERROR
    assert reported in said
