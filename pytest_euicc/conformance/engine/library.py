"""Brings every action, state and check into its registry: those of this package as those of any other installed one."""

from __future__ import annotations

import functools
from importlib.metadata import entry_points

from pytest_euicc.errors import PytestEuiccError

GROUP = "pytest_euicc.actions"
"""Entry points of this group name modules; importing one registers what it defines."""


class LibraryError(PytestEuiccError):
    """A module that an installed package names cannot be imported; the message has the package's words for it."""


@functools.cache
def load() -> None:
    """Import them, once.

    Raises:
        LibraryError: a module named by an installed package cannot be imported; the message names it.
    """
    for entry in entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:
            package = entry.dist.name if entry.dist is not None else "an installed package"
            raise LibraryError(
                f"{package}: its module {entry.value} (entry point group {GROUP}) cannot be loaded: {error}"
            ) from error
