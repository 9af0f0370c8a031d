"""JUnit XML: an inconclusive sequence is an error, not a failure; names do not depend on where pytest was started."""

from __future__ import annotations

from typing import Any

import pytest
from _pytest.junitxml import xml_key


def describe(config: pytest.Config, report: pytest.TestReport, interface: str) -> None:
    """Prepare what JUnit XML will say of a sequence; without ``--junitxml`` nothing.

    Args:
        interface: of the sequence.
    """
    xml = config.stash.get(xml_key, None)
    if xml is None:
        return
    reported: dict[str, Any] = getattr(report, "euicc", {})
    reporter = xml.node_reporter(report)
    reporter.add_attribute("classname", f"pytest_euicc.{interface}")
    # A sequence whose set-up failed has reported nothing; its id is the parameter of the test.
    name = report.nodeid.partition("[")[2].removesuffix("]").replace("-@", "@")
    reporter.add_attribute(
        "name", reported["id"] + (f"@{reported['product']}" if reported.get("product") else "") if reported else name
    )
    # Only the older family of the format has these; the properties say them in both.
    for name in ("file", "line"):
        if name in reported:
            reporter.add_attribute(name, reported[name])
    if getattr(report, "euicc_inconclusive", False):
        setattr(reporter, "append_failure", reporter.append_error)  # noqa: B010  (a method, for this report alone)
