"""Brings every action, state and check into its registry: ours, then those of installed packages."""

from __future__ import annotations

import functools
import importlib
from importlib.metadata import entry_points

_OURS = (
    "actions_card",
    "actions_es10",
    "actions_download",
    "actions_es8plus",
    "actions_crl",
    "actions_ota",
    "actions_lpa",
    "actions_procedures",
    "actions_es9plus",
    "actions_tls",
    "parallel_sessions",
    "actions_values",
    "provisioning",
    "states_card",
    "states_download",
    "states_ota",
    "states_profiles",
    "states_smdp",
    "checks_download",
    "checks_signatures",
    "checks_es9plus",
    "checks_package",
    "checks_tls",
)
GROUP = "pytest_euicc.actions"
"""Entry points of this group name modules; importing one registers what it defines."""


@functools.cache
def load() -> None:
    """Import them, once.

    Raises:
        RuntimeError: a module named by an installed package cannot be imported; the message names it.
    """
    for name in _OURS:
        importlib.import_module(f"pytest_euicc.conformance.{name}")
    for entry in entry_points(group=GROUP):
        try:
            entry.load()
        except Exception as error:
            raise RuntimeError(
                f"the actions of {entry.value!r} (entry point {entry.name!r}) cannot be loaded: {error}"
            ) from error
