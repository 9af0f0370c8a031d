"""pytest plugin that proves whether an eUICC and an SM-DP+ conform to GSMA SGP.22; `pytest_euicc.api` is its face."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    __version__: str


def __getattr__(name: str) -> str:
    """``__version__`` of the installed package; reading metadata takes longer than all else here, so on demand."""
    if name == "__version__":
        from importlib.metadata import version

        return version("pytest-euicc")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
