"""What the vectors cover: a page of tables, and what a catalogue of sequences has that they lack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_euicc.conformance.files.applicability import parse
from pytest_euicc.conformance.files.document import Document, FileMistakes
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.conformance.values.text import pydantic_message

_SIDES = {"euicc": "eUICC", "smdp": "SM-DP+"}
_HEAD = """\
# Coverage

What the vectors cover, a row for each test case. Made by `make coverage` from the vectors; a test fails when it is out
of date. Numbers are those of SGP.23 v1.15 where the last column says so, our own elsewhere. Options rule sequences out
where they are not declared; the numbers of the sequences stand in brackets unless it is the whole case.
"""
_COLUMNS = ("SGP.23", "test case", "sequences", "how many", "SGP.22", "options", "numbering")
_NUMBER = re.compile(r"\d+")


def page(cases: Iterable[Case]) -> str:
    """The coverage of all cases as Markdown."""
    parts = [_HEAD]
    ordered = sorted(cases, key=_order)
    for iut, of_side in groupby(ordered, key=lambda case: case.iut):
        chosen = list(of_side)
        total = sum(len(case.sequences) for case in chosen)
        rows = "\n".join(_line(_row(case)) for case in chosen)
        head = f"{_line(_COLUMNS)}\n{_line('---' for _ in _COLUMNS)}"
        parts.append(f"## {_SIDES[iut]}: {len(chosen)} test cases, {total} sequences\n\n{head}\n{rows}\n")
    return "\n".join(parts)


def missing(catalogue: Path, cases: Iterable[Case]) -> list[str]:
    """Sequences of a catalogue that have no vector, and groups that the vectors place elsewhere in SGP.23.

    The catalogue is YAML: under ``euicc`` and ``smdp`` a list of groups with ``id`` (the name of a case), ``sgp23`` and
    ``sequences``, each a text that begins with its number.

    Raises:
        FileMistakes: it cannot be read, or is none.
    """
    document = Document.read(catalogue)
    groups: list[_Group] = []
    if not document.mistakes:
        try:
            read = _Catalogue.model_validate(document.data)
            groups = [*read.euicc, *read.smdp]
        except ValidationError as error:
            document.mistake((), f"not a catalogue: {pydantic_message(error.errors()[0], _Catalogue.model_fields)}")
    if document.mistakes:
        raise FileMistakes(document.mistakes)
    known = {case.case: case for case in cases}
    found = []
    for group in groups:
        case = known.get(group.id)
        numbers = {sequence.id for sequence in case.sequences} if case else set()
        found += [f"{group.id} {entry}" for entry in group.sequences if entry.split(maxsplit=1)[0] not in numbers]
        if case and _is_clause(group.sgp23) and case.clauses.sgp23 != group.sgp23:
            found.append(f"{group.id} is {group.sgp23} in the catalogue, {case.clauses.sgp23} in the vector")
    return found


class _Group(BaseModel):
    id: str
    sgp23: str = ""
    sequences: list[Annotated[str, Field(pattern=r"\S")]]


class _Catalogue(BaseModel):
    model_config = ConfigDict(extra="forbid")

    euicc: list[_Group] = []
    smdp: list[_Group] = []


def _is_clause(text: str) -> bool:
    return re.fullmatch(r"\d+[a-z]?(\.\d+[a-z]?)*", text) is not None


def _order(case: Case) -> tuple[object, ...]:
    clause = tuple(int(number) for number in _NUMBER.findall(case.clauses.sgp23 or "99"))
    return list(_SIDES).index(case.iut), clause, case.case


def _row(case: Case) -> Iterator[str]:
    clauses = dict.fromkeys([*case.clauses.sgp22, *(clause for s in case.sequences for clause in s.clauses)])
    yield case.clauses.sgp23 or ""
    yield f"{case.case}: {case.title}"
    yield _ranges([sequence.id for sequence in case.sequences])
    yield str(len(case.sequences))
    yield ", ".join([*sorted(filter(_is_clause, clauses), key=_natural), *case.clauses.other])
    yield ", ".join(_options(case))
    yield "SGP.23" if case.numbering == "sgp23" else "own"


def _options(case: Case) -> Iterator[str]:
    yield from _names(case.applicability)
    conditional: dict[str, list[str]] = {}
    for sequence in case.sequences:
        for name in _names(sequence.applicability):
            conditional.setdefault(name, []).append(sequence.id)
    for name, sequences in sorted(conditional.items()):
        yield f"{name} ({_ranges(sequences)})"


def _names(expression: str | None) -> list[str]:
    return sorted(set(parse(expression).names)) if expression else []


def _natural(text: str) -> list[tuple[int, str]]:
    """2.4a comes after all of 2.4."""
    return [(int(number), letter) for number, letter in re.findall(r"(\d+)([a-z]?)", text)]


def _ranges(names: Sequence[str]) -> str:
    """``01–03, 05, 07a``: runs of numbers, and everything else by itself."""
    runs: list[list[str]] = []
    for name in sorted(names):
        last = runs[-1][-1] if runs else ""
        if name.isdecimal() and last.isdecimal() and int(name) == int(last) + 1:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
