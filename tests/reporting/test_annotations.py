"""Annotations for GitHub and GitLab."""

import json

from pytest_euicc.reporting.annotations import github, gitlab
from pytest_euicc.reporting.run_file import Entry

FAILED = Entry(
    id="TC_X_01",
    title="It holds",
    verdict="fail",
    reason="step 1: 100 %\nclause 5.7.7",
    file="vectors/a,b.yaml",
    line=7,
)
PASSED = Entry(id="TC_X_02", title="It holds", verdict="pass")
NOT_JUDGED = Entry(id="TC_X_03", title="It holds", verdict="inconclusive", reason="no reader", file="v.yaml")


def test_github_shows_the_line_of_the_vector() -> None:
    assert list(github([FAILED, PASSED, NOT_JUDGED])) == [
        "::error file=vectors/a%2Cb.yaml,line=7,title=TC_X_01::It holds: fail%0Astep 1: 100 %25%0Aclause 5.7.7",
        "::warning file=v.yaml,line=1,title=TC_X_03::It holds: inconclusive%0Ano reader",
    ]


def test_gitlab_has_one_issue_for_each() -> None:
    issues = json.loads(gitlab([FAILED, PASSED, NOT_JUDGED]))
    assert [(issue["check_name"], issue["severity"]) for issue in issues] == [
        ("TC_X_01", "critical"),
        ("TC_X_03", "minor"),
    ]
    assert issues[0]["location"] == {"path": "vectors/a,b.yaml", "lines": {"begin": 7}}
    assert len({issue["fingerprint"] for issue in issues}) == 2
