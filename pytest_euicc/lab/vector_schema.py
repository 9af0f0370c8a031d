"""The JSON Schema of vector files, made from the models and from every registered action, state and check.

Whatever has one of many names (a step, a state, a check) is an object with exactly one known key: an editor completes
the names, and a wrong one is one error and not one for each name that there is.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic.json_schema import models_json_schema

from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.kinds import KINDS
from pytest_euicc.conformance.engine.registry import ACTIONS, CHECKS, STATES, Action, Check, State
from pytest_euicc.conformance.files.vector import Case, Expectation
from pytest_euicc.conformance.values.matchers import OPERATORS
from pytest_euicc.conformance.values.shapes import NOTHING, Shape
from pytest_euicc.conformance.values.tamper import OPERATIONS
from pytest_euicc.lab.written_schema import DIALECT, Written, brief, with_references
from pytest_euicc.reporting.docstrings import Description

_ANYTHING: dict[str, Any] = {}
_DEPTH = 6
"""Fields are listed so deep; below, anything is allowed (the loader checks all of it)."""
_FIELDS = r"^\$"
"""In place of a mapping of fields: all of it is a saved value."""

_CASE = {
    "case": "Name of the test case, unique over all files; names of sequences begin with it.",
    "title": "One line for reports.",
    "description": "More text for reports.",
    "iut": "The kind of implementation under test.",
    "interface": "The interface whose suite runs the sequences, such as ES10c.",
    "clauses": "Where the requirement stands: clauses of SGP.22 (sgp22), the group of SGP.23 (sgp23), others by name.",
    "origin": "Whose sequences these are unless they say otherwise: own, or sgp23.",
    "severity": "Severity in Allure.",
    "applicability": "Condition on the declaration, such as O_E_NIST and version >= 2.4.",
    "sequences": "The test sequences.",
}
_SEQUENCE = {
    "id": "Number of the sequence in its case, in quotes.",
    "title": "One line for reports.",
    "requirement": "One sentence in plain English: what the specification demands, with the clause.",
    "origin": "Whose sequence it is, where it is not that of the case.",
    "sgp23": "SGP.23's number, where the id is not that number.",
    "formerly": "Ids of earlier releases, so that `pytest-euicc compare` knows it again.",
    "description": "More text for reports.",
    "clauses": "In addition to those of the case.",
    "applicability": "Condition on the declaration, in addition to that of the case.",
    "severity": "In place of that of the case.",
    "given": "The states it starts from, in order.",
    "changes_card": "Its APDUs change the card without saying so: needs permission on a real card.",
    "steps": "The steps, in order; the first that does not meet its expectation ends the sequence.",
    "finally": "Steps to clean up; a failure is reported, but is not the verdict.",
}
_STEP = {
    "title": "One line for reports.",
    "because": "Why this is required, for reports, with its clause if it is not one of the sequence's.",
    "with": "Fields of the message that differ from what the action sends by itself, before anything is signed.",
    "tamper": "Changes of the encoded octets, so that signatures and MACs no longer match.",
    "sw": 'Expected status words of a card: "9000" (the default), "6Axx", a list, or error.',
    "status": "Expected result of a function of a server: success (the default), 8.1/6.1, failed, HTTP 4xx, closed.",
    "expect": "What the decoded answer must be; fields that are not mentioned may have any value.",
    "verify": "Checks over the octets received.",
    "channel": "Name of a channel that isdr_selected or card.open_channel opened.",
    "any_of": "Where a clause leaves a choice: one of these must hold.",
    "repeat": "Run the step this number of times.",
    "distinct": "Fields that have another value in every answer of a repeated step.",
}
_IN_EVERY_STEP = tuple(name for name in _STEP if name not in ("with", "tamper", "expect"))


def vectors() -> dict[str, Any]:
    """The schema (draft 2020-12)."""
    library.load()
    models = [entry.parameters.model for _, entry in _entries(STATES, CHECKS, ACTIONS)]
    named, arguments = models_json_schema(
        [(model, "validation") for model in dict.fromkeys(models)], by_alias=True, schema_generator=Written
    )
    definitions: dict[str, Any] = with_references(brief(arguments)).get("$defs", {})
    # The arguments themselves are in the steps; what is left are the models within them.
    names = {model: str(ref["$ref"]).rpartition("/")[2] for (model, _), ref in named.items()}
    own = {model: definitions[name] for model, name in names.items()}
    definitions = {name: entry for name, entry in definitions.items() if name not in names.values()}
    case = brief(Case.model_json_schema(by_alias=True, schema_generator=Written))
    definitions |= {name: entry for name, entry in case.pop("$defs").items() if name not in ("Call", "Step")}
    definitions["State"] = _one_of(
        {name: _call(entry, own[entry.parameters.model]) for name, entry in _entries(STATES)}, "A state"
    )
    definitions["Check"] = _one_of(
        {name: _call(entry, own[entry.parameters.model]) for name, entry in _entries(CHECKS)}, "A check"
    )
    definitions["Step"] = _one_of(
        {name: _step(entry, own[entry.parameters.model]) for name, entry in _entries(ACTIONS)}, "A step: one action"
    )
    definitions |= _shared()
    definitions["Expectation"] = _expectation()
    sequence = definitions["Sequence"]["properties"]
    sequence["given"]["items"] = {"$ref": "#/$defs/State"}
    sequence["steps"]["items"] = sequence["finally"]["items"] = {"$ref": "#/$defs/Step"}
    _describe(sequence, _SEQUENCE)
    _describe(case["properties"], _CASE)
    case["properties"]["iut"]["enum"] = sorted(KINDS.entries)
    case["patternProperties"] = {"^x-": _ANYTHING}
    # Files of 0.1.0 call it so.
    case["properties"]["numbering"] = {**case["properties"]["origin"], "deprecated": True}
    return {"$schema": DIALECT, **case, "title": "pytest-euicc vector file", "$defs": definitions}


def _entries(*registries: Any) -> list[tuple[str, Any]]:
    return [each for registry in registries for each in sorted(registry.entries.items())]


def _describe(properties: dict[str, Any], texts: dict[str, str]) -> None:
    for name, text in texts.items():
        properties[name]["description"] = text


def _one_of(bodies: dict[str, dict[str, Any]], what: str) -> dict[str, Any]:
    """A name alone, or an object with the name as its only key."""
    alone = [name for name, body in bodies.items() if "null" in body["type"]]
    return {
        "description": f"{what}: its name, or a mapping with the name as the only key.",
        "type": ["object", "string"],
        "properties": bodies,
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
        "if": {"type": "string"},
        "then": {"enum": alone},
    }


def _body(entry: Action | State | Check, properties: dict[str, Any], required: Iterable[str]) -> dict[str, Any]:
    """What stands below a name."""
    described = Description(entry.function.__doc__ or "")
    text = "\n\n".join(part for part in (f"{entry.title}.", described.text) if part)
    made = {"description": text.replace("``", "`"), "properties": properties, "additionalProperties": False}
    required = list(required)
    return {**made, "type": "object", "required": required} if required else {**made, "type": ["object", "null"]}


def _arguments(entry: Action | State | Check, own: dict[str, Any]) -> dict[str, Any]:
    """The arguments by name, each with what its docstring says of it."""
    texts = Description(entry.function.__doc__ or "").arguments
    return {
        name: {**schema, "description": texts[name].replace("``", "`")} if name in texts else schema
        for name, schema in own.get("properties", {}).items()
    }


def _call(entry: State | Check, own: dict[str, Any]) -> dict[str, Any]:
    return _body(entry, _arguments(entry, own), own.get("required", ()))


def _shared() -> dict[str, Any]:
    """What stands in many steps, and in the choices of a step, by its name."""
    own = brief(Expectation.model_json_schema(by_alias=True, schema_generator=Written))["properties"]
    tampers = {
        "type": "object",
        "properties": dict.fromkeys(OPERATIONS, _ANYTHING),
        "additionalProperties": False,
        "minProperties": 1,
        "maxProperties": 1,
    }
    made = {
        "title": {"type": "string"},
        "because": {"type": "string"},
        "tamper": {"type": "array", "items": tampers},
        "sw": own["sw"],
        "status": own["status"],
        "verify": {"type": "array", "items": {"$ref": "#/$defs/Check"}},
        "channel": {"type": "string"},
        "repeat": {"type": "integer", "minimum": 1, "maximum": 100_000},
        "distinct": {"type": "array", "items": {"type": "string"}},
        "any_of": {"type": "array", "items": {"$ref": "#/$defs/Expectation"}},
    }
    return {name: {**schema, "description": _STEP[name]} for name, schema in made.items()}


def _references(*names: str) -> dict[str, Any]:
    return {name: {"$ref": f"#/$defs/{name}"} for name in names}


def _expectation() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            **_references("sw", "status", "verify", "because"),
            "expect": {"description": _STEP["expect"]},
        },
        "additionalProperties": False,
    }


def _step(action: Action, own: dict[str, Any]) -> dict[str, Any]:
    properties = _references(*_IN_EVERY_STEP)
    if action.response_by is not None:
        properties["expect"] = {"description": _STEP["expect"]}
    elif action.response is not None:
        properties["expect"] = {**_answer(action.response()), "description": _STEP["expect"]}
    if action.request is not None:
        properties["with"] = {**_shape(action.request(), 0, matchers=False), "description": _STEP["with"]}
    if action.request is not None or action.tampered is not None:
        properties |= _references("tamper")
    return _body(action, {**properties, **_arguments(action, own)}, own.get("required", ()))


def _answer(shape: Shape) -> dict[str, Any]:
    made = _shape(shape, 0, matchers=True)
    return {**made, "pattern": f"{_FIELDS}|^{NOTHING}$"} if shape.optional and "pattern" in made else made


def _shape(shape: Shape, depth: int, *, matchers: bool) -> dict[str, Any]:
    """The fields of a type; a scalar may be anything, for text has many forms (``$name``, hex, names)."""
    if depth > _DEPTH or shape.kind not in ("sequence", "choice"):
        return {"description": f"{shape.name}: {', '.join(shape.names)}"} if shape.names and depth else _ANYTHING
    properties = {name: _shape(field, depth + 1, matchers=matchers) for name, field in shape.fields.items()}
    operators = {name: _ANYTHING for name in OPERATORS if name not in properties} if matchers else {"absent": _ANYTHING}
    return {
        "type": ["object", "string"],
        "properties": {**properties, **operators},
        "additionalProperties": False,
        "pattern": _FIELDS,
    }
