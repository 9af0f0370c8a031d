"""Every file of our own fits the schema that editors check it with."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_euicc import cli, resources
from pytest_euicc.conformance.reading.places import vector_files
from pytest_euicc.document import Document
from pytest_euicc.lab import schemas
from pytest_euicc.lab.declaring import QUESTION
from pytest_euicc.lab.templates import names, template
from tests.support import yaml_core

ROOT = Path(__file__).parents[2]
DECLARATIONS = sorted(resources.declarations().glob("*.yaml"))
SETTINGS = sorted((resources.declarations() / "settings").glob("*.yaml"))


@cache
def validator(kind: str) -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(schemas.SCHEMAS[kind]())


def faults(kind: str, data: Any) -> list[str]:
    return [f"{fault.json_path}: {fault.message[:200]}" for fault in validator(kind).iter_errors(data)]


def data_of(path: Path) -> Any:
    return yaml_core.load(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", schemas.SCHEMAS)
def test_a_schema_is_one(kind: str) -> None:
    validator(kind).check_schema(validator(kind).schema)


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: path.stem)
def test_declarations(path: Path) -> None:
    assert faults("declaration", data_of(path)) == []


@pytest.mark.parametrize("name", names())
def test_templates(name: str) -> None:
    text = template(name)
    assert faults("declaration", Document.parse(text).data) == []
    assert not {"eid", "restore", "test_cards", "ci_signing"} & Document.parse(text).data.keys()
    # What pySim-shell can do does not depend on anybody's build or card.
    assert (QUESTION in text) == (name != "pysim-shell")


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)
def test_settings(path: Path) -> None:
    assert faults("settings", data_of(path)) == []


def test_drivers() -> None:
    paths = sorted(resources.vectors().rglob("drivers/*.yaml"))
    assert paths
    assert [path for path in paths if faults("driver", data_of(path))] == []


def kind_of(data: Any) -> str:
    """The kind of file that an example of the documentation shows; empty for other files, and for parts of one."""
    if isinstance(data, list):
        return "pool" if "declaration" in data[0] else "vectors" if "steps" in data[0] else ""
    if not isinstance(data, dict):
        return ""
    kinds = {"case": "vectors", "program": "driver", "version": "declaration", "svn": "settings"}
    return next((kind for key, kind in kinds.items() if key in data), "inventory" if "profiles" in data else "")


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLES = [
    pytest.param(block, id=f"{page.stem}-{number}")
    for page in PAGES
    for number, block in enumerate(re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE))
    if "..." not in block and "…" not in block
]


@pytest.mark.parametrize("block", EXAMPLES)
def test_examples_of_the_documentation(block: str) -> None:
    data = yaml_core.load(block)
    if data and isinstance(data, list) and "steps" in data[0]:
        head = {"case": "C", "title": "T", "iut": "euicc", "interface": "I", "clauses": {}}
        data = head | {"sequences": data}
    kind = kind_of(data)
    assert not kind or faults(kind, data) == []


def test_vectors() -> None:
    paths = vector_files([resources.vectors()])
    assert len(paths) > 100
    assert [f"{path}: {fault}" for path in paths for fault in faults("vectors", data_of(path))] == []


def sequence(**keys: Any) -> dict[str, Any]:
    head = {"case": "C", "title": "T", "iut": "euicc", "interface": "I", "clauses": {"sgp22": ["5.7.7"]}}
    return head | {"sequences": [{"id": "01", "title": "T", "steps": ["card.atr"]} | keys]}


@pytest.mark.parametrize(
    ("keys", "reported"),
    [
        ({"steps": [{"es10c.get_eidd": {}}]}, "'es10c.get_eidd' was unexpected"),
        ({"steps": ["es10c.get_eidd"]}, "'es10c.get_eidd' is not one of"),
        ({"steps": [{"card.atr": {}, "card.reset": {}}]}, "has too many properties"),
        ({"steps": [{"card.atr": {"expcet": {}}}]}, "'expcet' was unexpected"),
        ({"steps": [{"card.atr": {"sw": "9G00"}}]}, "does not match"),
        ({"steps": [{"es10b.get_euicc_challenge": {"expect": {"euiccChalenge": "00"}}}]}, "'euiccChalenge' was"),
        ({"steps": [{"es10c.get_eid": {"tamper": [{"flop": {}}]}}]}, "'flop' was unexpected"),
        ({"given": ["isdr_selectd"]}, "'isdr_selectd' is not one of"),
        ({"given": [{"profile": {"addresses": "two"}}]}, "'two' does not match"),
        ({"given": [{"profile": {"addresses": [2]}}]}, "is not of type 'integer', 'null', 'string'"),
        ({"steps": [{"card.atr": {"verify": ["derr"]}}]}, "'derr' is not one of"),
    ],
)
def test_a_mistake_is_one_error(keys: dict[str, Any], reported: str) -> None:
    (fault,) = faults("vectors", sequence(**keys))
    assert reported in fault


def test_a_saved_value_may_stand_for_any_other() -> None:
    given = [{"profile": {"state": "$state", "addresses": "$count", "ppr": ["$rule"], "as": "p"}}]
    assert faults("vectors", sequence(given=given)) == []


def test_editors_show_what_docstrings_say() -> None:
    definitions = validator("vectors").schema["$defs"]
    profile = definitions["State"]["properties"]["profile"]
    assert profile["description"].startswith("A profile with these properties, enabled or disabled.")
    assert profile["properties"]["icon"] == {
        "type": ["boolean", "null", "string"], "pattern": r"\$",
        "description": "whether it has an icon; either way if left out.",
    }  # fmt: skip
    assert validator("settings").schema["properties"]["cat_busy"]["description"].startswith("answers catBusy")
    assert validator("declaration").schema["properties"]["svn"]["description"] == "what GetEUICCInfo must return."


@pytest.mark.parametrize(
    ("kind", "data"),
    [("declaration", {"name": "no version"}), ("declaration", {"version": "2.6.0", "options": ["O_E_CRLL"]}),
     ("declaration", {"version": 2.6, "restore": "80FC000000"}), ("settings", {"protocol": "T=2"}),
     ("inventory", {"profiles": [{"tries": -1}]}), ("vectors", {"case": "TC"}), ("driver", {"name": "no program"}),
     ("pool", [{"cards": ["pcsc:0"]}])],
)  # fmt: skip
def test_mistakes_are_seen(kind: str, data: Any) -> None:
    assert faults(kind, data)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", "declaration"]) == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["version"]
