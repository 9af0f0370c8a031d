"""Brings every action, state and check into its registry: those of this package as those of any other installed one."""

from __future__ import annotations

import functools
from importlib.metadata import entry_points

GROUP = "pytest_euicc.actions"
"""Entry points of this group name modules; importing one registers what it defines."""


@functools.cache
def load() -> None:
    """Import them, once.

    Raises:
        RuntimeError: a module named by an installed package cannot be imported; the message names it.
    """
    for entry in entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:
            raise RuntimeError(
                f"the actions of {entry.value!r} (entry point {entry.name!r}) cannot be loaded: {error}"
            ) from error
