"""What is wrong with the values of a vector, those of ``with`` and of ``expect``, seen from the shapes they are for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pytest_euicc.conformance.values.matchers import OPERATORS, TYPES, split_keys
from pytest_euicc.conformance.values.resolve import (
    ValueMistake,
    bit_number,
    bits_value,
    is_absent,
    merge,
    references,
    scalar,
)
from pytest_euicc.conformance.values.shapes import ANY, Shape
from pytest_euicc.conformance.values.text import is_name, parse_hex
from pytest_euicc.document import Place
from pytest_euicc.text import closest

Report = Callable[[Place, str, bool], None]
"""Takes the place, the message and whether the key itself is meant."""


def called(shape: Shape | None) -> str:
    """A shape by its name, for messages."""
    return shape.name or shape.kind if shape else "the answer"


def _has_reference(data: Any) -> bool:
    return any(True for _ in references(data))


def lint_with(data: Any, shape: Shape, place: Place, report: Report) -> None:
    """Fields that the type does not have, and text that is no value of its field."""
    if isinstance(data, str) and _has_reference(data):
        return
    if isinstance(data, Mapping) and shape.kind in ("sequence", "choice"):
        if shape.kind == "choice" and len(data) != 1:
            report(place, f"{shape.name} is a CHOICE: exactly one of {', '.join(shape.fields)}", False)
        for key, entry in data.items():
            if key not in shape.fields:
                report((*place, key), f"{shape.name} has no field {key!r}{closest(key, shape.fields)}", True)
            elif not is_absent(entry):
                lint_with(entry, shape.fields[key], (*place, key), report)
    elif isinstance(data, list) and shape.kind == "list":
        for index, entry in enumerate(data):
            lint_with(entry, shape.element, (*place, index), report)
    elif not _has_reference(data):
        try:
            merge(None, data, shape)
        except ValueMistake as mistake:
            report((*place, *mistake.path), mistake.message, False)


def lint_expect(expected: Any, shape: Shape, place: Place, report: Report) -> None:
    """Fields and operators that there are not, and arguments that do not fit."""
    if isinstance(expected, Mapping):
        fields, operators = split_keys(expected, shape)
        for key, entry in fields.items():
            if shape.kind != "any" and key not in shape.fields:
                known = [*shape.fields, *OPERATORS]
                report((*place, key), f"{shape.name} has no field {key!r}{closest(key, known)}", True)
            else:
                lint_expect(entry, shape.field(key), (*place, key), report)
        if shape.kind == "choice" and len(fields) > 1:
            report(place, f"{shape.name} is a CHOICE: only one of {', '.join(fields)} can come", False)
        for key, argument in operators.items():
            if key not in OPERATORS:
                report((*place, key), f"unknown operator {key!r}{closest(key, OPERATORS)}", True)
            else:
                _lint_operator(key, argument, shape, (*place, key), report)
    elif isinstance(expected, list) and shape.kind in ("list", "any"):
        for index, entry in enumerate(expected):
            lint_expect(entry, shape.element, (*place, index), report)
    elif not _has_reference(expected):
        _lint_scalar(expected, shape, place, report)


def _lint_scalar(expected: Any, shape: Shape, place: Place, report: Report) -> None:
    if shape.kind in ("any", "sequence", "choice", "list"):
        if shape.kind != "any":
            report(place, f"{called(shape)} has parts; write a mapping or a list, not {expected!r}", False)
        return
    try:
        scalar(expected, shape)
    except ValueMistake as mistake:
        report(place, mistake.message, False)


def _lint_operator(name: str, argument: Any, shape: Shape, place: Place, report: Report) -> None:
    if isinstance(argument, str) and _has_reference(argument):
        return
    wrong: str | None = None
    match name, argument:
        case (("each" | "contains"), _):
            if shape.kind not in ("list", "any"):
                wrong = f"{name} is for lists; {called(shape)} is none"
            else:
                lint_expect(argument, shape.element, place, report)
        case (("one_of" | "in_any_order"), [*entries]):
            inner = shape.element if name == "in_any_order" else shape
            for index, entry in enumerate(entries):
                lint_expect(entry, inner, (*place, index), report)
        case "not", _:
            lint_expect(argument, shape, place, report)
        case "equals", _:
            if not isinstance(argument, Mapping | list) and not _has_reference(argument):
                _lint_scalar(argument, shape, place, report)
        case (("octets" | "count"), (int() | {"min": int()} | {"max": int()})) if not isinstance(argument, bool):
            extra = set(argument) - {"min", "max"} if isinstance(argument, Mapping) else set()
            wrong = f"{name} has min and max, not {', '.join(sorted(extra))}" if extra else None
            if name == "count" and shape.kind not in ("list", "any"):
                wrong = f"count is for lists; {called(shape)} is none"
        case (("octets" | "count"), _):
            wrong = f"{name}: write a number, or {{min: n, max: n}}"
        case (("present" | "absent"), bool()):
            pass
        case "matches", str():
            try:
                re.compile(argument)
            except re.error as error:
                wrong = f"not a regular expression: {error}"
        case "type", str() if argument in TYPES:
            pass
        case "type", _:
            wrong = f"type is one of {', '.join(TYPES)}"
        case "save", str() if is_name(argument):
            pass
        case "save", _:
            wrong = "save: write a name of letters, digits and '_', without $"
        case "only", [*entries]:
            unknown = [entry for entry in entries if shape.kind != "any" and entry not in shape.fields]
            if unknown:
                wrong = f"{called(shape)} has no field {unknown[0]!r}{closest(str(unknown[0]), shape.fields)}"
        case "between", [_, _]:
            pass
        case (("at_least" | "at_most"), (int() | str())):
            pass
        case "starts_with", (int() | str()):
            wrong = _hex_mistake(argument) if shape.kind == "octets" else None
        case "bits", _:
            wrong = _bits_mistake(argument, shape)
        case _:
            wants = {"one_of": "a list", "in_any_order": "a list", "only": "a list of fields", "between": "[from, to]"}
            wrong = f"{name}: write {wants.get(name, 'true or false')}"
    if wrong:
        report(place, wrong, False)


def _hex_mistake(argument: Any) -> str | None:
    try:
        parse_hex(argument)
    except ValueError as error:
        return str(error)
    return None


def _bits_mistake(argument: Any, shape: Shape) -> str | None:
    if shape.kind not in ("bits", "any"):
        return f"bits is for a BIT STRING; {called(shape)} is none"
    try:
        if isinstance(argument, Mapping):
            if not argument or set(argument) - {"set", "clear", "known", "through"}:
                return "bits has set: [names], clear: [names], known: [names] and through: name"
            for names in argument.values():
                for name in names if isinstance(names, list) and not _has_reference(names) else ():
                    bit_number(name, shape if shape.kind == "bits" else ANY)
        elif not _has_reference(argument):
            bits_value(argument, shape)
    except ValueError as error:
        return str(error)
    return None
