"""Compares a decoded value with what a vector expects; every mismatch names its place and both sides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_euicc.conformance.values.comparing import (
    bit_set,
    equal,
    in_range,
    is_bits,
    matches,
    ordered,
    size,
    starts_with,
)
from pytest_euicc.conformance.values.resolve import bit_number
from pytest_euicc.conformance.values.shapes import ANY, Shape
from pytest_euicc.conformance.values.text import describe


class _Missing:
    def __repr__(self) -> str:
        return "absent"


MISSING: Any = _Missing()
"""Stands for a field that did not come."""


@dataclass(frozen=True)
class Mismatch:
    """One place where what was received is not what was expected; ``path`` is dotted and empty for the whole value."""

    path: str
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.path or 'value'}: expected {self.expected}, received {self.actual}"


_UNWORDED = Mismatch("", "", "")


@dataclass
class Match:
    """The outcome: no mismatches means that all held; ``saved`` are the values of ``save``.

    ``chosen`` are the places of ``one_of`` that held, each with the alternative that did. Of an ``attempt`` it only
    matters whether it held: its mismatches are not put into words.
    """

    mismatches: list[Mismatch] = field(default_factory=list)
    saved: dict[str, Any] = field(default_factory=dict)
    chosen: list[tuple[str, str]] = field(default_factory=list)
    attempt: bool = False

    def __bool__(self) -> bool:
        return not self.mismatches

    def differs(self, path: str, expected: Any, actual: Any, wanted: str = "", received: str = "") -> None:
        """Note a mismatch; ``wanted`` and ``received`` stand before the two values."""
        if self.attempt:
            self.mismatches.append(_UNWORDED)
        else:
            self.mismatches.append(Mismatch(path, wanted + describe(expected), received + _show(actual)))

    def take(self, attempt: Match) -> None:
        """What an attempt saved and chose."""
        self.saved.update(attempt.saved)
        self.chosen += attempt.chosen


def match(expected: Any, actual: Any, shape: Shape = ANY) -> Match:
    """Match ``actual`` (a value of the codec, or `MISSING`) against ``expected`` (references resolved)."""
    result = Match()
    _match(expected, actual, shape, "", result)
    return result


def _show(actual: Any) -> str:
    return "no such field" if actual is MISSING else describe(actual)


def _try(expected: Any, actual: Any, shape: Shape, path: str) -> Match:
    result = Match(attempt=True)
    _match(expected, actual, shape, path, result)
    return result


def split_keys(expected: Mapping[str, Any], shape: Shape) -> tuple[dict[str, Any], dict[str, Any]]:
    """Fields and operators of a mapping: a name that the type has is a field, whatever else it may mean."""
    fields = {
        key: entry
        for key, entry in expected.items()
        if key in shape.fields or (key not in OPERATORS and shape.kind in ("any", "sequence", "choice"))
    }
    return fields, {key: entry for key, entry in expected.items() if key not in fields}


def _match(expected: Any, actual: Any, shape: Shape, path: str, result: Match) -> None:
    if isinstance(expected, Mapping):
        fields, operators = split_keys(expected, shape)
        for name, argument in operators.items():
            OPERATORS[name](argument, actual, shape, path, result)
        if fields:
            _match_fields(fields, actual, shape, path, result)
    elif isinstance(expected, list) and not (shape.kind == "bits" or is_bits(actual)):
        _match_list(expected, actual, shape, path, result)
    elif actual is MISSING or not equal(expected, actual, shape):
        result.differs(path, expected, actual)


def _join(path: str, part: str | int) -> str:
    return f"{path}.{part}" if path else str(part)


def _match_fields(fields: Mapping[str, Any], actual: Any, shape: Shape, path: str, result: Match) -> None:
    if isinstance(actual, tuple) and len(actual) == 2 and isinstance(actual[0], str):
        actual = {actual[0]: actual[1]}
    for name, expected in fields.items():
        value = actual.get(name, MISSING) if isinstance(actual, Mapping) else MISSING
        if value is MISSING and _allows_absence(expected):
            if "one_of" in expected:
                result.chosen.append((_join(path, name), "absent, which is permitted"))
            continue
        if value is MISSING:
            received = actual if not isinstance(actual, Mapping) or shape.kind == "choice" else MISSING
            result.differs(_join(path, name), expected, received)
        else:
            _match(expected, value, shape.field(name), _join(path, name), result)


def _allows_absence(expected: Any) -> bool:
    if not isinstance(expected, Mapping):
        return False
    if expected.get("absent") is True or expected.get("present") is False:
        return True
    choices = expected.get("one_of")
    return isinstance(choices, list) and any(_allows_absence(choice) for choice in choices)


def _match_list(expected: list[Any], actual: Any, shape: Shape, path: str, result: Match) -> None:
    if not isinstance(actual, list):
        result.differs(path, expected, actual)
        return
    if len(expected) != len(actual):
        wanted = f"{len(expected)} element{'' if len(expected) == 1 else 's'}: "
        result.differs(path, expected, actual, wanted, f"{len(actual)}: ")
        return
    for index, (entry, value) in enumerate(zip(expected, actual, strict=True)):
        _match(entry, value, shape.element, _join(path, index), result)


Operator = Callable[[Any, Any, Shape, str, Match], None]
OPERATORS: dict[str, Operator] = {}
"""Operators of ``expect`` by name."""


def _operator(name: str) -> Callable[[Operator], Operator]:
    def register(function: Operator) -> Operator:
        OPERATORS[name] = function
        return function

    return register


def _simple(name: str, meaning: str, test: Callable[[Any, Any, Shape], bool]) -> None:
    """An operator that only says yes or no; a field that is absent fails it."""

    def operator(argument: Any, actual: Any, shape: Shape, path: str, result: Match) -> None:
        if actual is MISSING or not test(argument, actual, shape):
            result.differs(path, argument, actual, f"{name} ")

    operator.__doc__ = meaning
    OPERATORS[name] = operator


TYPES: dict[str, Callable[[Any], bool]] = {
    "text": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "octets": lambda value: isinstance(value, bytes),
    "boolean": lambda value: isinstance(value, bool),
    "list": lambda value: isinstance(value, list),
    "mapping": lambda value: isinstance(value, Mapping),
}
"""Names for ``type:``."""

_simple("equals", "the value is this one", equal)
_simple(
    "octets",
    "the number of bytes is this one, or within ``{min, max}``",
    lambda argument, actual, _shape: in_range(argument, size(actual)),
)
_simple(
    "count",
    "a list has this number of elements, or within ``{min, max}``",
    lambda argument, actual, _shape: isinstance(actual, list) and in_range(argument, len(actual)),
)
_simple("matches", "the whole text (bytes as capital hex) matches this regular expression", matches)
_simple("starts_with", "text or bytes start with this", starts_with)
_simple(
    "type", "the value is of this type", lambda argument, actual, _shape: argument in TYPES and TYPES[argument](actual)
)
_simple(
    "at_least",
    "the value is not less; bytes are compared as numbers",
    lambda argument, actual, _shape: ordered(argument, actual, lambda a, b: a >= b),
)
_simple(
    "at_most",
    "the value is not greater; bytes are compared as numbers",
    lambda argument, actual, _shape: ordered(argument, actual, lambda a, b: a <= b),
)
_simple(
    "between",
    "the value is within ``[lowest, highest]``; bytes are compared as numbers",
    lambda argument, actual, _shape: (
        ordered(argument[0], actual, lambda a, b: a >= b) and ordered(argument[1], actual, lambda a, b: a <= b)
    ),
)


def _only(argument: Any, actual: Any, _shape: Shape) -> bool:
    if isinstance(actual, tuple):
        return actual[0] in argument
    return isinstance(actual, Mapping) and set(actual) <= set(argument)


_simple("only", "no other fields than these are present", _only)


@_operator("save")
def _save(argument: Any, actual: Any, _shape: Shape, path: str, result: Match) -> None:
    """Always, if there is a value: saves it under this name."""
    if actual is MISSING:
        result.mismatches.append(Mismatch(path, f"a value to save as ${argument}", _show(actual)))
    else:
        result.saved[argument] = actual


@_operator("present")
def _present(argument: Any, actual: Any, _shape: Shape, path: str, result: Match) -> None:
    """The field is there, or with ``false`` is not."""
    if (actual is not MISSING) is not bool(argument):
        result.mismatches.append(Mismatch(path, "present" if argument else "absent", _show(actual)))


@_operator("absent")
def _absent(argument: Any, actual: Any, shape: Shape, path: str, result: Match) -> None:
    """The field is not there, or with ``false`` is."""
    _present(not argument, actual, shape, path, result)


@_operator("not")
def _not(argument: Any, actual: Any, shape: Shape, path: str, result: Match) -> None:
    """This does not match."""
    if _try(argument, actual, shape, path):
        result.differs(path, argument, actual, "not ")


@_operator("one_of")
def _one_of(argument: Any, actual: Any, shape: Shape, path: str, result: Match) -> None:
    """One of these matches."""
    for number, choice in enumerate(argument, 1):
        attempt = _try(choice, actual, shape, path)
        if attempt:
            result.take(attempt)
            reported = f": {choice}" if isinstance(choice, str | bool | int) else ""
            result.chosen.append((path, f"permitted alternative {number} of {len(argument)}{reported}"))
            return
    result.differs(path, argument, actual, "one of ")


@_operator("each")
def _each(argument: Any, actual: Any, shape: Shape, path: str, result: Match) -> None:
    """Every element of a list matches this."""
    if not isinstance(actual, list):
        result.differs(path, argument, actual, "a list, each ")
        return
    for index, value in enumerate(actual):
        _match(argument, value, shape.element, _join(path, index), result)


@_operator("contains")
def _contains(argument: Any, actual: Any, shape: Shape, path: str, result: Match) -> None:
    """Some element of a list matches this."""
    for value in actual if isinstance(actual, list) else []:
        attempt = _try(argument, value, shape.element, path)
        if attempt:
            result.take(attempt)
            return
    result.differs(path, argument, actual, "an element ")


@_operator("in_any_order")
def _in_any_order(argument: Any, actual: Any, shape: Shape, path: str, result: Match) -> None:
    """The elements of a list match these, each exactly one."""
    if not isinstance(actual, list) or len(actual) != len(argument):
        result.differs(path, argument, actual, "in any order ")
        return
    tries = [[_try(wanted, value, shape.element, path) for value in actual] for wanted in argument]
    assignment = _assign([[index for index, attempt in enumerate(row) if attempt] for row in tries])
    if assignment is None:
        result.differs(path, argument, actual, "in any order ")
        return
    for wanted, value in enumerate(assignment):
        result.take(tries[wanted][value])


def _assign(candidates: list[list[int]]) -> list[int] | None:
    """One distinct candidate for each row (augmenting paths), or None when there is no such choice."""
    owner: dict[int, int] = {}

    def place(row: int, seen: set[int]) -> bool:
        for candidate in candidates[row]:
            if candidate not in seen:
                seen.add(candidate)
                if candidate not in owner or place(owner[candidate], seen):
                    owner[candidate] = row
                    return True
        return False

    if not all(place(row, set()) for row in range(len(candidates))):
        return None
    chosen = {row: candidate for candidate, row in owner.items()}
    return [chosen[row] for row in range(len(candidates))]


@_operator("bits")
def _bits(argument: Any, actual: Any, shape: Shape, path: str, result: Match) -> None:
    """These named bits are set and no others; ``{set: [], clear: []}``: these are set, those are not.

    ``{known: []}``: of the bits that have a name these are set and no others; bits without one may be either.
    ``{known: [], through: name}``: the same, and bits behind that one may be either unless they are given.
    """
    wanted = argument if isinstance(argument, Mapping) else None
    try:
        if not is_bits(actual):
            held = False
        elif wanted is None:
            held = equal(argument, actual, shape)
        else:
            present = bit_set(actual)
            held = all(bit_number(name, shape) in present for name in wanted.get("set", [])) and not any(
                bit_number(name, shape) in present for name in wanted.get("clear", [])
            )
            if "known" in wanted:
                known = {bit_number(name, shape) for name in wanted["known"]}
                last = (
                    bit_number(wanted["through"], shape) if "through" in wanted else max((shape.names or {}).values())
                )
                judged = {number for number in (shape.names or {}).values() if number <= last} | known
                held = held and present & judged == known
    except ValueError:
        held = False
    if not held:
        received = _show(actual)
        if is_bits(actual) and shape.names:
            numbers = bit_set(actual)
            received += f" = {describe([name for name, number in shape.names.items() if number in numbers])}"
        result.mismatches.append(Mismatch(path, f"bits {describe(argument)}", received))
