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
from pytest_euicc.conformance.files.document import Document
from pytest_euicc.conformance.reading.places import vector_files
from pytest_euicc.lab import schemas
from pytest_euicc.lab.declaring import QUESTION
from pytest_euicc.lab.templates import names, template

ROOT = Path(__file__).parents[2]
DECLARATIONS = sorted(resources.declarations().glob("*.yaml"))
SETTINGS = sorted((resources.declarations() / "settings").glob("*.yaml"))


@cache
def validator(kind: str) -> jsonschema.Draft202012Validator:
    """To check the schema itself takes seconds."""
    made = jsonschema.Draft202012Validator(schemas.SCHEMAS[kind]())
    made.check_schema(made.schema)
    return made


def faults(kind: str, data: Any) -> list[str]:
    return [f"{fault.json_path}: {fault.message[:200]}" for fault in validator(kind).iter_errors(data)]


def data_of(path: Path) -> Any:
    return Document.read(path).data


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: path.stem)
def test_declarations(path: Path) -> None:
    assert faults("declaration", data_of(path)) == []


@pytest.mark.parametrize("name", names())
def test_templates(name: str) -> None:
    text = template(name)
    assert faults("declaration", Document.parse(text).data) == []
    assert not {"eid", "restore", "test_cards", "ci_signing"} & Document.parse(text).data.keys()
    assert QUESTION in text


@pytest.mark.parametrize("path", SETTINGS, ids=lambda path: path.stem)
def test_settings(path: Path) -> None:
    assert faults("settings", data_of(path)) == []


def test_the_inventory_of_the_documentation() -> None:
    text = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs/reference/inventory.md").read_text(), re.DOTALL)[0]
    assert faults("inventory", Document.parse(text).data) == []


def test_vectors() -> None:
    # One of each interface, for there are many.
    files = {path.parent: path for path in vector_files([resources.vectors()])}
    for path in files.values():
        assert faults("vectors", data_of(path)) == [], path


@pytest.mark.parametrize(
    ("kind", "data"),
    [("declaration", {"name": "no version"}), ("declaration", {"version": "2.6.0", "options": ["O_E_CRLL"]}),
     ("declaration", {"version": 2.6, "restore": "80FC000000"}), ("settings", {"protocol": "T=2"}),
     ("inventory", {"profiles": [{"tries": -1}]}), ("vectors", {"case": "TC"})],
)  # fmt: skip
def test_mistakes_are_seen(kind: str, data: Any) -> None:
    assert faults(kind, data)


def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["schema", "declaration"]) == 0
    assert json.loads(capsys.readouterr().out)["required"] == ["version"]
