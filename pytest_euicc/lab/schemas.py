"""JSON Schemas of the files that people write, so that editors complete and check while typing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, get_args

from pydantic import BaseModel

from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.kinds import KINDS
from pytest_euicc.conformance.files import observations
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.features import OPTIONS
from pytest_euicc.iut.lpa.driver_file import DriverFile
from pytest_euicc.lab.pool import Product
from pytest_euicc.lab.vector_schema import vectors
from pytest_euicc.lab.written_schema import DIALECT, Written, brief
from pytest_euicc.reporting.docstrings import Description
from pytest_euicc.simulator.euicc.settings import EuiccSettings
from pytest_euicc.simulator.smdp.orders.inventory import Inventory

_OWN_KEYS: dict[str, Any] = {"^x-": {}}


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


def driver() -> dict[str, Any]:
    """Of the file that says how another LPA is driven (``--lpa FILE``)."""
    return _schema(DriverFile, "pytest-euicc driver of an LPA")


def pool() -> dict[str, Any]:
    """Of the cards of a laboratory (``--euicc-pool``)."""
    made = _schema(Product, "pytest-euicc pool of cards")
    definitions = made.pop("$defs")
    del made["$schema"]
    title = made.pop("title")
    definitions["Product"] = made
    items = {"$ref": "#/$defs/Product"}
    return {"$schema": DIALECT, "title": title, "type": "array", "minItems": 1, "items": items, "$defs": definitions}


SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "vectors": vectors,
    "declaration": declaration,
    "settings": settings,
    "inventory": inventory,
    "driver": driver,
    "pool": pool,
}
"""By the argument of ``pytest-euicc schema``."""


def _schema(model: type[BaseModel], title: str) -> dict[str, Any]:
    made: dict[str, Any] = brief(model.model_json_schema(by_alias=True, schema_generator=Written))
    _describe(model, made)
    return {"$schema": DIALECT, **made, "title": title}


def _describe(model: type[BaseModel], schema: dict[str, Any]) -> None:
    """Put what docstrings say of the keys of a model, and of those within it, where an editor shows it."""
    waiting, seen = [model], set[type[BaseModel]]()
    while waiting:
        each = waiting.pop()
        seen.add(each)
        waiting += [inner for inner in _within(each) if inner not in seen]
    places = {**schema.get("$defs", {}), model.__name__: schema}
    for each in seen:
        if each.__name__ in places:
            _describe_keys(each, places[each.__name__])


def _describe_keys(model: type[BaseModel], place: dict[str, Any]) -> None:
    described = [Description(base.__doc__ or "") for base in reversed(model.__mro__[:-2])]
    texts: dict[str, str] = {}
    for each in described:
        texts |= each.arguments
    if "description" in place:
        place["description"] = described[-1].title + "."
    for name, field in model.model_fields.items():
        key = field.alias or name
        if key in place["properties"] and (text := texts.get(key) or texts.get(name)):
            place["properties"][key]["description"] = text.replace("``", "`")


def _within(model: type[BaseModel]) -> list[type[BaseModel]]:
    """Models that the fields of one are made of."""

    def models(annotation: Any) -> Iterator[type[BaseModel]]:
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield annotation
        for part in get_args(annotation):
            yield from models(part)

    return [inner for field in model.model_fields.values() for inner in models(field.annotation)]
