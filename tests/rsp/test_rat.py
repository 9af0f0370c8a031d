"""Rules Authorisation Table: which policy rules it allows to whom (SGP.22 2.9.2.1)."""

from __future__ import annotations

import pytest

from pytest_euicc.rsp.rat import authorises, rule_names

ME = {"mccMnc": bytes.fromhex("00F110")}


def rule(bits: int, **operator: str) -> dict[str, object]:
    return {
        "pprIds": (bytes([bits]), 3),
        "allowedOperators": [{name: bytes.fromhex(text) for name, text in operator.items()}],
        "pprFlags": (b"", 0),
    }


@pytest.mark.parametrize(
    ("operator", "owner", "allowed"),
    [
        ({"mccMnc": "EEEEEE"}, None, False),
        ({"mccMnc": "EEEEEE"}, ME, True),
        ({"mccMnc": "00F110"}, ME, True),
        ({"mccMnc": "00F110"}, None, False),
        ({"mccMnc": "00F120"}, ME, False),
        ({"mccMnc": "00F1EE"}, ME, True),
        ({"mccMnc": "00F110", "gid1": "01"}, ME, False),
        ({"mccMnc": "00F110", "gid1": "01"}, ME | {"gid1": b"\x01"}, True),
        ({"mccMnc": "00F110", "gid1": ""}, ME, True),
        ({"mccMnc": "00F110", "gid1": ""}, ME | {"gid1": b"\x01"}, True),
        ({"mccMnc": "00F110"}, ME | {"gid1": b"\x01", "gid2": b"\x02"}, False),
        ({"mccMnc": "00F110", "gid2": "02"}, ME | {"gid1": b"\x01", "gid2": b"\x02"}, False),
        ({"mccMnc": "00F110", "gid1": "", "gid2": "02"}, ME | {"gid1": b"\x01", "gid2": b"\x02"}, True),
        ({"mccMnc": "EEEEEE", "gid1": "", "gid2": ""}, ME | {"gid1": b"\x01"}, True),
    ],
)
def test_operators(operator: dict[str, str], owner: dict[str, bytes] | None, allowed: bool) -> None:
    assert authorises([rule(0x40, **operator)], "ppr1", owner) is allowed
    assert not authorises([rule(0x40, **operator)], "ppr2", owner)


def test_an_empty_table_allows_nothing() -> None:
    assert not authorises([], "ppr1", ME)
    assert authorises([rule(0x20, mccMnc="EEEEEE"), rule(0x40, mccMnc="EEEEEE")], "ppr1", ME)


def test_rule_names() -> None:
    assert rule_names((b"\xe0", 3)) == {"pprUpdateControl", "ppr1", "ppr2"}
    assert rule_names((b"", 0)) == frozenset()
    assert rule_names((b"\x20", 3)) == {"ppr2"}
