"""How long an LPA is waited for."""

from __future__ import annotations

import pytest

from pytest_euicc.iut.lpa.patience import Patience


def test_the_limit_begins_anew_with_what_crosses_and_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    now, crossed = [0.0], [0]
    monkeypatch.setattr("pytest_euicc.iut.lpa.patience.time.monotonic", lambda: now[0])
    patience = Patience(10.0, lambda: crossed[0])
    now[0] = 9.0
    assert patience.left() == 1.0
    crossed[0] = 1
    assert patience.left() == 10.0
    now[0] = 18.0
    patience.went_on()
    assert patience.left() == 10.0
    now[0] = 49.0
    patience.went_on()
    assert patience.left() == 1.0
    now[0] = 28.5
    assert Patience(10.0, lambda: 0).left() == 10.0
