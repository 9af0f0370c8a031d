"""JUnit XML: an inconclusive sequence is an error, not a failure; names do not depend on where pytest was started."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.junitxml import xml_key


def describe(config: pytest.Config, report: pytest.TestReport) -> None:
    """Prepare what JUnit XML will say of a sequence; without ``--junitxml`` nothing."""
    xml = config.stash.get(xml_key, None)
    told: dict[str, Any] | None = getattr(report, "euicc", None)
    if xml is None or told is None:
        return
    reporter = xml.node_reporter(report)
    reporter.add_attribute("classname", f"pytest_euicc.{told['interface']}")
    reporter.add_attribute("name", told["id"])
    # Only the older family of the format has these; the properties say them in both.
    reporter.add_attribute("file", told["file"])
    reporter.add_attribute("line", told["line"])
    if getattr(report, "euicc_inconclusive", False):
        setattr(reporter, "append_failure", reporter.append_error)  # noqa: B010  (a method, for this report alone)
