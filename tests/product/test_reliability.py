"""The counts of docs/explanation/reliability.md are those of the tests."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


class _Collected:
    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.counts.update(item.path.name for item in session.items)


def test_the_counts_of_hostile_tests() -> None:
    text = (ROOT / "docs" / "explanation" / "reliability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(test_\w+\.py)` \| .* \| (\d+) \|$", text, re.MULTILINE)
    collected = _Collected()
    options = ["--collect-only", "-qq", "-p", "no:cacheprovider", "-W", "ignore"]
    assert pytest.main([*options, str(ROOT / "tests" / "hostile")], plugins=[collected]) == pytest.ExitCode.OK
    assert {name: int(count) for name, count in rows} == dict(collected.counts)
