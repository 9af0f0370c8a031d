"""The reference of vectors and declarations as Markdown, made from docstrings and types: `make reference`.

What is described is what this package registers; a vendor's own actions are described by their docstrings as well.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from pytest_euicc.asn1 import codec
from pytest_euicc.conformance.engine import library
from pytest_euicc.conformance.engine.arguments import HexOctet
from pytest_euicc.conformance.engine.registry import ACTIONS, CHECKS, STATES, Action, Check, State
from pytest_euicc.conformance.files.declaration import Declaration
from pytest_euicc.conformance.files.features import OPTIONS
from pytest_euicc.conformance.values.matchers import OPERATORS, TYPES
from pytest_euicc.conformance.values.shapes import Shape
from pytest_euicc.reporting.command_pages import command_page, option_page
from pytest_euicc.reporting.docstrings import Description, plain_text, type_words

_MADE = "<!-- Made by `make reference` from docstrings and types; change those. -->\n"
Facts = Callable[[Description], Iterable[str]]
"""What there is to say of an entry besides its arguments, one line each."""
_DEPTH = 3
"""Levels of an answer's fields that are shown."""


def pages() -> dict[str, str]:
    """Every page by its file name."""
    library.load()
    return {
        "actions.md": _actions(),
        "states.md": _states(),
        "checks.md": _checks(),
        "matchers.md": _matchers(),
        "declaration.md": _declaration(),
        "options.md": option_page(_MADE),
        "commands.md": command_page(_MADE),
    }


def write(folder: Path) -> None:
    """Write every page into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        (folder / name).write_text(text, encoding="utf-8")


def _own(entries: Iterable[Any]) -> list[Any]:
    """Those of this package, whatever else is installed."""
    return [entry for entry in entries if entry.function.__module__.startswith("pytest_euicc.")]


def _code(text: str) -> str:
    """Double backticks of docstrings as Markdown has them, and no bar that would end a cell of a table."""
    return text.replace("``", "`").replace("|", "\\|")


def _table(heads: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(heads), *map(list, rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.default
    if field.rebuild_annotation() in (HexOctet, HexOctet | None) and value is not None:
        value = bytes([value])
    if value is None or value is PydanticUndefined or value in ("", b"", (), [], {}) or isinstance(value, BaseModel):
        return ""
    return f"`{plain_text(value)}`"


def _fields(model: type[BaseModel], described: dict[str, str], owner: str, head: str) -> str:
    """The fields of a model as a table; every one must be described, and nothing else."""
    names = {entry.alias or name: entry for name, entry in model.model_fields.items()}
    if names.keys() != described.keys():
        raise ValueError(f"{owner}: described are {', '.join(described)}, but there are {', '.join(names)}")
    rows = [
        (f"`{name}`", type_words(entry.rebuild_annotation()), _default(entry), _code(described[name].rstrip(".")))
        for name, entry in names.items()
    ]
    return _table((head, "value", "default", "meaning"), rows) if rows else ""


def _arguments(entry: Action | State | Check, described: Description) -> str:
    return _fields(entry.parameters.model, described.arguments, entry.name, "argument")


def _entry(entry: Action | State | Check, facts: Facts) -> str:
    described = Description(entry.function.__doc__ or "")
    parts = [f"### `{entry.name}`", f"{described.title}.", described.text]
    parts += ["\n".join(f"- {fact}" for fact in facts(described)), _arguments(entry, described).rstrip()]
    return "\n\n".join(_code(part) if part is not parts[-1] else part for part in parts if part) + "\n"


def _answer(shape: Shape, depth: int = 0) -> str:
    """The fields of an answer."""
    if shape.name in codec.type_names():
        return shape.name
    if depth == 0:
        return f"`{_answer(shape, 1)}`"
    if shape.kind == "list":
        return f"[{_answer(shape.element, depth)}, …]"
    if shape.kind in ("sequence", "choice") and depth < _DEPTH:
        inner = ", ".join(f"{name}: {_answer(field, depth + 1)}" for name, field in shape.fields.items())
        return f"{{{inner}}}"
    return {"integer": "number", "octets": "hex", "boolean": "true or false"}.get(shape.kind, shape.kind)


def _facts(action: Action) -> Facts:
    """What ``with``, ``tamper`` and ``expect`` are about."""

    def facts(described: Description) -> Iterator[str]:
        if action.request_type:
            yield f"`with`: {action.request_type}"
        if action.tampered:
            yield f"`tamper`: {action.tampered}"
        response = action.response() if action.response is not None else None
        if response is not None and response.kind != "any":
            nothing = ", or nothing" if response.optional else ""
            yield f"`expect`: {_answer(response)}{nothing}{f'. {described.result}' if described.result else ''}"
        if action.by_operator:
            yield "needs a person at the bench (`--euicc-operator`)"
        if action.changes:
            yield "changes the card: needs permission on a real one"

    return facts


def _models(actions: Iterable[Action]) -> Iterator[str]:
    """Mappings that arguments of actions are."""
    found: dict[str, type[BaseModel]] = {}
    for entry in actions:
        for name, field in entry.parameters.model.model_fields.items():
            model = _model_within(field.annotation)
            if model is not None:
                found[field.alias or name] = model
    for name, model in sorted(found.items()):
        described = Description(model.__doc__ or "")
        yield f"## Keys of `{name}`\n\n{_code(described.title)}.\n"
        yield _fields(model, described.arguments, model.__name__, "key")


def _model_within(annotation: Any) -> type[BaseModel] | None:
    """The model of an annotation such as ``list[Model]`` or ``Model | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_within(part))), None)


_ACTIONS = """\
# Actions

{made}
A step is one action. Besides the arguments listed here it takes the keys that every step has
([vectors](vectors.md)); `with` and `tamper` only where a message is named below. `with` changes what is signed or
protected; `tamper` changes bytes afterwards, so that signatures and MACs no longer match. Every action of an
interface is named `interface.function`. An argument without a default may be left out.
"""


def _actions() -> str:
    actions: list[Action] = sorted(_own(ACTIONS.entries.values()), key=lambda entry: entry.name)
    parts = [_ACTIONS.format(made=_MADE)]
    for interface, entries in groupby(actions, key=lambda entry: entry.name.partition(".")[0]):
        parts.append(f"## {interface}\n")
        parts += [_entry(action, _facts(action)) for action in entries]
    return "\n".join([*parts, *_models(actions)])


_STATES = """\
# States

{made}
`given` of a sequence lists the states it starts from, in order. A state is reached before the steps and undone after
them, in reverse order; if it cannot be reached, the sequence is inconclusive. What a state saves under `as` is
available as `$name`, its parts as `$name.part`. Different names stand for different profiles.
"""


def _states() -> str:
    def facts(entry: State) -> Facts:
        return lambda _: [f"implies `{name}`" for name in entry.implies]

    return _grouped(_STATES, _own(STATES.entries.values()), facts)


_CHECKS = """\
# Checks

{made}
`verify` of a step lists checks over the bytes received, in addition to `expect`:
`verify: [der, {{notification_signatures: {{count: 2}}}}]`.
"""


def _checks() -> str:
    return _grouped(_CHECKS, _own(CHECKS.entries.values()), lambda _: lambda _: ())


def _grouped(head: str, entries: Iterable[Any], facts: Callable[[Any], Facts]) -> str:
    """Entries by the interface whose folder they are in."""

    def interface(entry: Any) -> str:
        return str(entry.function.__module__).split(".")[2]

    parts = [head.format(made=_MADE)]
    for name, of_interface in groupby(sorted(entries, key=lambda entry: (interface(entry), entry.name)), key=interface):
        parts.append(f"## {name}\n")
        parts += [_entry(entry, facts(entry)) for entry in of_interface]
    return "\n".join(parts)


_MATCHERS = """\
# Matchers

{made}
`expect` of a step is compared with the decoded answer. Fields that it does not mention may have any value.

| ASN.1 type | in `expect` |
| --- | --- |
| SEQUENCE | a mapping of field names |
| CHOICE | a mapping with the chosen alternative as its only key |
| SEQUENCE OF | a list: these elements, in this order |
| OCTET STRING | hex text, upper or lower case; `2.6.0` for a VersionType |
| INTEGER with names, ENUMERATED | the name or the number |
| UTF8String, OBJECT IDENTIFIER | text |
| BIT STRING | `{{bits: [names]}}`, or text of 0 and 1 |
| BOOLEAN, NULL | `true` or `false`, `null` |

A mapping may contain operators in place of the value or beside fields; all of them must hold. Field names are checked
against the ASN.1 type when the file is read: a misspelt field is a lint error.
"""
_REFERENCES = """\
## Saved values

`save: name` keeps a value for the rest of its sequence, from the next step on. `$name` stands for it anywhere,
`$name.field` for a part of it; inside a longer text `${name.field}` is replaced by its text (bytes in hex).
`${declaration.svn}` is a value of the declaration; a sequence that uses one which is not declared is not applicable.
"""


def _matchers() -> str:
    def words(name: str) -> str:
        text = " ".join((OPERATORS[name].__doc__ or "").split()).rstrip(".")
        text = text[:1].lower() + text[1:]
        return _code(text) + (f": {', '.join(f'`{kind}`' for kind in TYPES)}" if name == "type" else "")

    rows = [(f"`{name}`", words(name)) for name in sorted(OPERATORS)]
    return "\n".join(
        [_MATCHERS.format(made=_MADE), "## Operators\n", _table(("operator", "holds if"), rows), _REFERENCES]
    )


_DECLARATION = """\
# Declaration

{made}
A YAML file that describes an implementation under test: `--euicc-declaration` for an eUICC, `--smdp-declaration` for
an SM-DP+, `--lpa-declaration` for an LPA. What it omits is not declared, and a sequence that needs it is not
applicable. An unknown key or option is an error with its line. Examples are in `vectors/declarations/`.
"""
_PLACES = {
    "Keys of `addresses`": "Addresses",
    "Keys of `es2plus`": "Es2Plus",
    "Keys of an entry in `es2plus.types`": "ProfileType",
    "Keys of an entry in `inventory`": "HeldProfile",
}


def _declaration() -> str:
    from pytest_euicc.conformance.files import inventory

    parts = [_DECLARATION.format(made=_MADE), "## Keys\n"]
    parts.append(_fields(Declaration, Description(Declaration.__doc__ or "").arguments, "Declaration", "key"))
    for title, name in _PLACES.items():
        model: type[BaseModel] = getattr(inventory, name)
        described: dict[str, str] = {}
        for base in reversed(model.__mro__):
            described |= Description(base.__doc__ or "").arguments if issubclass(base, BaseModel) else {}
        order = {entry.alias or key: "" for key, entry in model.model_fields.items()}
        described = {key: described[key] for key in order if key in described}
        parts.append(f"## {title}\n\n{_fields(model, described, name, 'key')}")
    rows = [(f"`{name}`", _code(meaning)) for name, meaning in OPTIONS.items()]
    return "\n".join([*parts, "## Options\n", _table(("option", "meaning"), rows)])


if __name__ == "__main__":
    write(Path(sys.argv[1]))
