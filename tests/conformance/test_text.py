"""Values in words."""

from __future__ import annotations

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.values.matchers import match
from pytest_euicc.conformance.values.resolve import resolve
from pytest_euicc.conformance.values.shapes import asn1_shape
from pytest_euicc.conformance.values.text import describe, to_json


def test_a_choice_is_no_list_of_two() -> None:
    assert to_json(("ok", b"\1")) == {"ok": "01"}
    assert to_json(["a", "b"]) == ["a", "b"]
    assert to_json((b"\xa0", 3)) == "101"
    assert to_json([b"\xa0", 3]) == ["A0", 3]


def test_a_version_has_dots_everywhere() -> None:
    info = codec.decode("EUICCInfo1", bytes.fromhex("BF20098203020600A900AA00"))
    assert info["svn"] == b"\2\6\0"
    assert to_json(info["svn"]) == "2.6.0"
    assert describe(info).startswith('{"svn": "2.6.0"')
    # As part of octets it is octets.
    assert resolve("8203${svn}", {"svn": info["svn"]}) == "8203020600"
    (mismatch,) = match("2.5.0", info["svn"], asn1_shape("VersionType")).mismatches
    assert str(mismatch) == 'value: expected "2.5.0", received "2.6.0"'
