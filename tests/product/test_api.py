"""The public names with their signatures: `api.txt` is edited on purpose, as its change is one for every vendor."""

from __future__ import annotations

import inspect
import subprocess
import sys
from collections.abc import Iterator
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest_euicc
from pytest_euicc import api

QUICK = ("typing", "_typing", "typing.io", "typing.re", "collections.abc")
LOCK = Path(__file__).with_name("api.txt")


STARS: dict[inspect._ParameterKind, str] = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}

GIVEN = ("Card", "Context", "LogicalChannel", "Message", "SequenceRun")
"""Classes that others get and never make; how they are made is ours."""


def described() -> Iterator[str]:
    """One line per name, and one per public member of a class."""
    for name in sorted(api.__all__):
        value = getattr(api, name)
        if inspect.isclass(value):
            yield f"class {name}({', '.join(base.__name__ for base in value.__bases__ if base is not object)})"
            made = not issubclass(value, Exception) and not getattr(value, "_is_protocol", False) and name not in GIVEN
            if made:
                yield f"    {signature(name, value)}"
            yield from sorted({f"    {line}" for line in members(value, fields=not made)})
        elif inspect.isfunction(value):
            yield signature(name, value)
        else:
            yield f"{name}: {getattr(value, '__origin__', type(value)).__name__}"


def members(value: type, *, fields: bool) -> Iterator[str]:
    for owner in value.__mro__:
        if owner.__module__.partition(".")[0] != "pytest_euicc":
            continue
        if fields:
            yield from (f"{name}: {note}" for name, note in inspect.get_annotations(owner).items() if name[0] != "_")
        for name, member in vars(owner).items():
            if name.startswith("_"):
                continue
            if isinstance(member, property):
                yield f"{name}: {inspect.signature(member.fget).return_annotation}"  # type: ignore[arg-type]
            elif isinstance(member, cached_property):
                yield f"{name}: {inspect.signature(member.func).return_annotation}"
            elif callable(member) or isinstance(member, classmethod | staticmethod):
                yield signature(name, getattr(value, name))


def signature(name: str, value: Any) -> str:
    parameters = []
    result = inspect.signature(value).return_annotation
    returned = "" if inspect.isclass(value) or result is inspect.Signature.empty else f" -> {result}"
    seen: set[inspect._ParameterKind] = set()
    for parameter in inspect.signature(value).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and not seen & {parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL}:
            parameters.append("*")
        seen.add(parameter.kind)
        star = STARS.get(parameter.kind, "")
        optional = "" if parameter.default is parameter.empty or star else " = …"
        note = parameter.annotation
        typed = "" if note is parameter.empty else f": {note if isinstance(note, str) else note.__name__}"
        parameters.append(f"{star}{parameter.name}{typed}{optional}")
    return f"{name}({', '.join(parameters)}){returned}"


def test_names_and_signatures_are_those_of_the_file() -> None:
    found = "\n".join(described()) + "\n"
    assert found == LOCK.read_text(encoding="utf-8"), "a change on purpose: python -m tests.product.test_api"


def test_every_name_says_what_it_is() -> None:
    for name in api.__all__:
        value = getattr(api, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            assert value.__doc__, name


def test_the_version_is_that_of_the_installed_package() -> None:
    assert pytest_euicc.__version__ == version("pytest-euicc")


def test_the_package_costs_nothing_and_its_face_no_cryptography() -> None:
    program = (
        "import sys; before = set(sys.modules); import pytest_euicc; mine = sorted(set(sys.modules) - before); "
        "import pytest_euicc.api; print(mine, *sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, _, rest = done.stdout.partition("] ")
    assert set(first.strip("[").replace("'", "").split(", ")) <= {"pytest_euicc", "__future__", *QUICK}
    assert not {"cryptography", "asn1tools", "urllib3", "httptools", "jinja2", "allure"} & set(rest.split())


if __name__ == "__main__":
    LOCK.write_text("\n".join(described()) + "\n", encoding="utf-8")
