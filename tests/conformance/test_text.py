"""Values in words."""

from __future__ import annotations

from pytest_euicc.conformance.values.text import to_json


def test_a_choice_is_no_list_of_two() -> None:
    assert to_json(("ok", b"\1")) == {"ok": "01"}
    assert to_json(["a", "b"]) == ["a", "b"]
    assert to_json((b"\xa0", 3)) == "101"
    assert to_json([b"\xa0", 3]) == ["A0", 3]
