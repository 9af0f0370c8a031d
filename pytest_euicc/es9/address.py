"""Where a server is, from its URL; ``https://`` may be left out."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

_HTTPS_PORT = 443


def parts(url: str) -> SplitResult:
    """The parts of a URL."""
    return urlsplit(url if "://" in url else f"https://{url}")


def host_and_port(url: str) -> tuple[str, int]:
    """Host, empty where none is named, and port; raises ValueError for a port that is no number."""
    found = parts(url)
    return found.hostname or "", found.port or _HTTPS_PORT
