"""Docstrings and annotations in the words of a reference: titles, arguments, types, defaults."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from datetime import datetime
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from pytest_euicc.conformance.engine.arguments import ChannelAs, Hex, HexOctet, SaveAs

_SECTION = re.compile(r"^(Args|Attributes|Returns|Raises):$")
_ENTRY = re.compile(r"^    (\w+(?:, \w+)*): (.*)$")
_KINDS = {
    bool: "true or false",
    int: "number",
    float: "number",
    str: "text",
    bytes: "hex",
    datetime: "date and time",
    dict: "mapping",
    Any: "any",
}


class Description:
    """A docstring: the title, the text below it, what it says of each argument, and of the result."""

    def __init__(self, docstring: str) -> None:
        lines = inspect.cleandoc(docstring).splitlines()
        self.title = lines[0].rstrip(".") if lines else ""
        self.arguments: dict[str, str] = {}
        sections: dict[str, list[str]] = {"": []}
        section = ""
        names: list[str] = []
        for line in lines[1:]:
            found, entry = _SECTION.match(line), _ENTRY.match(line)
            if found:
                section = found[1]
                sections[section] = []
            elif section in ("Args", "Attributes"):
                if entry:
                    names = entry[1].split(", ")
                    self.arguments |= dict.fromkeys(names, entry[2])
                elif line.strip():
                    self.arguments |= {name: f"{self.arguments[name]} {line.strip()}" for name in names}
            else:
                sections[section].append(line.strip())
        self.text = "\n".join(sections[""]).strip()
        self.result = " ".join(sections.get("Returns", [])).strip()


def type_words(annotation: Any, metadata: Iterable[Any] = ()) -> str:
    """A type in words."""
    if annotation in _NAMED:
        return _NAMED[annotation]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_words(parts[0], parts[1:])
    if origin in (Union, UnionType):
        return " or ".join(dict.fromkeys(type_words(part) for part in parts if part is not NoneType))
    if origin is Literal:
        return ", ".join(f"`{plain_text(part)}`" for part in parts)
    if origin in (list, tuple, frozenset, set):
        return f"list of {type_words(parts[0])}" if parts and parts[0] is not Any else "list"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "mapping"
    if annotation is int and (limits := [limit for entry in metadata if (limit := _limit(entry))]):
        return f"number {' and '.join(limits)}"
    return _KINDS.get(origin or annotation, "text")


_NAMED = {Hex: "hex", HexOctet: "hex, one byte", SaveAs: "name", ChannelAs: "name of a channel"}


def _limit(entry: Any) -> str:
    """A constraint of a number."""
    limits = {"ge": "from", "gt": "above", "le": "to", "lt": "below"}
    found = [
        f"{word} {getattr(entry, name)}" for name, word in limits.items() if getattr(entry, name, None) is not None
    ]
    found += [text for part in getattr(entry, "metadata", ()) if (text := _limit(part))]
    return " ".join(found)


def plain_text(value: Any) -> str:
    """A value as YAML has it."""
    match value:
        case bool():
            return str(value).lower()
        case bytes():
            return value.hex().upper()
        case list() | tuple() | frozenset():
            return f"[{', '.join(map(plain_text, value))}]"
    return str(value)
