"""pytest hooks that a plugin or conftest.py may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_euicc.api import HeldOrder, OperatorRequest, OrderWish


@pytest.hookspec(firstresult=True)
def pytest_euicc_provision_profile(config: pytest.Config, wish: OrderWish) -> HeldOrder | None:
    """Provide a profile that a sequence needs on the SM-DP+ under test, and return it.

    Called before a sequence, once for each profile it needs. An implementation that cannot provide the profile returns
    None, and the next one is asked. An exception makes the sequence inconclusive.
    """


@pytest.hookspec(firstresult=True)
def pytest_euicc_operator(config: pytest.Config, request: OperatorRequest) -> str | None:
    """Do what a person at the bench would do, by a machine: move a card, switch power, look at a screen.

    Called with ``--euicc-operator hook``. Returns ``done`` for a task (``request.task`` is remove, insert, swap, power
    off or power on), ``yes`` or ``no`` for a question (confirm), ``cannot`` where it failed, and None where it does not
    do this at all, and the next implementation is asked.
    """
