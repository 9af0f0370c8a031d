"""The text of a failed step."""

from __future__ import annotations

import pytest

from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.events import Phase, StepFailure
from pytest_euicc.conformance.engine.failure import failure_text
from pytest_euicc.conformance.engine.registry import ACTIONS, CHECKS, STATES
from pytest_euicc.conformance.values.matchers import Mismatch


def failure(sent: bytes, received: bytes) -> StepFailure:
    """A step of an LPA, which sends to cards and to servers."""
    return StepFailure(
        number=2,
        action="lpad.sent",
        title="It",
        because=None,
        phase=Phase.STEP,
        sent=sent,
        sent_value=None,
        received=received,
        sw=None,
        status=None,
        received_value=None,
        mismatches=(Mismatch("smdpAddress", "a", "A"),),
        clauses=("SGP.22 4.1",),
    )


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b'{"smdpAddress": "A"}', '{"smdpAddress": "A"}'),
        (bytes.fromhex("BF3E035C015A"), "BF3E035C015A"),
        (b"{}", "{}"),
        (b'{"cut": ', "7B22637574223A20"),
        (b"{\xff", "7BFF"),
        (b"12", "3132"),
    ],
)
def test_what_an_lpa_sends_to_a_server_is_text(octets: bytes, shown: str) -> None:
    lines = failure_text(failure(octets, octets)).splitlines()
    assert f"  sent      {shown}" in lines
    assert f"  received  {shown}" in lines


def test_titles_have_no_marks_of_code() -> None:
    library.load()
    titles = [each.title for registry in (ACTIONS, STATES, CHECKS) for each in registry.entries.values()]
    assert len(titles) > 150
    assert not [title for title in titles if "`" in title]
