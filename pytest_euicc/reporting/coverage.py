"""What the vectors cover: a page of tables, and what a catalogue of sequences has that they lack."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_euicc.conformance.files.applicability import parse
from pytest_euicc.conformance.files.sides import NAMES
from pytest_euicc.conformance.files.vector import Case
from pytest_euicc.document import Document, FileMistakes, pydantic_message

_HEAD = """\
# Coverage

What the vectors cover, a row for each test case. Made by `make coverage` from the vectors; a test fails when it is out
of date. The last column says which sequences are those of SGP.23 v1.15, under its numbers; all others are our own, and
the first column is the group of SGP.23 that has their subject. Options rule sequences out where they are not declared;
the numbers of the sequences stand in brackets unless it is the whole case.
"""
_COLUMNS = ("group", "test case", "sequences", "count", "SGP.22", "options", "of SGP.23")
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
        theirs = sum(len(_of_sgp23(case)) for case in chosen)
        title = f"{NAMES[iut]}: {len(chosen)} test cases, {total} sequences, {theirs} of them SGP.23's"
        parts.append(f"## {title}\n\n{head}\n{rows}\n")
    return "\n".join(parts)


def missing(catalogue: Path, cases: Iterable[Case]) -> list[str]:
    """Sequences of a catalogue that have no vector, and groups that the vectors place elsewhere in SGP.23.

    The catalogue is YAML: under ``euicc``, ``smdp``, ``lpa``, ``euicc_iot``, ``eim`` and ``ipa`` a list of groups with
    ``id`` (the name of a case), ``sgp23`` and ``sequences``, each a text that begins with its number. Where
    ``sgp23_by`` says how the group of SGP.23 was inferred it is not compared.

    Raises:
        FileMistakes: it cannot be read, or is none.
    """
    document = Document.read(catalogue)
    groups: list[_Group] = []
    if not document.mistakes:
        try:
            read = _Catalogue.model_validate(document.data)
            groups = [*read.euicc, *read.smdp, *read.lpa, *read.euicc_iot, *read.eim, *read.ipa]
        except ValidationError as error:
            document.mistake((), f"not a catalogue: {pydantic_message(error.errors()[0], _Catalogue.model_fields)}")
    if document.mistakes:
        raise FileMistakes(document.mistakes)
    known = {case.case: case for case in cases}
    found = []
    for group in groups:
        case = known.get(group.id)
        numbers = {number for entry in case.sequences for number in (entry.id, *entry.formerly)} if case else set()
        if group.numbering == "own":
            # Own sequences beside those of SGP.23 are numbered O1, O2, ….
            numbers |= {f"{int(number[1:]):02d}" for number in numbers if re.fullmatch(r"O\d+", number)}
        found += [f"{group.id} {entry}" for entry in group.sequences if entry.split(maxsplit=1)[0] not in numbers]
        if case and not group.sgp23_by and _is_clause(group.sgp23) and case.clauses.sgp23 != group.sgp23:
            found.append(f"{group.id} is {group.sgp23} in the catalogue, {case.clauses.sgp23} in the vector")
    return found


class _Group(BaseModel):
    id: str
    sgp23: str = ""
    sgp23_by: str = ""
    numbering: str = ""
    sequences: list[Annotated[str, Field(pattern=r"\S")]]


class _Catalogue(BaseModel):
    model_config = ConfigDict(extra="forbid")

    options: dict[str, str] = {}
    euicc: list[_Group] = []
    smdp: list[_Group] = []
    lpa: list[_Group] = []
    euicc_iot: list[_Group] = []
    eim: list[_Group] = []
    ipa: list[_Group] = []


def _is_clause(text: str) -> bool:
    return re.fullmatch(r"\d+[a-z]?(\.\d+[a-z]?)*", text) is not None


def _order(case: Case) -> tuple[object, ...]:
    clause = tuple(int(number) for number in _NUMBER.findall(case.clauses.sgp23 or "99"))
    return list(NAMES).index(case.iut), clause, case.case


def _row(case: Case) -> Iterator[str]:
    clauses = dict.fromkeys([*case.clauses.sgp22, *(clause for s in case.sequences for clause in s.clauses)])
    yield case.clauses.sgp23 or ""
    yield f"{case.case}: {case.title}"
    yield _ranges([sequence.id for sequence in case.sequences])
    yield str(len(case.sequences))
    yield ", ".join([*sorted(filter(_is_clause, clauses), key=_natural), *case.clauses.other])
    yield ", ".join(_options(case))
    theirs = _of_sgp23(case)
    yield "all" if len(theirs) == len(case.sequences) else _ranges(theirs) or "none"


def _of_sgp23(case: Case) -> list[str]:
    """Ids of the sequences that SGP.23 has."""
    return [sequence.id for sequence in case.sequences if case.origin_of(sequence) == "sgp23"]


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
    for name in sorted(names, key=_natural_name):
        last = runs[-1][-1] if runs else ""
        if _next_to(last) == name:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]}–{run[-1]}" for run in runs)


def _natural_name(name: str) -> tuple[str, int, str]:
    """``O2`` comes before ``O10``."""
    found = re.fullmatch(r"([A-Z]*)(\d*)(.*)", name)
    return (found[1], int(found[2] or 0), found[3]) if found else ("", 0, name)


def _next_to(name: str) -> str | None:
    """The number after one: ``04`` after ``03``, ``O3`` after ``O2``; None after anything else."""
    found = re.fullmatch(r"(O?)(\d+)", name)
    return f"{found[1]}{int(found[2]) + 1:0{len(found[2])}}" if found else None


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
