"""Matchers: every operator accepts what it should and, above all, refuses what it should."""

import pytest

from pytest_euicc.conformance.values.matchers import MISSING, OPERATORS, match
from pytest_euicc.conformance.values.shapes import ANY, NUMBER, OCTETS, TEXT, Shape, listing, mapping

BITS = Shape("bits", "PprIds", names={"pprUpdateControl": 0, "ppr1": 1, "ppr2": 2})
RESULT = Shape("integer", "enableResult", names={"ok": 0, "iccidOrAidNotFound": 1})
CHOICE = Shape("choice", "Response", parts=lambda: {"good": TEXT, "bad": RESULT})
RECORD = mapping("Record", octets=OCTETS, count=NUMBER, name=TEXT, rules=BITS, entries=listing(NUMBER), answer=CHOICE)

HOLDS = [
    ("A0b1", b"\xa0\xb1", OCTETS),
    ("2.6.0", b"\2\6\0", OCTETS),
    (1, 1, NUMBER),
    ("ok", 0, RESULT),
    ("text", "text", TEXT),
    (12, "12", TEXT),
    (True, True, ANY),
    (None, None, ANY),
    (["ppr1"], (b"\x40", 2), BITS),
    (["ppr1"], (b"\x40", 3), BITS),
    ("01", (b"\x40", 2), BITS),
    ({"bits": ["ppr1"]}, (b"\x40", 2), BITS),
    ({"bits": {"set": ["ppr1"], "clear": ["ppr2"]}}, (b"\x40", 2), BITS),
    ({"bits": {"known": ["ppr1"]}}, (b"\x50", 4), BITS),
    ({"bits": {"known": ["ppr1"], "through": "ppr1"}}, (b"\x60", 3), BITS),
    ({"good": "x"}, ("good", "x"), CHOICE),
    ({"bad": "iccidOrAidNotFound"}, ("bad", 1), CHOICE),
    ({"octets": 2}, b"\1\2", OCTETS),
    ({"octets": {"min": 1, "max": 2}}, b"\1\2", OCTETS),
    ({"octets": 3}, "äx", TEXT),
    ({"octets": "0102"}, {"octets": b"\1\2"}, RECORD),
    ({"equals": "0102"}, b"\1\2", OCTETS),
    ({"not": "0102"}, b"\1\3", OCTETS),
    ({"one_of": ["0102", "03"]}, b"\3", OCTETS),
    ({"name": {"present": True}}, {"name": "x"}, RECORD),
    ({"name": {"present": False}}, {}, RECORD),
    ({"name": {"absent": True}}, {}, RECORD),
    ({"name": {"one_of": [{"absent": True}, "x"]}}, {}, RECORD),
    ({"matches": "[0-9]+"}, "123", TEXT),
    ({"at_least": 2}, 2, NUMBER),
    ({"at_most": "2.6.0"}, b"\2\2\0", OCTETS),
    ({"between": [1, 3]}, 3, NUMBER),
    ({"each": {"at_least": 1}}, [1, 2], listing(NUMBER)),
    ({"count": 2}, [1, 2], listing(NUMBER)),
    ({"count": {"min": 1}}, [1, 2], listing(NUMBER)),
    ({"contains": 2}, [1, 2], listing(NUMBER)),
    ({"in_any_order": [2, 1]}, [1, 2], listing(NUMBER)),
    # The greedy choice of the first element would leave nothing for the second.
    ({"in_any_order": [{"at_least": 1}, 1]}, [1, 2], listing(NUMBER)),
    ([1, 2], [1, 2], listing(NUMBER)),
    ({"starts_with": "89"}, b"\x89\x01", OCTETS),
    ({"starts_with": "ab"}, "abc", TEXT),
    ({"type": "octets"}, b"", OCTETS),
    ({"only": ["name", "count"]}, {"name": "x"}, RECORD),
    ({"save": "it"}, 1, NUMBER),
]
FAILS = [
    ("A0b1", b"\xa0\xb0", OCTETS),
    ("xyz", b"\xa0", OCTETS),
    ("2.6.0", b"\2\5\0", OCTETS),
    (1, 2, NUMBER),
    (1, True, ANY),
    ("ok", 1, RESULT),
    ("okay", 0, RESULT),
    ("text", "Text", TEXT),
    (False, True, ANY),
    (None, 0, ANY),
    (["ppr1"], (b"\x60", 3), BITS),
    ("01", (b"\x40", 3), BITS),
    ({"bits": []}, (b"\x40", 2), BITS),
    ({"bits": {"set": ["ppr2"]}}, (b"\x40", 2), BITS),
    ({"bits": {"clear": ["ppr1"]}}, (b"\x40", 2), BITS),
    ({"bits": {"known": []}}, (b"\x40", 2), BITS),
    ({"bits": {"known": ["ppr2"], "through": "ppr1"}}, (b"\x60", 3), BITS),
    ({"good": "x"}, ("bad", 1), CHOICE),
    ({"octets": 2}, b"\1", OCTETS),
    ({"octets": {"max": 1}}, b"\1\2", OCTETS),
    ({"equals": "0102"}, b"\1\3", OCTETS),
    ({"not": "0102"}, b"\1\2", OCTETS),
    ({"one_of": ["0102", "03"]}, b"\4", OCTETS),
    ({"name": {"present": True}}, {}, RECORD),
    ({"name": {"absent": True}}, {"name": "x"}, RECORD),
    ({"name": {"not": "y"}}, {}, RECORD),
    ({"name": "x"}, {}, RECORD),
    ({"name": {"save": "it"}}, {}, RECORD),
    ({"matches": "[0-9]+"}, "123a", TEXT),
    ({"at_least": 2}, 1, NUMBER),
    ({"at_most": "2.6.0"}, b"\3\0\0", OCTETS),
    ({"at_most": 3}, "text", TEXT),
    ({"between": [1, 3]}, 4, NUMBER),
    ({"each": {"at_least": 2}}, [1, 2], listing(NUMBER)),
    ({"each": 1}, 1, ANY),
    ({"count": 2}, [1], listing(NUMBER)),
    ({"contains": 3}, [1, 2], listing(NUMBER)),
    ({"in_any_order": [2, 2]}, [1, 2], listing(NUMBER)),
    ({"in_any_order": [1, 2]}, [1, 2, 3], listing(NUMBER)),
    ([1, 2], [2, 1], listing(NUMBER)),
    ([1], [1, 2], listing(NUMBER)),
    ([1], MISSING, listing(NUMBER)),
    ({"starts_with": "89"}, b"\x98", OCTETS),
    ({"type": "octets"}, "text", TEXT),
    ({"only": ["count"]}, {"name": "x"}, RECORD),
]


@pytest.mark.parametrize(("expected", "actual", "shape"), HOLDS)
def test_holds(expected, actual, shape):
    assert match(expected, actual, shape).mismatches == []


@pytest.mark.parametrize(("expected", "actual", "shape"), FAILS)
def test_fails(expected, actual, shape):
    assert match(expected, actual, shape).mismatches


def test_every_operator_is_seen_to_hold_and_to_fail():
    def used(cases):
        found: set[str] = set()

        def walk(data):
            if isinstance(data, dict):
                found.update(data)
            for entry in data.values() if isinstance(data, dict) else data if isinstance(data, list) else ():
                walk(entry)

        for expected, _, _ in cases:
            walk(expected)
        return found

    assert set(OPERATORS) <= used(HOLDS)
    assert set(OPERATORS) <= used(FAILS)


def test_several_mismatches_name_their_places():
    found = match({"name": "a", "entries": [1, {"at_least": 5}]}, {"name": "b", "entries": [1, 2]}, RECORD)
    assert [str(mismatch) for mismatch in found.mismatches] == [
        'name: expected "a", received "b"',
        "entries.1: expected at_least 5, received 2",
    ]


def test_saves_are_values_of_the_codec():
    found = match(
        {"octets": {"save": "a"}, "entries": {"contains": {"at_least": 2, "save": "b"}}},
        {"octets": b"\1", "entries": [1, 2]},
        RECORD,
    )
    assert found.saved == {"a": b"\1", "b": 2}


def test_saved_values_compare_as_they_are():
    value = {"octets": b"\1", "answer": ("bad", 1), "rules": (b"\x40", 2)}
    assert match(value, dict(value), RECORD)
    assert not match({"equals": value}, {**value, "name": "more"}, RECORD)
