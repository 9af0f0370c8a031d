"""JSON Schemas of models as files have them: octets in hex, numbers that YAML makes of text, ``$names`` for values."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HEX: dict[str, Any] = {"type": ["string", "number"]}
"""Digits without quotes are a number for an editor, and ``12E4`` is one with an exponent."""
_REFERENCE = r"\$"


class Written(GenerateJsonSchema):
    """Octets are written in hex; defaults that JSON does not have are left out.

    A function that reads a value before its type does may take more than the type: what it takes is said by its
    ``json_schema_input_type``; without that, anything.
    """

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:  # noqa: ARG002
        """Hex."""
        return dict(HEX)

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """With what is taken where the key is left out, if JSON has it."""
        inner = self.generate_inner(schema["schema"])
        default = schema.get("default")
        # A reference has no other keys in older drafts, and editors follow those.
        if isinstance(default, bool | int | str) and default != "" and "$ref" not in inner:
            return {**inner, "default": default}
        return inner

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        """What may be written, not what is made of it."""
        taken = schema.get("json_schema_input_schema")
        return {} if taken is None else self.generate_inner(taken)


def with_references(schema: Any) -> Any:
    """The same schema for a place where a ``$name`` may stand for any value.

    Types are widened rather than wrapped into ``anyOf``: what is wrong then is one error with its own words.
    """
    if not isinstance(schema, dict):
        return schema
    made = {key: _inner(key, value) for key, value in schema.items()}
    if "enum" in made or "const" in made:
        choices = {key: made.pop(key) for key in ("enum", "const", "type") if key in made}
        return {**made, "anyOf": [choices, {"type": "string", "pattern": _REFERENCE}]}
    kinds = made.get("type")
    if kinds is None:
        return made
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if "string" not in kinds:
        made |= {"type": [*kinds, "string"], "pattern": _REFERENCE}
    elif "pattern" in made:
        made["pattern"] = f"(?:{made['pattern']})|{_REFERENCE}"
    return made


def _inner(key: str, value: Any) -> Any:
    if key in ("items", "additionalProperties"):
        return with_references(value)
    if key in ("properties", "$defs"):
        return {name: with_references(entry) for name, entry in value.items()}
    if key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        return [with_references(entry) for entry in value]
    return value


def brief(schema: Any) -> Any:
    """Without titles that only repeat names, and with ``X or null`` as one type where that can be said so."""
    if isinstance(schema, list):
        return [brief(entry) for entry in schema]
    if not isinstance(schema, dict):
        return schema
    made = {
        key: ({name: brief(entry) for name, entry in value.items()} if key in ("properties", "$defs") else brief(value))
        for key, value in schema.items()
        if not (key == "title" and isinstance(value, str))
    }
    choices = made.get("anyOf", [])
    plain = [choice for choice in choices if choice != {"type": "null"}]
    if len(choices) == 2 and len(plain) == 1 and "type" in plain[0] and not {"enum", "const"} & plain[0].keys():
        kinds = plain[0]["type"]
        del made["anyOf"]
        return {**plain[0], **made, "type": [*([kinds] if isinstance(kinds, str) else kinds), "null"]}
    return made
