"""The record of what an LPA exchanges keeps the order of beginnings, whenever a call is noted."""

from __future__ import annotations

from pytest_euicc.peers.lpa.record import Call, Record


def call(name: str, began: float, ended: float) -> Call:
    return Call(name, "server", began, ended)


def test_a_handshake_that_is_noted_late_stands_before_the_requests_that_followed_it() -> None:
    record = Record()
    record.add(call("first", 0.0, 1.0))
    record.mark()
    record.add(call("request", 3.0, 4.0))
    record.add_late(call("TLS", 2.0, 4.5))
    assert [each.name for each in record.since_mark()] == ["TLS", "request"]


def test_one_that_began_before_the_user_did_something_else_belongs_to_what_was_before() -> None:
    record = Record()
    record.add(call("request", 1.0, 2.0))
    record.mark()
    record.add_late(call("TLS", 0.5, 3.0))
    assert [each.name for each in record.calls] == ["TLS", "request"]
    assert record.since_mark() == []
