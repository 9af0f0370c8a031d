"""Reads vector files; all mistakes of all files come at once, each as ``file:line:column: message``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.files.vector import Case, Clauses, Expectation, Sequence
from pytest_euicc.conformance.reading import lint_form
from pytest_euicc.conformance.reading.kept import KeptVectors, case_of
from pytest_euicc.conformance.reading.lint import lint as lint_data
from pytest_euicc.conformance.reading.lint import model_keys
from pytest_euicc.conformance.reading.places import vector_files
from pytest_euicc.document import Document, FileMistakes, Mistake, Place, pydantic_message


def load(paths: Iterable[Path]) -> list[Case]:
    """All cases of the files and folders; a file of a folder that was read before and has not changed is not checked.

    Raises:
        FileMistakes: with every mistake of every file.
    """
    cases, mistakes = _read([(path, known) for root in paths for path, known in _with_kept(root)])
    if mistakes:
        raise FileMistakes(mistakes)
    return cases


def lint(paths: Iterable[Path]) -> list[Mistake]:
    """Every mistake of the files and folders, those of form too, in order; none when all is well."""
    return read(paths, form=True)[1]


def read(paths: Iterable[Path], *, form: bool = False) -> tuple[list[Case], list[Mistake]]:
    """The cases that could be read, and all mistakes; with ``form`` those as well with which a file still runs."""
    return _read([(path, None) for path in vector_files(paths)], form=form)


def _with_kept(root: Path) -> list[tuple[Path, KeptVectors | None]]:
    """The files of one place, with what is kept of its folder."""
    known = KeptVectors(root) if root.is_dir() else None
    return [(path, known) for path in vector_files([root])]


def _read(files: Iterable[tuple[Path, KeptVectors | None]], *, form: bool = False) -> tuple[list[Case], list[Mistake]]:
    cases: list[Case] = []
    mistakes: list[Mistake] = []
    homes: dict[str, str] = {}
    read = dict(files)
    for path, known in read.items():
        found = known.find(path) if known is not None else None
        document, case = None, None
        if found is not None and found.case not in homes:
            case = case_of(found, path)
        else:
            document = Document.read(path)
            case = parse(document)
        if case is not None:
            home = homes.setdefault(case.case, case.file)
            if document is not None:
                _check(case, document, home, form=form)
                if known is not None and not document.mistakes:
                    known.keep(path, document.digest, case)
            cases.append(case)
        mistakes += document.mistakes if document is not None else ()
    for known in {id(known): known for known in read.values() if known is not None}.values():
        known.close(path for path, its in read.items() if its is known)
    return cases, sorted(set(mistakes))


def _check(case: Case, document: Document, home: str, *, form: bool) -> None:
    """What concerns a file as a whole; ``home``: of the first file with its case."""
    if home != document.file:
        document.mistake(("case",), f"case {case.case!r} is in {home} already; give it another name")
    if form:
        lint_form.provenance(case, document)
        lint_form.requirements(case, document)
        lint_form.layout(document, Path(document.file).read_text(encoding="utf-8-sig"))


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
        document.mistake((), "a vector file must be a mapping that starts with case:")
        return None
    data = {key: entry for key, entry in document.data.items() if not key.startswith("x-")}
    if "profiles" in data and not data.keys() & model_keys(Case):
        message = "an inventory is no vector; it is checked with the declaration that names it (inventory:)"
        document.mistake(("profiles",), message, key=True)
        return None
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
            # The mistake is reported; what follows need not stumble over it again.
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
