"""Allure's attachments as files: each has a name of its own, and what was attached before is not written again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.plugin_runs import run

CHOSEN = ("-k", "ATR_And_ISDR_Selection_03 or ATR_And_ISDR_Selection_08", "--alluredir", "allure")


def _attached(folder: Path) -> list[Path]:
    results = [json.loads(path.read_text()) for path in folder.glob("*-result.json")]
    return [folder / each["source"] for result in results for step in result["steps"] for each in step["attachments"]]


def test_a_text_that_was_attached_before_is_a_further_name(pytester: pytest.Pytester) -> None:
    run(pytester, "card", *CHOSEN).assert_outcomes(passed=2)
    attached = _attached(pytester.path / "allure")
    # Allure 3 shows a file in one place only.
    assert len(set(attached)) == len(attached)
    texts = [path.read_text() for path in attached]
    assert len(set(texts)) < len(texts)
    assert len({path.stat().st_ino for path in attached}) == len(set(texts))


def test_without_links_it_is_written_again(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError("this file system has no links")

    monkeypatch.setattr(os, "link", none)
    run(pytester, "card", *CHOSEN).assert_outcomes(passed=2)
    attached = _attached(pytester.path / "allure")
    assert len({path.stat().st_ino for path in attached}) == len(attached)
    assert len({path.read_text() for path in attached}) < len(attached)
