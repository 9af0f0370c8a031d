"""Hooks of pytest that a vendor's plugin or conftest.py may implement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_euicc.conformance.files.orders import HeldOrder, OrderWish


@pytest.hookspec(firstresult=True)
def pytest_euicc_provision_profile(config: pytest.Config, wish: OrderWish) -> HeldOrder | None:
    """Let the SM-DP+ under test hold a profile that a sequence needs, and say which.

    Called before a sequence for each profile it needs; the first implementation that returns something is taken, so
    that one which cannot provide a profile returns None. What it raises makes the sequence inconclusive.
    """
