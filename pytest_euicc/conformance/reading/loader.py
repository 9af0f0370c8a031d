"""Reads vector files; all mistakes of all files come at once, each as ``file:line:column: message``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.files.document import Document, FileMistakes, Mistake, Place
from pytest_euicc.conformance.files.vector import Case, Clauses, Expectation, Sequence
from pytest_euicc.conformance.reading import lint_form
from pytest_euicc.conformance.reading.lint import lint as lint_data
from pytest_euicc.conformance.reading.lint import model_keys
from pytest_euicc.conformance.values.text import pydantic_message


def vector_files(paths: Iterable[Path]) -> list[Path]:
    """The vector files among ``paths``; folders are searched for ``*.yaml``, except those named ``declarations``."""
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files += sorted(file for file in path.rglob("*.yaml") if "declarations" not in file.relative_to(path).parts)
        else:
            files.append(path)
    return list(dict.fromkeys(files))


def load(paths: Iterable[Path]) -> list[Case]:
    """All cases of the files and folders.

    Raises:
        FileMistakes: with every mistake of every file.
    """
    cases, mistakes = read(paths)
    if mistakes:
        raise FileMistakes(mistakes)
    return cases


def lint(paths: Iterable[Path]) -> list[Mistake]:
    """Every mistake of the files and folders, those of form too, in order; none when all is well."""
    return read(paths, form=True)[1]


def read(paths: Iterable[Path], *, form: bool = False) -> tuple[list[Case], list[Mistake]]:
    """The cases that could be read, and all mistakes; with ``form`` those as well with which a file still runs."""
    library.load()
    cases: list[Case] = []
    mistakes: list[Mistake] = []
    homes: dict[str, str] = {}
    for path in vector_files(paths):
        document = Document.read(path)
        case = parse(document)
        if case is not None:
            home = homes.setdefault(case.case, document.file)
            if home != document.file:
                document.mistake(("case",), f"case {case.case!r} is in {home} already; give it another name")
            cases.append(case)
            if form:
                lint_form.provenance(case, document)
                lint_form.requirements(case, document)
                lint_form.layout(document, path.read_text(encoding="utf-8-sig"))
        mistakes += document.mistakes
    return cases, sorted(set(mistakes))


def chosen(cases: Iterable[Case], iut: str, texts: Iterable[str]) -> tuple[Case, ...]:
    """Cases of one side with their sequences that have one of the texts in name or title; without texts all."""
    wanted = [text.lower() for text in texts]
    found = []
    for case in cases:
        if case.iut != iut:
            continue
        sequences = [
            sequence
            for sequence in case.sequences
            if not wanted or any(text in f"{case.sequence_id(sequence)} {sequence.title}".lower() for text in wanted)
        ]
        if sequences:
            found.append(case.model_copy(update={"sequences": sequences}))
    return tuple(found)


def parse(document: Document) -> Case | None:
    """The case of a document; None, and mistakes in the document, when it is not right."""
    library.load()
    if document.data is None:
        return None
    if not isinstance(document.data, dict):
        document.mistake((), "a vector file is a mapping that starts with case:")
        return None
    data = {key: entry for key, entry in document.data.items() if not key.startswith("x-")}
    _check_ids(document, data)
    lint_data(data, lambda place, message, key: document.mistake(place, message, key=key))
    case = None
    try:
        case = Case.model_validate(data)
        case.read_from(document.file, [document.line(("sequences", index)) for index in range(len(case.sequences))])
    except ValidationError as error:
        for entry in error.errors():
            place = tuple(part for part in entry["loc"] if isinstance(part, str | int))
            message = pydantic_message(entry, _known_keys(place))
            document.mistake(place, message, key=entry["type"] == "extra_forbidden")
    return None if document.mistakes else case


def _check_ids(document: Document, data: dict[str, Any]) -> None:
    """Ids are text: other readers of YAML take ``03`` for a number."""
    sequences = data["sequences"] if isinstance(data.get("sequences"), list) else []
    homes: list[tuple[Place, Any]] = [
        ((), data),
        *((("sequences", index), entry) for index, entry in enumerate(sequences)),
    ]
    for place, home in homes:
        key = "id" if place else "case"
        text = document.number_as_id((*place, key)) if isinstance(home, dict) and key in home else None
        if text is not None:
            document.mistake((*place, key), f'{key} {text} is a number in YAML; write {key}: "{text}"')
            # The mistake is told; what follows need not stumble over it again.
            home[key] = f"x{text}" if key == "case" else text


def _known_keys(place: Place) -> Iterable[str]:
    """The keys allowed where an unknown one was found."""
    if len(place) == 1:
        return model_keys(Case)
    if place[0] == "clauses":
        return model_keys(Clauses)
    if place[0] == "sequences" and len(place) == 3:
        return model_keys(Sequence)
    return model_keys(Expectation) if "any_of" in place else ()
