"""YAML files as data in which every place knows its line and column; mistakes are collected, not raised one by one."""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.files import read_file
from pytest_euicc.text import closest, printable

MAXIMUM_OCTETS = 2_000_000
MAXIMUM_DEPTH = 60
MAXIMUM_NODES = 200_000
_WHOLE = re.compile(r"-?(?:0|[1-9][0-9]{0,17})")
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Place = tuple[str | int, ...]
Read = TypeVar("Read", bound=BaseModel)


@dataclass(frozen=True, order=True)
class Mistake:
    """One mistake of a file; line and column count from 1."""

    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return printable(f"{self.file}:{self.line}:{self.column}: {self.message}")


class FileMistakes(PytestEuiccError):
    """All mistakes of the files that were read, one line each."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = sorted(set(mistakes))
        super().__init__("\n".join(map(str, self.mistakes)))


@dataclass
class Document:
    """A YAML file: plain data, and where each part of it stands.

    ``data`` is None when the file could not be read at all; then there is at least one mistake.
    """

    file: str
    data: Any = None
    mistakes: list[Mistake] = field(default_factory=list)
    digest: bytes = b""
    """SHA-256 of its octets."""
    empty: bool = False
    """There is nothing in it, which is a mistake."""
    _root: yaml.Node | None = None
    _nodes: int = 0
    _merged: dict[int, list[tuple[str, yaml.Node, yaml.Node]]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, largest: int = MAXIMUM_OCTETS) -> Document:
        """Read a file of so many octets at most; whatever is wrong with it becomes a mistake."""
        document = cls(str(path))
        try:
            octets = read_file(path, largest)
        except OSError as error:
            reported = f"cannot be read: {error.strerror or error}"
            if error.errno == errno.EFBIG:
                reported = f"{path.stat().st_size} octets; a file has at most {largest}. Split it"
            document.add(1, 1, reported)
            return document
        document._load(octets)
        return document

    @classmethod
    def parse(cls, text: str, file: str = "<text>") -> Document:
        """Read a document from text, as `read` does from a file."""
        document = cls(file)
        document._load(text.encode())
        return document

    def _load(self, octets: bytes) -> None:
        self.digest = hashlib.sha256(octets).digest()
        try:
            text = octets.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = octets.count(b"\n", 0, error.start) + 1
            self.add(line, 1, f"not UTF-8 text (octet {error.start}); save the file as UTF-8")
            return
        try:
            self._root = yaml.compose(text, Loader=LOADER)
            self.data = self._construct(self._root, 0, ()) if self._root else None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            said = ", ".join(part for part in (error.context, error.problem) if part)
            self.add(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, f"not YAML: {said}")
        except (yaml.YAMLError, ValueError, OverflowError) as error:
            self.add(1, 1, f"not YAML: {str(error).splitlines()[0]}")
        except RecursionError:
            self.add(1, 1, f"nested too deep; at most {MAXIMUM_DEPTH} levels")
        if self.data is None and not self.mistakes:
            self.empty = True
            self.add(1, 1, "the file is empty")

    def mistake(self, place: Place, message: str, *, key: bool = False) -> None:
        """Add a mistake at a place; ``key``: at the key itself, not at its value."""
        mark = self._mark(place, key)
        self.add(mark.line + 1 if mark else 1, mark.column + 1 if mark else 1, message)

    def line(self, place: Place) -> int:
        """The line of a place, counted from 1."""
        mark = self._mark(place, key=False)
        return mark.line + 1 if mark else 1

    def number_as_id(self, place: Place) -> str | None:
        """The text of a plain scalar that YAML takes for a number (``id: 03``), else None."""
        node = self._find(place)[0]
        numbers = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
        return str(node.value) if node is not None and _is_plain(node) and node.tag in numbers else None

    def instance(self, model: type[Read], what: str) -> Read | None:
        """What it holds, as a model; None, and mistakes, where it does not fit. An empty file is one without keys.

        Args:
            what: the file is, for messages: ``an inventory``.
        """
        if self.empty:
            self.mistakes.clear()
            return model()
        if self.mistakes:
            return None
        if not isinstance(self.data, dict):
            self.mistake((), f"{what} must be a mapping (key: value)")
            return None
        try:
            return model.model_validate({key: entry for key, entry in self.data.items() if not key.startswith("x-")})
        except ValidationError as error:
            found = error.errors()
            for entry in found:
                if entry["type"] == "too_short" and any(each["loc"][:-1] == entry["loc"] for each in found):
                    # It is short because what is in it does not count.
                    continue
                place = tuple(part for part in entry["loc"] if isinstance(part, str | int))
                message = pydantic_message(entry, known_keys(model, place))
                self.mistake(place, message, key=entry["type"] == "extra_forbidden")
        return None

    def add(self, line: int, column: int, message: str) -> None:
        """Add a mistake at a line and column, both from 1."""
        self.mistakes.append(Mistake(self.file, line, column, message))

    def _at(self, node: yaml.Node, message: str) -> None:
        self.add(node.start_mark.line + 1, node.start_mark.column + 1, message)

    def _construct(self, node: yaml.Node, depth: int, above: tuple[int, ...]) -> Any:
        self._nodes += 1
        if self._nodes > MAXIMUM_NODES:
            raise yaml.MarkedYAMLError(problem="too many values (aliases multiply)", problem_mark=node.start_mark)
        if id(node) in above:
            raise yaml.MarkedYAMLError(problem="the alias contains itself", problem_mark=node.start_mark)
        if depth > MAXIMUM_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested over {MAXIMUM_DEPTH} levels", problem_mark=node.start_mark)
        above = (*above, id(node))
        if isinstance(node, yaml.SequenceNode):
            return [self._construct(entry, depth + 1, above) for entry in node.value]
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth, above)
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, depth: int, above: tuple[int, ...]) -> dict[str, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._at(key, "a key is text")
            elif key.value in seen and key.value != "<<":
                self._at(key, f"key {key.value!r} given twice; the first would be lost")
            else:
                seen.add(key.value)
        return {key: self._construct(entry, depth + 1, above) for key, _, entry in self._pairs(node)}

    @staticmethod
    def _scalar(node: yaml.Node) -> Any:
        text: str = node.value
        if not _is_plain(node):
            return text
        if text in ("", "~", "null"):
            return None
        if text in ("true", "false"):
            return text == "true"
        return int(text) if _WHOLE.fullmatch(text) else text

    def _find(self, place: Place) -> tuple[yaml.Node | None, yaml.Node | None]:
        """The node at a place and its key's node.

        Places are those of the models: a mapping of one key (a step, a state with arguments) is passed through, and
        what has no node of its own is passed over.
        """
        node, key_node = self._root, None
        for part in place:
            if isinstance(part, int) and isinstance(node, yaml.SequenceNode) and part < len(node.value):
                node, key_node = node.value[part], None
                continue
            inner = node
            while isinstance(inner, yaml.MappingNode):
                found = [(key, value) for name, key, value in self._pairs(inner) if name == str(part)]
                if found:
                    key_node, node = found[-1]
                    break
                inner = inner.value[0][1] if len(inner.value) == 1 else None
        return node, key_node

    def _pairs(self, node: yaml.MappingNode) -> list[tuple[str, yaml.Node, yaml.Node]]:
        """Name, key and value of a mapping; what comes in by ``<<`` first, so that own keys win.

        Each mapping is merged once, however often others refer to it: aliases of merges multiply.
        """
        if id(node) in self._merged:
            return self._merged[id(node)]
        self._merged[id(node)] = []  # what a mapping that merges itself gets of itself
        found: dict[str, tuple[str, yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            if key.value == "<<":
                for mapping in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(mapping, yaml.MappingNode):
                        self._nodes += 1
                        for entry in self._pairs(mapping):
                            self._nodes += 1
                            found[entry[0]] = entry
                    if self._nodes > MAXIMUM_NODES:
                        raise yaml.MarkedYAMLError(
                            problem=f"more than {MAXIMUM_NODES} values with those merged by <<",
                            problem_mark=key.start_mark,
                        )
        found |= {
            key.value: (key.value, key, value)
            for key, value in node.value
            if isinstance(key, yaml.ScalarNode) and key.value != "<<"
        }
        self._merged[id(node)] = list(found.values())
        return self._merged[id(node)]

    def _mark(self, place: Place, key: bool) -> Any:
        node, key_node = self._find(place)
        chosen = key_node if key and key_node is not None else node
        return chosen.start_mark if chosen is not None else None


def _is_plain(node: yaml.Node) -> bool:
    """Whether a scalar is written without quotes; the C parser says so by an empty style, the other one by none."""
    return isinstance(node, yaml.ScalarNode) and not node.style


def pydantic_message(error: Any, known: Iterable[str] = ()) -> str:
    """One error of pydantic for a test engineer; ``known`` are the keys allowed beside an unknown one."""
    name = error["loc"][-1] if error["loc"] else "value"
    match error["type"]:
        case "missing":
            return f"key {name!r} is missing"
        case "extra_forbidden":
            return f"unknown key {name!r}{closest(str(name), known)}"
        case "string_type":
            return f"{name!r} must be text; put it in quotes"
        case "literal_error" | "enum":
            return f"{error['input']!r} is not one of {error['ctx']['expected']}"
        case "string_pattern_mismatch":
            return f"{error['input']!r} cannot be a {name}: letters, digits, '.', '-' and '_' only"
        case "too_short":
            return f"{name!r} is empty; give at least one"
        case "list_type":
            return f"{name!r} must be a list; start each entry with '-'"
        case "dict_type" | "model_type" | "mapping_type":
            return f"{name!r} must be a mapping (key: value)"
    message: str = error["msg"]
    if error["type"] == "value_error":
        return message.removeprefix("Value error, ")
    return f"{name}: {message[:1].lower()}{message[1:]}"


def known_keys(model: Any, place: tuple[str | int, ...]) -> list[str]:
    """The keys allowed beside one at a place of a model."""
    for part in place[:-1]:
        if isinstance(part, int):
            continue
        field = model.model_fields.get(part)
        model = _model_within(field.annotation) if field is not None else None
        if model is None:
            return []
    return [entry.alias or name for name, entry in model.model_fields.items()]


def _model_within(annotation: Any) -> Any:
    """The model of an annotation such as ``list[Model]`` or ``Model | None``."""
    if hasattr(annotation, "model_fields"):
        return annotation
    return next((found for part in getattr(annotation, "__args__", ()) if (found := _model_within(part))), None)
