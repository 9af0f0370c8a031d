"""Values in words."""

from __future__ import annotations

from pytest_euicc.conformance.values.text import plain


def test_a_choice_is_no_list_of_two() -> None:
    assert plain(("ok", b"\1")) == {"ok": "01"}
    assert plain(["a", "b"]) == ["a", "b"]
    assert plain((b"\xa0", 3)) == "101"
    assert plain([b"\xa0", 3]) == ["A0", 3]
