"""docs/reference is what the docstrings and types say today, and a docstring that says too little is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_euicc.conformance.engine.arguments import Parameters
from pytest_euicc.conformance.engine.registry import CHECKS, Check
from pytest_euicc.reporting import reference
from pytest_euicc.reporting.docstrings import Description

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"


def test_the_reference_is_current(tmp_path: Path) -> None:
    reference.write(tmp_path / "made")
    made = {path.name: path.read_text(encoding="utf-8") for path in (tmp_path / "made").iterdir()}
    kept = {path.name: path.read_text(encoding="utf-8") for path in REFERENCE.glob("*.md")}
    kept = {name: text for name, text in kept.items() if name in made or "<!-- Made by `make reference`" in text}
    outdated = sorted(name for name in made.keys() | kept.keys() if made.get(name) != kept.get(name))
    assert not outdated, f"run `make reference`; out of date: {', '.join(outdated)}"


def test_an_argument_without_description_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def quiet(_context: object, _outcome: object, *, count: int) -> tuple[()]:
        """Nothing is said of the argument."""
        return ()

    quiet.__module__ = "pytest_euicc.interfaces.card.commands"
    reference.pages()
    monkeypatch.setitem(CHECKS.entries, "quiet", Check("quiet", "Quiet", quiet, Parameters(quiet)))
    with pytest.raises(ValueError, match="quiet: described are , but there are count"):
        reference.pages()


def test_what_other_packages_register_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def acme(_context: object, _outcome: object) -> tuple[()]:
        """A vendor's own."""
        return ()

    before = reference.pages()
    monkeypatch.setitem(CHECKS.entries, "acme", Check("acme", "Acme", acme, Parameters(acme)))
    assert reference.pages() == before


def test_a_docstring_is_read_whole() -> None:
    described = Description(
        """A title.

        Some text
        on two lines.

        Args:
            first: one
                that goes on.
            second: another.

        Returns:
            What there
            is.
        """
    )
    assert described.title == "A title"
    assert described.text == "Some text\non two lines."
    assert described.arguments == {"first": "one that goes on.", "second": "another."}
    assert described.result == "What there is."
