"""Whether a built site is readable without a network: nothing that a browser loads is on another host."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

_LOADED = {"src", "srcset", "poster", "data", "action", "background"}
"""Attributes whose address a browser loads in every element; ``href`` it loads in ``link`` alone, unless clicked."""
_STYLE = re.compile(r"url\(\s*['\"]?((?:https?:)?//[^'\")\s]+)|@import\s+['\"]((?:https?:)?//[^'\"]+)")


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        kinds = next((value or "" for name, value in attributes if name == "rel"), "")
        for name, value in attributes:
            loaded = name in _LOADED or (name == "href" and tag == "link" and kinds not in ("canonical", "license"))
            if loaded and re.match(r"(https?:)?//", value or ""):
                self.found.append(value or "")


def foreign(site: Path) -> Iterator[tuple[str, str]]:
    """Page or style sheet, and the address on another host that it loads."""
    for path in sorted(site.rglob("*.html")):
        page = _Page()
        page.feed(path.read_text(encoding="utf-8"))
        yield from ((str(path.relative_to(site)), address) for address in page.found)
    for path in sorted([*site.rglob("*.css"), *site.rglob("*.html")]):
        for match in _STYLE.finditer(path.read_text(encoding="utf-8")):
            yield str(path.relative_to(site)), match[1] or match[2]


def main(site: Path) -> int:
    """Exit status 1 if anything is loaded from elsewhere, which is printed, or if there is no site."""
    pages = len(list(site.rglob("*.html")))
    if not pages:
        print(f"{site}: there is no page")
        return 1
    found = list(foreign(site))
    for path, address in found:
        print(f"{path}: loads {address}")
    print(f"{site}: {pages} pages, {len(found)} addresses on other hosts")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
