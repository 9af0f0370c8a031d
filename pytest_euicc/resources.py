"""Where the vectors, suites and declarations that come with the package are."""

from __future__ import annotations

from pathlib import Path


def _folder(name: str) -> Path:
    """Inside the package in a wheel, beside it in a checkout."""
    package = Path(__file__).parent
    return package / name if (package / name).is_dir() else package.parent / name


def vectors() -> Path:
    """The folder of the vectors."""
    return _folder("vectors")


def declarations() -> Path:
    """The folder of the declarations."""
    return vectors() / "declarations"


def suites() -> Path:
    """The folder of the suites."""
    return _folder("suites")
