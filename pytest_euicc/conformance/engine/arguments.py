"""What actions, states and checks have in common: a name and typed arguments read from a Python signature."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import SimpleNamespace
from typing import Annotated, Any, Generic, TypeVar, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    WithJsonSchema,
    create_model,
)

from pytest_euicc.conformance.values.resolve import references
from pytest_euicc.conformance.values.text import is_name, parse_hex
from pytest_euicc.document import pydantic_message
from pytest_euicc.text import closest


class _Saves:
    """Marks a parameter whose value is the name under which a call saves something."""


class _Opens:
    """Marks a parameter whose value is the name of a channel that a call opens."""


@dataclass(frozen=True)
class Makes:
    """Marks a parameter whose value, a name or a list of names, is what later calls may use, by `Uses`."""

    kind: str


@dataclass(frozen=True)
class Uses:
    """Marks a parameter whose value, a name or a list of names, is one that an earlier state `Makes`."""

    kind: str


def _check_name(text: str) -> str:
    if not is_name(text):
        raise ValueError(f"{text!r} cannot be a name; write letters, digits and '_'")
    return text


def _hex_octet(value: Any) -> Any:
    # APDU bytes are written in hex without prefix: p1: "91", and 11 as well.
    octets = parse_hex(value if not isinstance(value, int) else f"{value:02d}")
    if len(octets) != 1:
        raise ValueError(f"{value!r} is not one octet; write two hex digits")
    return octets[0]


# For an editor, digits without quotes are a number.
_HEX = WithJsonSchema({"type": ["string", "number"]})

Hex = Annotated[bytes, BeforeValidator(parse_hex), _HEX]
"""Octets, written as hex text."""
HexOctet = Annotated[int, BeforeValidator(_hex_octet), _HEX]
"""One octet, written as two hex digits."""
SaveAs = Annotated[str, AfterValidator(_check_name), _Saves()]
"""The name under which a call saves a value."""
ChannelAs = Annotated[str, AfterValidator(_check_name), _Opens()]
"""The name of a channel that a call opens."""


class _Arguments(BaseModel):
    model_config = ConfigDict(extra="forbid", populate_by_name=False, arbitrary_types_allowed=True)


_NONE = _Arguments()


@dataclass(frozen=True)
class Parameters:
    """The keyword-only parameters of a registered function; a trailing underscore (``as_``) is not part of the name."""

    function: Callable[..., Any]

    @cached_property
    def _keywords(self) -> dict[str, inspect.Parameter]:
        parameters = inspect.signature(self.function).parameters
        return {name: entry for name, entry in parameters.items() if entry.kind is entry.KEYWORD_ONLY}

    @cached_property
    def _fields(self) -> tuple[tuple[str, str], ...]:
        """Each parameter, and its field in the model."""
        return tuple((name, f"{name.rstrip('_')}_value") for name in self._keywords)

    @cached_property
    def model(self) -> type[BaseModel]:
        """A pydantic model with one field per parameter."""
        given = self._keywords
        # Only these: the types of the others may be imported for the type checker alone.
        annotated = SimpleNamespace(__annotations__={name: entry.annotation for name, entry in given.items()})
        hints = get_type_hints(annotated, self.function.__globals__, include_extras=True)
        fields: dict[str, Any] = {}
        for name, parameter in given.items():
            default = ... if parameter.default is parameter.empty else parameter.default
            fields[dict(self._fields)[name]] = (hints[name], Field(default, alias=name.rstrip("_")))
        return create_model(f"{self.function.__name__}_arguments", __base__=_Arguments, **fields)

    @cached_property
    def names(self) -> tuple[str, ...]:
        """What can be written in a vector."""
        return tuple(entry.alias or name for name, entry in self.model.model_fields.items())

    def made(self, arguments: Mapping[str, Any], marker: type) -> list[str]:
        """The names that a call with these arguments saves (or opens)."""
        found = []
        for name, entry in self.model.model_fields.items():
            if any(isinstance(extra, marker) for extra in entry.metadata):
                value = arguments.get(entry.alias or name, entry.default)
                if isinstance(value, str):
                    found.append(value)
        return found

    def makes(self, arguments: Mapping[str, Any]) -> list[tuple[str, str]]:
        """Kinds and names of things that a call makes, by `Makes`."""
        return [(kind, name) for kind, name, _ in self._things(arguments, Makes)]

    def uses(self, arguments: Mapping[str, Any]) -> list[tuple[str, str, tuple[str | int, ...]]]:
        """Kinds and names of things that a call refers to, by `Uses`, and where they are written."""
        return [each for each in self._things(arguments, Uses) if each[2][0] in arguments]

    def _things(
        self, arguments: Mapping[str, Any], marker: type[Makes | Uses]
    ) -> Iterator[tuple[str, str, tuple[str | int, ...]]]:
        for name, entry in self.model.model_fields.items():
            written = entry.alias or name
            value = arguments.get(written, entry.default)
            for mark in entry.metadata:
                if isinstance(mark, marker):
                    if isinstance(value, str):
                        yield mark.kind, value, (written,)
                    for index, each in enumerate(value if isinstance(value, list) else ()):
                        if isinstance(each, str):
                            yield mark.kind, each, (written, index)

    def saves(self, arguments: Mapping[str, Any]) -> list[str]:
        """Names under which a call saves values."""
        return self.made(arguments, _Saves)

    def opens(self, arguments: Mapping[str, Any]) -> list[str]:
        """Names of channels that a call opens."""
        return self.made(arguments, _Opens)

    def mistakes(self, arguments: Mapping[str, Any], owner: str) -> list[tuple[tuple[str | int, ...], str]]:
        """What is wrong with arguments as written; those that hold a ``$name`` are only known when it runs."""
        try:
            self.model.model_validate(dict(arguments))
        except ValidationError as error:
            found = []
            for entry in error.errors():
                place = entry["loc"]
                known = entry["type"] != "extra_forbidden"
                if known and place and place[0] in arguments and any(references(arguments[str(place[0])])):
                    continue
                message = pydantic_message(entry, self.names)
                if entry["type"] == "missing":
                    message = f"argument {place[0]!r} is missing (of {owner})"
                elif entry["type"] == "extra_forbidden" and len(place) == 1:
                    message = f"unknown argument {place[0]!r} (of {owner}){closest(str(place[0]), self.names)}"
                found.append((tuple(part for part in place if isinstance(part, str | int)), message))
            return found
        return []

    def bind(self, arguments: Mapping[str, Any]) -> dict[str, Any]:
        """Keyword arguments for the function.

        Raises:
            ValueError: an argument that does not fit its type, with a message for people.
        """
        try:
            bound = self.model.model_validate(dict(arguments)) if arguments or self._fields else _NONE
        except ValidationError as error:
            entry = error.errors()[0]
            place = ".".join(map(str, entry["loc"]))
            raise ValueError(f"argument {place!r}: {pydantic_message(entry, self.names)}") from None
        return {name: getattr(bound, field_name) for name, field_name in self._fields}


Entry = TypeVar("Entry")


@dataclass
class Registry(Generic[Entry]):
    """Entries by name; ``what`` names the kind in messages."""

    what: str
    entries: dict[str, Entry] = field(default_factory=dict)

    def add(self, name: str, entry: Entry) -> None:
        """Register an entry.

        Raises:
            ValueError: the name is taken.
        """
        if name in self.entries:
            raise ValueError(f"{self.what} {name!r} is registered twice")
        self.entries[name] = entry

    def get(self, name: str) -> Entry:
        """The entry of a name.

        Raises:
            LookupError: no such entry; the message has the closest name.
        """
        if name not in self.entries:
            raise LookupError(f"unknown {self.what} {name!r}{closest(name, self.entries)}")
        return self.entries[name]
