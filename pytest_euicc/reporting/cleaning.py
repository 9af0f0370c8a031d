"""Reports of tests whose text comes from outside: what is no text is escaped before it reaches a file or a terminal."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any

from pytest_euicc.text import printable

_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
_ESCAPED = re.compile(r"\\[ubfr]")
"""What JSON writes for characters that are no text; few results have any."""


def coloured(text: str) -> str:
    """The text as `printable` has it, but for colours: pytest shows differences in them, and they move nothing."""
    return "".join(part if _COLOUR.fullmatch(part) else printable(part) for part in _COLOUR.split(text))


def clean(value: Any, shown: Callable[[str], str] = printable) -> Any:
    """A report of pytest with all its texts as ``shown`` has them; objects and lists are changed in place."""
    if isinstance(value, str):
        return shown(value)
    if type(value) is tuple:
        return tuple(clean(entry, shown) for entry in value)
    if isinstance(value, list):
        value[:] = [clean(entry, shown) for entry in value]
    elif isinstance(value, dict):
        value.update({name: clean(entry, shown) for name, entry in value.items()})
    else:
        kind: Any = type(value)
        for name in _names(kind):
            object.__setattr__(value, name, clean(getattr(value, name), shown))
    return value


def json_text(value: Any, indent: int | None = None) -> str:
    """A result of Allure as JSON: texts as `printable` has them, without attributes that are not set."""
    text = json.dumps(value, ensure_ascii=False, indent=indent, default=_attributes)
    if _ESCAPED.search(text) or printable(text) != text:
        text = json.dumps(_plain(value), ensure_ascii=False, indent=indent)
    return text


def _attributes(value: Any) -> dict[str, Any]:
    """Those of an object that are set."""
    kind: Any = type(value)
    names = _names(kind)
    if not names:
        raise TypeError(f"{kind.__name__} is nothing that JSON has")
    parts = ((name, getattr(value, name)) for name in names)
    return {name: part for name, part in parts if part or part is False}


def _plain(value: Any) -> Any:
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    kind: Any = type(value)
    return _plain(_attributes(value)) if _names(kind) else value


@cache
def _names(kind: type) -> tuple[str, ...]:
    """The attributes of objects that are made of them."""
    if is_dataclass(kind):
        return tuple(each.name for each in fields(kind))
    return tuple(each.name for each in getattr(kind, "__attrs_attrs__", ()))
