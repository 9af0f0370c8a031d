"""The page of what the vectors cover, and what a catalogue has that they lack."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from pytest_euicc import cli, resources
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.conformance.reading.loader import load, read
from pytest_euicc.document import FileMistakes
from pytest_euicc.reporting import coverage, standing

ONE = """
case: TC_One
title: First
iut: euicc
interface: ES10b
clauses: {sgp22: ["5.7.10", "5.7.9", "2.4a.1", "2.6.4"], sgp23: "4.2.14", other: ["ISO 7816-4 7.4"]}
origin: own
applicability: O_E_CRL
sequences:
"""
STEPS = "    steps: [card.reset]\n"
TWO = """
case: TC_Two
title: Second
iut: smdp
interface: ES9+
clauses: {sgp22: ["5.6.1"], sgp23: "4.3.12"}
origin: sgp23
sequences:
"""


def sequence(number: str, more: str = "") -> str:
    return f'  - id: "{number}"\n    title: Number {number}\n{more}{STEPS}'


@pytest.fixture
def cases(tmp_path: Path) -> list[Case]:
    numbers = [sequence(number) for number in ("02", "01", "03", "07")]
    only = sequence("05", '    applicability: O_E_BRP and version >= 2.4\n    clauses: ["3.5"]\n')
    (tmp_path / "one.yaml").write_text(ONE + "".join(numbers) + only)
    own = "".join(sequence(f"O{n}", f'    origin: own\n    formerly: ["{n + 2:02}"]\n') for n in (1, 2, 10))
    (tmp_path / "two.yaml").write_text(TWO + sequence("01a") + sequence("01b") + sequence("02") + own)
    return list(read([tmp_path])[0])


def test_rows(cases: list[Case]) -> None:
    rows = [line for line in coverage.page(cases).splitlines() if "TC_" in line]
    assert rows == [
        "| 4.2.14 | TC_One: First | 01–03, 05, 07 | 5 | 2.4a.1, 2.6.4, 3.5, 5.7.9, 5.7.10, ISO 7816-4 7.4 "
        "| O_E_CRL, O_E_BRP (05), version (05) | none |",
        "| 4.3.12 | TC_Two: Second | 01a, 01b, 02, O1–O2, O10 | 6 | 5.6.1 |  | 01a, 01b, 02 |",
    ]
    assert "## SM-DP+: 1 test cases, 6 sequences, 3 of them SGP.23's" in coverage.page(cases)


def test_what_a_catalogue_has_and_the_vectors_lack(cases: list[Case], tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue"
    catalogue.write_text(
        "euicc:\n"
        '  - {id: TC_One, sgp23: "4.2.14", sequences: ["01 there", "04 not there"]}\n'
        '  - {id: TC_Three, sgp23: "4.2.9", sequences: ["01 no case"]}\n'
        "smdp:\n"
        '  - {id: TC_Two, sgp23: "4.3.13", sequences: ["01a there", "01c not there", "03 renamed"]}\n'
        'options: {O_D_ICON: "shows icons"}\n'
        "euicc_iot:\n"
        '  - {id: TC_One, sgp33: "", when: O_E_IOT, sequences: ["01 there", "08 of SGP.32"]}\n'
        "lpa:\n"
        '  - {id: TC_One, sgp23: "4.4.1", sgp23_by: order, sequences: ["06 of an LPA"]}\n'
    )
    assert coverage.missing(catalogue, cases) == [
        "TC_One 04 not there",
        "TC_Three 01 no case",
        "TC_Two 01c not there",
        "TC_Two is 4.3.13 in the catalogue, 4.3.12 in the vector",
        "TC_One 06 of an LPA",
        "TC_One 08 of SGP.32",
    ]


@pytest.mark.parametrize("content", [None, "a: [", "name: other", "euicc: [{id: TC_One}]", "euicc: 1"])
def test_something_else_is_no_catalogue(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "catalogue"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FileMistakes, match=re.escape(str(path))):
        coverage.missing(path, [])


def test_a_wrong_catalogue_is_one_message_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "catalogue").write_text("euicc: 1")
    assert cli.main(["coverage", "--against", str(tmp_path / "catalogue")]) == 2
    assert str(tmp_path / "catalogue") in capsys.readouterr().err


def test_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert cli.main(["coverage"]) == 0
    assert "| TC_eUICC_ES10c.GetEID: " in capsys.readouterr().out
    (tmp_path / "catalogue").write_text('euicc: [{id: TC_eUICC_ES10c.GetEID, sequences: ["01 a", "99 b"]}]')
    assert cli.main(["coverage", "--against", str(tmp_path / "catalogue")]) == 1
    assert capsys.readouterr().out == "TC_eUICC_ES10c.GetEID 99 b\n"


def test_the_page_in_the_documentation_is_up_to_date() -> None:
    written = (Path(__file__).parents[2] / "docs" / "reference" / "coverage.md").read_text(encoding="utf-8")
    assert written == coverage.page(load([resources.vectors()])), "make coverage writes it anew"


@pytest.mark.skipif("EUICC_CATALOGUE" not in os.environ, reason="EUICC_CATALOGUE names no catalogue of sequences")
def test_no_sequence_of_the_catalogue_lacks_a_vector() -> None:
    assert coverage.missing(Path(os.environ["EUICC_CATALOGUE"]), load([resources.vectors()])) == []


def test_the_page_of_what_is_claimed_is_up_to_date() -> None:
    written = (Path(__file__).parents[2] / "docs" / "reference" / "standing.md").read_text(encoding="utf-8")
    assert written == standing.page(load([resources.vectors()])), "make coverage writes it anew"


@pytest.mark.parametrize(
    ("requirement", "source"),
    [
        ("The server is authenticated (5.7.13).", standing.READ),
        ("A command is refused (ISO 7816-4 5.6).", standing.READ),
        ("A nickname is stored (5.7.21).", standing.RETOLD),
        ("Notifications are kept (3.5).", standing.INDEPENDENT),
        ("Nobody says so (9.9).", standing.OURS),
        ("A name without regard to case (5.6.1, RFC 4343).", standing.READ),
        ("A rule forbids it (5.7.18, 2.9.1).", standing.RETOLD),
        ("It is listed afterwards (5.7.16, 3.5, ETSI TS 102 223 6.4.7).", standing.INDEPENDENT),
        ("Nobody says the half of it (5.7.13, 9.9).", standing.OURS),
    ],
)
def test_a_claim_rests_on_the_weakest_source_of_its_clauses(tmp_path: Path, requirement: str, source: str) -> None:
    text = sequence("01", f'    requirement: "{requirement}"\n')
    (tmp_path / "one.yaml").write_text(ONE + text)
    case = load([tmp_path])[0]
    assert standing.source(case, case.sequences[0]) == source
