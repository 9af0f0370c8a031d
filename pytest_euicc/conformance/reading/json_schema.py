"""The JSON Schema of vector files, so that editors complete and check while typing."""

from __future__ import annotations

from typing import Any

from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.arguments import Parameters
from pytest_euicc.conformance.engine.kinds import KINDS
from pytest_euicc.conformance.engine.registry import ACTIONS, CHECKS, STATES, Action
from pytest_euicc.conformance.files.vector import Case, Expectation
from pytest_euicc.conformance.values.matchers import OPERATORS
from pytest_euicc.conformance.values.shapes import NOTHING, Shape
from pytest_euicc.conformance.values.tamper import OPERATIONS

_ANYTHING: dict[str, Any] = {}
_STATUS_WORD: dict[str, Any] = {"type": ["string", "integer", "array"]}
_STATUS: dict[str, Any] = {"type": ["string", "array"]}
_DEPTH = 6
"""Fields are listed so deep; below, anything is allowed (the loader checks all of it)."""


def json_schema() -> dict[str, Any]:
    """The schema (draft 2020-12), made from the models and from every registered action, state and check."""
    library.load()
    schema = Case.model_json_schema(by_alias=True)
    definitions = schema["$defs"]
    definitions.pop("Call", None)
    definitions.pop("Step", None)
    sequence = definitions["Sequence"]["properties"]
    sequence["given"]["items"] = {"anyOf": [_call(name, entry.title, entry.parameters) for name, entry in _states()]}
    steps = {"anyOf": [_step(entry) for _, entry in sorted(ACTIONS.entries.items())]}
    definitions["Step"] = steps
    sequence["steps"]["items"] = {"$ref": "#/$defs/Step"}
    sequence["finally"]["items"] = {"$ref": "#/$defs/Step"}
    definitions["Verify"] = {
        "type": "array",
        "items": {
            "anyOf": [_call(name, entry.title, entry.parameters) for name, entry in sorted(CHECKS.entries.items())]
        },
    }
    definitions["Expectation"] = _expectation_definition()
    schema["properties"]["iut"]["enum"] = sorted(KINDS.entries)
    schema["patternProperties"] = {"^x-": _ANYTHING}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "pytest-euicc vector file",
    }


def _states() -> list[tuple[str, Any]]:
    return sorted(STATES.entries.items())


def _arguments(parameters: Parameters) -> dict[str, Any]:
    """Every argument may also be a ``$name``, so the types are only a hint in the description."""
    return dict.fromkeys(parameters.names, _ANYTHING)


def _call(name: str, title: str, parameters: Parameters) -> dict[str, Any]:
    body = {"type": ["object", "null"], "properties": _arguments(parameters), "additionalProperties": False}
    mapping = {"type": "object", "properties": {name: body}, "required": [name], "additionalProperties": False}
    return {"title": title, "anyOf": [{"const": name}, mapping]}


def _expectation_definition() -> dict[str, Any]:
    own = Expectation.model_json_schema(by_alias=True)["properties"]
    return {
        "type": "object",
        "properties": {
            "sw": _STATUS_WORD,
            "status": _STATUS,
            "expect": _ANYTHING,
            "verify": {"$ref": "#/$defs/Verify"},
            "because": own["because"],
        },
        "additionalProperties": False,
    }


def _step(action: Action) -> dict[str, Any]:
    properties: dict[str, Any] = {
        "title": {"type": "string"},
        "because": {"type": "string"},
        "sw": _STATUS_WORD,
        "status": _STATUS,
        "verify": {"$ref": "#/$defs/Verify"},
        "channel": {"type": "string"},
        "repeat": {"type": "integer", "minimum": 1},
        "distinct": {"type": "array", "items": {"type": "string"}},
        "any_of": {"type": "array", "items": {"$ref": "#/$defs/Expectation"}},
        **_arguments(action.parameters),
    }
    if action.response is not None:
        properties["expect"] = _shape(action.response(), 0, matchers=True)
        if action.response().optional:
            properties["expect"] = {"anyOf": [{"const": NOTHING}, properties["expect"]]}
    if action.request is not None:
        properties["with"] = _shape(action.request(), 0, matchers=False)
    if action.request is not None or action.tampered is not None:
        properties["tamper"] = {
            "type": "array",
            "items": {
                "type": "object",
                "properties": dict.fromkeys(OPERATIONS, _ANYTHING),
                "additionalProperties": False,
            },
        }
    body = {"type": ["object", "null"], "properties": properties, "additionalProperties": False}
    mapping = {
        "type": "object",
        "properties": {action.name: body},
        "required": [action.name],
        "additionalProperties": False,
    }
    return {"title": action.title, "anyOf": [{"const": action.name}, mapping]}


def _shape(shape: Shape, depth: int, *, matchers: bool) -> dict[str, Any]:
    """The fields of a type; a scalar may be anything, for text has many forms (``$name``, hex, names)."""
    if depth > _DEPTH or shape.kind not in ("sequence", "choice"):
        return _ANYTHING
    properties = {name: _shape(field, depth + 1, matchers=matchers) for name, field in shape.fields.items()}
    operators = {name: _ANYTHING for name in OPERATORS if name not in properties} if matchers else {"absent": _ANYTHING}
    mapping = {"type": "object", "properties": {**properties, **operators}, "additionalProperties": False}
    return {"anyOf": [mapping, {"type": "string", "pattern": r"^\$"}]}
