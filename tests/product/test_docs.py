"""No link in the documentation is dead, and every page is in the navigation of the site."""

from __future__ import annotations

import re
import runpy
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))
OTHERS = [ROOT / name for name in ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")]
FENCED = re.compile(r"^( *)(```+|~~~+).*?^\1\2 *$", re.MULTILINE | re.DOTALL)


def prose(path: Path) -> str:
    """A page without its blocks of code."""
    return FENCED.sub("", path.read_text(encoding="utf-8"))


def slug(heading: str) -> str:
    """The anchor of a heading, where GitHub and the site agree on it."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
    return re.sub(r"[-\s]+", "-", re.sub(r"[^\w\s-]", "", text.replace("`", ""))).strip("-").lower()


@cache
def anchors(path: Path) -> frozenset[str]:
    return frozenset(slug(match[1]) for match in re.finditer(r"^#+ (.+)$", prose(path), re.MULTILINE))


def links(path: Path) -> Iterator[str]:
    text = re.sub(r"`[^`\n]*`", "", prose(path))
    return (match[1] for match in re.finditer(r"\]\(([^)\s]+)\)", text) if not re.match(r"[a-z]+:", match[1]))


def dead(path: Path, link: str) -> str:
    """Why a link leads nowhere; empty for a good one."""
    name, _, anchor = link.partition("#")
    target = (path.parent / name).resolve() if name else path
    if not target.exists():
        return "no such file"
    if DOCS in path.parents and DOCS not in target.parents:
        return "not on the site"
    if anchor and anchor not in anchors(target):
        return "no such heading"
    return ""


def test_every_extra_of_users_is_explained() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    page = (DOCS / "how-to" / "install.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(extras.keys() - {"dev", "docs", "release"})


@pytest.mark.parametrize("path", [*PAGES, *OTHERS], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_link_is_dead(path: Path) -> None:
    found = {link: why for link in links(path) if (why := dead(path, link))}
    assert not found


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A `b.c`: d\n\n```\n# no heading\n[no](link)\n```\n\n"
        "`[no](link)` [a](#a-bc-d) [b](#no-heading) [c](gone.md)\n"
    )
    assert {link: dead(page, link) for link in links(page)} == {
        "#a-bc-d": "",
        "#no-heading": "no such heading",
        "gone.md": "no such file",
    }


def test_an_address_on_another_host_is_found(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        '<a href="https://linked.example"><link rel="canonical" href="https://own.example">'
        '<link rel="stylesheet" href="https://style.example"><img src="//picture.example/a.png"><script src="own.js">'
    )
    (tmp_path / "own.css").write_text("p { background: url('https://back.example/b.png'), url(own.png) }")
    check_site = runpy.run_path(str(ROOT / "reports" / "check_site.py"))
    assert [address for _, address in check_site["foreign"](tmp_path)] == [
        "https://style.example",
        "//picture.example/a.png",
        "https://back.example/b.png",
    ]
    assert check_site["main"](tmp_path) == 1


def pages_of(entry: Any) -> Iterator[str]:
    if isinstance(entry, str):
        yield entry
    else:
        for part in entry.values() if isinstance(entry, dict) else entry:
            yield from pages_of(part)


def test_every_page_is_in_the_navigation_once() -> None:
    navigation = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))["nav"]
    assert sorted(pages_of(navigation)) == sorted(str(path.relative_to(DOCS)) for path in PAGES)
