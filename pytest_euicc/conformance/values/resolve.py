"""From the text of a vector to the values of the codec: ``$name``, hex, names of bits, and merging of ``with``."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from pytest_euicc.conformance.values.shapes import ANY, Shape
from pytest_euicc.conformance.values.text import describe, parse_hex, to_json
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.text import closest

REFERENCE = re.compile(r"\$(?:([A-Za-z_]\w*(?:\.\w+)*)|\{([A-Za-z_]\w*(?:\.\w+)*)\})")
_INSIDE = re.compile(r"\$\{([A-Za-z_]\w*(?:\.\w+)*)\}")


class ValueMistake(PytestEuiccError, ValueError):
    """A value that does not fit; ``path`` names the place inside the value."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        place = ".".join(map(str, path))
        super().__init__(f"{place}: {message}" if place else message)
        self.path = path
        self.message = message


def references(data: Any) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every ``$name.field`` of ``data`` with its place."""
    if isinstance(data, str):
        if "$" not in data:
            return
        whole = REFERENCE.fullmatch(data)
        for name in [whole[1] or whole[2]] if whole else _INSIDE.findall(data):
            yield (), name
    elif isinstance(data, Mapping):
        for key, entry in data.items():
            for path, name in references(entry):
                yield (key, *path), name
    elif isinstance(data, list):
        for index, entry in enumerate(data):
            for path, name in references(entry):
                yield (index, *path), name


def look_up(names: Mapping[str, Any], reference: str) -> Any:
    """The value of ``name.field.0``; ``names`` maps to decoded values.

    Raises:
        ValueMistake: nothing was saved under the name, or there is no such field in it.
    """
    name, *path = reference.split(".")
    if name not in names:
        raise ValueMistake((), f"${name} was not saved{closest(name, names)}")
    value = names[name]
    for index, part in enumerate(path):
        # A CHOICE is entered by the name of its alternative.
        if isinstance(value, tuple) and len(value) == 2 and value[0] == part:
            value = value[1]
        elif isinstance(value, Mapping) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isdigit() and int(part) < len(value):
            value = value[int(part)]
        else:
            place = ".".join([name, *path[:index]])
            raise ValueMistake((), f"${place} has no field {part!r}; it is {describe(value, 120)}")
    return value


def resolve(data: Any, names: Mapping[str, Any]) -> Any:
    """``data`` with every reference replaced by what it stands for.

    Raises:
        ValueMistake: as for `look_up`.
    """
    if isinstance(data, str):
        if "$" not in data:
            return data
        if found := REFERENCE.fullmatch(data):
            return look_up(names, found[1] or found[2])
        return _INSIDE.sub(lambda found: _inside(look_up(names, found[1])), data)
    if isinstance(data, dict):
        return {key: resolve(entry, names) for key, entry in data.items()}
    if isinstance(data, list):
        return [resolve(entry, names) for entry in data]
    return data


def _inside(value: Any) -> str:
    """A value as part of a longer text; octets, also those of versions, in hex."""
    return value.hex().upper() if isinstance(value, bytes) else str(to_json(value))


def is_absent(data: Any) -> bool:
    """Whether ``data`` is ``{absent: true}``."""
    return isinstance(data, dict) and data == {"absent": True}


def merge(default: Any, data: Any, shape: Shape, path: tuple[str | int, ...] = ()) -> Any:
    """What an action sends: its own value overlaid with ``with``, both read by ``shape``.

    ``data`` may hold references that were resolved; those are values of the codec already and pass as they are.

    Raises:
        ValueMistake: a field, name or text that does not fit the type.
    """
    if shape.kind == "sequence" and isinstance(data, Mapping):
        merged = dict(default) if isinstance(default, Mapping) else {}
        for key, entry in data.items():
            if key not in shape.fields:
                raise ValueMistake((*path, key), f"{shape.name} has no field {key!r}{closest(key, shape.fields)}")
            if is_absent(entry):
                merged.pop(key, None)
            else:
                merged[key] = merge(merged.get(key), entry, shape.fields[key], (*path, key))
        return merged
    if shape.kind == "choice" and isinstance(data, Mapping):
        if len(data) != 1:
            raise ValueMistake(path, f"{shape.name} is a CHOICE: exactly one of {', '.join(shape.fields)}")
        ((key, entry),) = data.items()
        if key not in shape.fields:
            raise ValueMistake((*path, key), f"{shape.name} has no alternative {key!r}{closest(key, shape.fields)}")
        inner = default[1] if isinstance(default, tuple) and default and default[0] == key else None
        return key, merge(inner, entry, shape.fields[key], (*path, key))
    if shape.kind == "list" and isinstance(data, list):
        return [merge(None, entry, shape.element, (*path, index)) for index, entry in enumerate(data)]
    if shape.kind == "any":
        if isinstance(data, Mapping) and isinstance(default, Mapping):
            merged = dict(default)
            for key, entry in data.items():
                if is_absent(entry):
                    merged.pop(key, None)
                else:
                    merged[key] = merge(merged.get(key), entry, ANY, (*path, key))
            return merged
        return data
    return scalar(data, shape, path)


def scalar(data: Any, shape: Shape, path: tuple[str | int, ...] = ()) -> Any:
    """One value that has no fields, from the text of a vector.

    Raises:
        ValueMistake: the text does not fit the type.
    """
    try:
        return _scalar(data, shape)
    except ValueError as error:
        raise ValueMistake(path, str(error)) from None


def _scalar(data: Any, shape: Shape) -> Any:
    match shape.kind, data:
        case "octets", _:
            return parse_hex(data)
        case (("text" | "oid"), (str() | int())) if not isinstance(data, bool):
            return str(data)
        case ("boolean", bool()) | ("integer", int()):
            return data
        case "null", None:
            return None
        case "bits", tuple():
            return data
        case "bits", ([*_] | {"bits": [*_]} | str()):
            return bits_value(data["bits"] if isinstance(data, dict) else data, shape)
        case "enumerated", str():
            if shape.names and data not in shape.names:
                raise ValueError(f"{shape.name} has no value {data!r}{closest(data, shape.names)}")
            return data
        case "enumerated", int():
            return next((name for name, number in (shape.names or {}).items() if number == data), data)
        case "integer", str():
            if shape.names and data in shape.names:
                return shape.names[data]
            try:
                return int(data, 0)
            except ValueError:
                known = closest(data, shape.names or ())
                raise ValueError(f"{data!r} is not a number{' or name' if shape.names else ''}{known}") from None
        case "sequence" | "choice" | "list", (dict() | tuple() | list()):
            return data
    raise ValueError(f"{describe(data, 80)} is not a value of {shape.name or shape.kind} ({shape.kind})")


def bits_value(data: Any, shape: Shape) -> tuple[bytes, int]:
    """A BIT STRING from names or numbers of the bits that are set, or from text of 0 and 1.

    Raises:
        ValueError: a name that the type does not have.
    """
    if isinstance(data, str) and set(data) <= {"0", "1"}:
        length = len(data)
        return int(data.ljust((length + 7) // 8 * 8, "0") or "0", 2).to_bytes((length + 7) // 8, "big"), length
    if not isinstance(data, list):
        raise ValueError(f'{describe(data, 80)} is not a BIT STRING; write [names] or "0101"')  # noqa: TRY004
    positions = {bit_number(entry, shape) for entry in data}
    length = max(positions) + 1 if positions else 0
    octets = bytearray((length + 7) // 8)
    for position in positions:
        octets[position // 8] |= 0x80 >> position % 8
    return bytes(octets), length


def bit_number(name: Any, shape: Shape) -> int:
    """The position of a bit, by name or number.

    Raises:
        ValueError: a name that the type does not have.
    """
    if isinstance(name, int) and not isinstance(name, bool) and name >= 0:
        return name
    if shape.names is not None and name in shape.names:
        return shape.names[name]
    raise ValueError(f"{shape.name or 'this BIT STRING'} has no bit {name!r}{closest(str(name), shape.names or ())}")
