"""What becomes of a test's outcome in pytest's reports: evidence, texts that are safe to show, inconclusive verdicts.

A plugin of pytest.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from typing import Any

import pytest

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.run.state import ENTRY, MISSING, RUN
from pytest_euicc.text import encodable, printable

_HARNESSES = frozenset({"euicc_harness", "smdp_harness", "lpa_harness", "sequence"})
"""Fixtures of tests that communicate with a card, a server or an LPA."""


class Inconclusive(PytestEuiccError):
    """A sequence could not be judged; pytest reports an error, Allure a broken test.

    Args:
        reported_before: for the same reason as a sequence before it, which the terminal need not show again.
    """

    def __init__(self, message: str, *, reported_before: bool = False) -> None:
        super().__init__(message)
        self.reported_before = reported_before


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """The evidence of a sequence goes with its report; one that is inconclusive needs no traceback."""
    report: Any = yield
    written = item.config.stash[RUN].reports.evidence_to_send()
    if written:
        report.euicc_written = written
    if call.when == "call" and ENTRY in item.stash:
        report.euicc, report.euicc_missing = item.stash[ENTRY], item.stash.get(MISSING, [])
    if call.excinfo is not None and isinstance(call.excinfo.value, Inconclusive):
        report.longrepr, report.euicc_inconclusive = str(call.excinfo.value), True
        report.euicc_ended = item.config.stash[RUN].ended
        report.euicc_reported_before = call.excinfo.value.reported_before
    if (report.longrepr or report.sections) and _HARNESSES.intersection(getattr(item, "fixturenames", ())):
        from pytest_euicc.reporting.cleaning import clean, coloured

        shown = coloured if item.config.get_terminal_writer().hasmarkup else printable
        report.longrepr, report.sections = clean(report.longrepr, shown), clean(report.sections, shown)
    return report  # type: ignore[no-any-return]


@pytest.hookimpl(wrapper=True)
def pytest_report_to_serializable() -> Generator[None, Any, Any]:
    """With pytest-xdist: another process takes UTF-8 only, whatever a test failed with."""
    data = yield
    return encodable(data)


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, str] | None:
    """Inconclusive is an error in pytest, not a failure (SGP.23 2.2.5).

    That a server is lost is reported once: those that come after are counted, and not among the errors that are shown.
    """
    if report.failed and getattr(report, "euicc_inconclusive", False):
        reported_before = getattr(report, "euicc_reported_before", False)
        return "not tried as the server is lost" if reported_before else "error", "E", "INCONCLUSIVE"
    return None
