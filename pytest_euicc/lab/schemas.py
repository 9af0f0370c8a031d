"""JSON Schemas of the files that people write, so that editors complete and check while typing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.kinds import KINDS
from pytest_euicc.conformance.files import observations
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.features import OPTIONS
from pytest_euicc.conformance.reading.json_schema import json_schema
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.smdp.orders.inventory import Inventory

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_OWN_KEYS: dict[str, Any] = {"^x-": {}}


class _Written(GenerateJsonSchema):
    """Octets are written in hex, versions as text with dots; defaults that are neither are left out."""

    def bytes_schema(self, schema: core_schema.BytesSchema) -> JsonSchemaValue:  # noqa: ARG002
        return {"type": "string"}

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def declaration() -> dict[str, Any]:
    """Of declarations, with the options and kinds of every installed package."""
    library.load()
    made = _schema(Declaration, "pytest-euicc declaration")
    properties = made["properties"]
    options = {name: {"type": "boolean", "description": meaning} for name, meaning in OPTIONS.items()}
    properties["options"] = {
        "anyOf": [
            {"type": "array", "items": {"enum": list(OPTIONS)}},
            {"type": "object", "properties": options, "additionalProperties": False},
        ]
    }
    kinds = {kind: {"enum": ["fail", "note"]} for kind in observations.KINDS}
    properties["observations"] = {"type": "object", "properties": kinds, "additionalProperties": False}
    properties["iut"] = {"enum": sorted(KINDS.entries)}
    properties["inventory"] = {"anyOf": [{"type": "string"}, properties["inventory"]]}
    made["required"] = ["version"]
    made["patternProperties"] = _OWN_KEYS
    return made


def settings() -> dict[str, Any]:
    """Of the settings of the simulated eUICC (``sim:FILE``)."""
    return _schema(EuiccSettings, "pytest-euicc settings of the simulated eUICC")


def inventory() -> dict[str, Any]:
    """Of inventories: the profiles of an SM-DP+, simulated or under test."""
    return _schema(Inventory, "pytest-euicc inventory")


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "vectors": json_schema,
    "declaration": declaration,
    "settings": settings,
    "inventory": inventory,
}
"""By the argument of ``pytest-euicc schema``."""


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    made = model.model_json_schema(by_alias=True, schema_generator=_Written)
    return {"$schema": _DIALECT, **made, "title": title}
