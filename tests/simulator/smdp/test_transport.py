"""The HTTP face of the SM-DP+: requests that are none of the binding, and each deviation of it."""

from __future__ import annotations

import pytest

from tests.support.smdp_http import NO_ADDRESS, OVER_HTTP, reported, sent, served


@pytest.mark.parametrize("name", OVER_HTTP)
def test_each_deviation_shows(name: str) -> None:
    show, right = OVER_HTTP[name]
    with served() as make:
        assert show(make) == right
    with served(name) as make:
        assert show(make) != right


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "HEAD"])
def test_other_methods(method: str) -> None:
    with served() as make:
        assert sent(make, method=method).status == 405


def test_a_missing_field_is_named() -> None:
    with served() as make:
        reply = sent(make, NO_ADDRESS)
    assert (reported(reply), reply.message) == ("200 1.3.1/2.2", "smdpAddress is missing")
