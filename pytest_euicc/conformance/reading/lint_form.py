"""Mistakes of form: what a sequence must say of itself, and how a file is written so that people can judge it.

A file with these alone still runs; ``pytest-euicc lint`` reports them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import yaml

from pytest_euicc.conformance.files.vector import Case, Sequence
from pytest_euicc.document import LOADER, Document

COLUMNS = 120
"""A line is at most so long."""

_OWN_ID = re.compile(r"O[1-9][0-9]*")
_SGP23_ID = re.compile(r"[0-9]{2}[a-z]?")
_JUDGED = frozenset({"sw", "status", "expect", "any_of", "verify", "distinct"})
"""Keys of a step whose values decide its verdict."""


def provenance(case: Case, document: Document) -> None:
    """Reports numbers that say more of where a sequence comes from than is so."""
    mixed = any(case.origin_of(sequence) == "sgp23" for sequence in case.sequences)
    if mixed and case.clauses.sgp23 is None:
        document.mistake(("clauses",), "sequences of SGP.23 need the group they are in; write clauses: {sgp23: …}")
    for index, sequence in enumerate(case.sequences):
        own = case.origin_of(sequence) == "own"
        fault = _number_fault(sequence, own=own, mixed=mixed or case.origin == "sgp23")
        if fault:
            document.mistake(("sequences", index, "sgp23" if own and sequence.sgp23 else "id"), fault)


def _number_fault(sequence: Sequence, *, own: bool, mixed: bool) -> str:
    if own and sequence.sgp23:
        return "an own sequence has no number of SGP.23; leave sgp23 out, or write origin: sgp23"
    if own and mixed and not _OWN_ID.fullmatch(sequence.id):
        return f"{sequence.id!r} reads as a number of SGP.23, and the sequence is own; number own ones O1, O2, …"
    if not own and not sequence.sgp23 and not _SGP23_ID.fullmatch(sequence.id):
        return f"{sequence.id!r} is not a number of SGP.23; write two digits, give sgp23, or write origin: own"
    return ""


def requirements(case: Case, document: Document) -> None:
    """Reports sequences that do not say what the specification demands."""
    for index, sequence in enumerate(case.sequences):
        reasons = sequence.clauses and any(step.because or step.any_of for step in sequence.steps)
        if sequence.requirement is None and not reasons:
            text = "the requirement is missing; add requirement: one sentence, or clauses and a because"
            document.mistake(("sequences", index, "id"), text)


def layout(document: Document, text: str) -> None:
    """Reports long lines, and expectations that are written once and used again through an alias."""
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > COLUMNS:
            document.add(number, COLUMNS + 1, f"{len(line)} columns; a line has at most {COLUMNS}")
    root = yaml.compose(text, Loader=LOADER)
    for mark in _hidden(root, set(), judged=False) if root is not None else ():
        fault = "an expectation is reused through an alias; write out every expectation"
        document.add(mark.line + 1, mark.column + 1, fault)


def _hidden(node: yaml.Node, seen: set[int], *, judged: bool) -> Iterator[yaml.Mark]:
    """Where nodes are that are, or hold, an expectation and are met a second time."""
    if id(node) in seen:
        if judged or _holds_expectation(node):
            yield node.start_mark
        return
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            yield from _hidden(value, seen, judged=judged or name.value in _JUDGED)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _hidden(value, seen, judged=judged)


def _holds_expectation(node: yaml.Node) -> bool:
    if isinstance(node, yaml.MappingNode):
        return any(str(name.value) in _JUDGED or _holds_expectation(value) for name, value in node.value)
    return isinstance(node, yaml.SequenceNode) and any(_holds_expectation(value) for value in node.value)
