"""What lint says of a sequence's origin, of what it demands, and of how a file is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.conformance.reading import loader

HEAD = """\
case: TC_One
title: First
iut: euicc
interface: ES10b
clauses: { sgp22: ["5.7.20"], sgp23: "4.2.25" }
"""
ONE = """\
sequences:
  - id: {id}
    title: One
    requirement: The EID is returned (5.7.20).
    steps: [card.reset]
"""


def mistakes(tmp_path: Path, text: str) -> list[str]:
    file = tmp_path / "one.yaml"
    file.write_text(text, encoding="utf-8")
    loader.load([file])  # mistakes of form keep nothing from running
    return [f"{found.line}: {found.message}" for found in loader.lint([file])]


def case(tmp_path: Path, text: str) -> Case:
    file = tmp_path / "one.yaml"
    file.write_text(text, encoding="utf-8")
    return loader.load([file])[0]


@pytest.mark.parametrize(
    ("origin", "identifier", "more", "fault"),
    [
        ("origin: own", '"01"', "", None),
        ("origin: sgp23", '"01"', "", None),
        ("origin: sgp23", "01a", "", None),
        ("origin: sgp23", "O1", "    origin: own\n", None),
        ("origin: sgp23", "nominal", '    sgp23: "03"\n', None),
        ("origin: sgp23", '"19"', "    origin: own\n", "reads as a number of SGP.23"),
        ("origin: sgp23", "O1", "", "is not a number of SGP.23"),
        ("origin: own", '"01"', '    sgp23: "01"\n', "an own sequence has no number of SGP.23"),
    ],
)
def test_own_sequences_are_not_numbered_as_those_of_sgp23(
    tmp_path: Path, origin: str, identifier: str, more: str, fault: str | None
) -> None:
    sequence = ONE.replace("{id}", identifier).replace("    steps", f"{more}    steps")
    found = mistakes(tmp_path, f"{HEAD}{origin}\n{sequence}")
    assert len(found) == (fault is not None)
    assert all(fault in entry for entry in found if fault)


def test_a_number_of_sgp23_needs_its_group(tmp_path: Path) -> None:
    text = HEAD.replace(', sgp23: "4.2.25"', "") + "origin: sgp23\n" + ONE.replace("{id}", '"01"')
    assert ["sgp23: …" in entry for entry in mistakes(tmp_path, text)] == [True]


def test_a_sequence_says_what_is_demanded(tmp_path: Path) -> None:
    bare = HEAD + ONE.replace("{id}", '"01"').replace("    requirement: The EID is returned (5.7.20).\n", "")
    assert ["the requirement is missing" in entry for entry in mistakes(tmp_path, bare)] == [True]
    reasons = bare.replace("[card.reset]", '[{ card.reset: { because: 5.7.20 has it } }]\n    clauses: ["5.7.20"]')
    assert mistakes(tmp_path, reasons) == []
    read = case(tmp_path, reasons)
    assert read.requirement_of(read.sequences[0]) == "5.7.20 has it"


def test_lines_are_120_columns_at_most(tmp_path: Path) -> None:
    text = HEAD + ONE.replace("{id}", '"01"').replace("The EID", "ä" * 200)
    assert [entry[:2] for entry in mistakes(tmp_path, text)] == ["9:"]


def test_what_is_judged_is_not_behind_an_alias(tmp_path: Path) -> None:
    steps = """\
sequences:
  - id: "01"
    title: One
    requirement: The EID is returned (5.7.20).
    steps:
      - es10c.get_eid: {first}
      - es10c.get_eid: {second}
"""
    plumbing = steps.replace("{first}", "{ with: &eid { tagList: 5A } }").replace("{second}", "{ with: *eid }")
    assert mistakes(tmp_path, HEAD + plumbing) == []
    value = steps.replace("{first}", "{ expect: { eidValue: &v { octets: 16 } } }")
    assert len(mistakes(tmp_path, HEAD + value.replace("{second}", "{ expect: { eidValue: *v } }"))) == 1
    whole = steps.replace("{first}", "&step { expect: { eidValue: { octets: 16 } } }").replace("{second}", "*step")
    assert len(mistakes(tmp_path, HEAD + whole)) == 1


def test_where_a_sequence_comes_from(tmp_path: Path) -> None:
    theirs = case(tmp_path, HEAD + "origin: sgp23\n" + ONE.replace("{id}", "03b"))
    assert theirs.origin_of(theirs.sequences[0]) == "sgp23"
    assert theirs.sgp23_number(theirs.sequences[0]) == "4.2.25 #03"
    own = case(tmp_path, HEAD + ONE.replace("{id}", '"03"').replace("    steps", '    formerly: ["02"]\n    steps'))
    assert own.origin_of(own.sequences[0]) == "own"
    assert own.sgp23_number(own.sequences[0]) is None
    assert own.former_ids(own.sequences[0]) == ["TC_One_02"]
