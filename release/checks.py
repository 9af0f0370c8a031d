"""What must be so before a version is built: one version, its changes, a tag, links."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_RELEASE = re.compile(r"\d+\.\d+\.\d+(?:(?:a|b|rc)\d+)?")
_LINKS = ("Changelog", "Documentation", "Issues", "Source")


def project(root: Path) -> dict[str, Any]:
    """The table ``project`` of pyproject.toml."""
    table: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return table


def mistakes(root: Path, tags: list[str], changed: str) -> Iterator[str]:
    """What is missing, one line each.

    Args:
        tags: those of the commit.
        changed: what ``git status --porcelain`` says.
    """
    described = project(root)
    version = described["version"]
    if changed.strip():
        yield "there are changes that are not committed: git status"
    if not _RELEASE.fullmatch(version):
        yield f"pyproject.toml: {version} is no version of a release; write three numbers, such as 0.2.0"
    if f"v{version}" not in tags:
        yield f"the commit has no tag v{version}: git tag -a v{version}"
    yield from changelog_mistakes((root / "CHANGELOG.md").read_text(encoding="utf-8"), version)
    missing = [link for link in _LINKS if link not in described.get("urls", {})]
    if missing:
        yield f"pyproject.toml: [project.urls] lacks {', '.join(missing)}"


def changelog_mistakes(text: str, version: str) -> Iterator[str]:
    """What is wrong with the sections of a changelog."""
    sections = re.split(r"^## ", text, flags=re.MULTILINE)[1:]
    named = {section.splitlines()[0]: section for section in sections}
    own = next((head for head in named if head.startswith(f"[{version}]")), None)
    if own is None:
        yield f"CHANGELOG.md has no section ## [{version}] - YYYY-MM-DD"
    elif not re.fullmatch(rf"\[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d", own):
        yield f"CHANGELOG.md: ## {own}: write the date behind it, ## [{version}] - YYYY-MM-DD"
    if "- " in named.get("[Unreleased]", ""):
        yield "CHANGELOG.md: there are changes under [Unreleased]; move them to the section of the version"
