"""The ASN.1 modules as trees of fields and tags, read once and cached on disk."""

from __future__ import annotations

import hashlib
import os
import pickle
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

MODULES = ("rsp.asn", "profile_package.asn")
_CACHE_FORMAT = 1
_CLASS = {"UNIVERSAL": 0x00, "APPLICATION": 0x40, "PRIVATE": 0xC0}
_UNIVERSAL = {
    "BOOLEAN": 0x01,
    "INTEGER": 0x02,
    "BIT STRING": 0x03,
    "OCTET STRING": 0x04,
    "NULL": 0x05,
    "OBJECT IDENTIFIER": 0x06,
    "ENUMERATED": 0x0A,
    "UTF8String": 0x0C,
    "SEQUENCE": 0x30,
    "SEQUENCE OF": 0x30,
    "SET": 0x31,
}
_CONSTRUCTED = ("SEQUENCE", "SEQUENCE OF", "SET")


@dataclass(frozen=True)
class Node:
    """One type at its place.

    Attributes:
        kind: ASN.1 name of the type (``SEQUENCE``, ``CHOICE``, ``OCTET STRING`` …), ``OPAQUE`` for X.509 pieces.
        tag: outermost tag as one number; None for an untagged CHOICE and for OPAQUE.
        explicit: a CHOICE behind a tag of its own.
        fields: of a SEQUENCE or CHOICE, in order.
        element: of a SEQUENCE OF.
        names: of named numbers, named bits or enumerations, to their numbers.
        size: bounds of octets, characters or elements, (minimum, maximum) or None.
    """

    kind: str
    tag: int | None
    type_name: str = ""
    name: str = ""
    optional: bool = False
    default: Any = None
    fields: tuple[Node, ...] = ()
    element: Node | None = None
    names: dict[str, int] = field(default_factory=dict)
    size: tuple[int, int] | None = None
    explicit: bool = False

    def field(self, name: str) -> Node | None:
        """A component by its name."""
        return next((entry for entry in self.fields if entry.name == name), None)

    def takes(self, tag: int) -> bool:
        """True if an element with this tag can be this type."""
        if self.kind == "OPAQUE":
            return tag == 0x30
        if self.tag is None:
            return any(entry.takes(tag) for entry in self.fields)
        return self.tag == tag


class Schema:
    """All types of the modules; trees are built when first asked for."""

    def __init__(self, modules: dict[str, Any], specification: Any) -> None:
        self.specification = specification
        self._types: dict[str, Any] = {
            name: described for module in modules.values() for name, described in module["types"].items()
        }
        self._nodes: dict[str, Node] = {}

    def names(self) -> Iterator[str]:
        """Names of all types."""
        return iter(self._types)

    def node(self, type_name: str) -> Node:
        """The tree of a type; raises KeyError."""
        if type_name not in self._nodes:
            self._nodes[type_name] = self._build({"type": type_name}, None)
        return self._nodes[type_name]

    def _build(self, described: dict[str, Any], automatic: int | None) -> Node:
        """A node; ``automatic`` is the number that AUTOMATIC TAGS give a component without a tag of its own."""
        chain = [described]
        while chain[-1]["type"] in self._types:
            chain.append(self._types[chain[-1]["type"]])
        base = chain[-1]
        kind = "OPAQUE" if base["type"] == "ANY" else base["type"]
        tagged = next((entry["tag"] for entry in chain if "tag" in entry), None)
        if tagged is None and automatic is not None:
            tagged = {"number": automatic}
        tag = _UNIVERSAL.get(kind) if tagged is None else _tag(tagged, kind in (*_CONSTRUCTED, "CHOICE"))
        members = [member for member in base.get("members", ()) if member is not None]
        untagged = not any("tag" in member for member in members)
        fields = tuple(self._build(member, number if untagged else None) for number, member in enumerate(members))
        size = next((entry["size"] for entry in chain if entry.get("size")), None)
        return Node(
            kind=kind,
            tag=tag,
            type_name=described["type"] if described["type"] in self._types else "",
            name=described.get("name", ""),
            optional=bool(described.get("optional")) or "default" in described,
            default=described.get("default"),
            fields=fields,
            element=self._build(base["element"], None) if "element" in base else None,
            names=_names(base),
            size=_bounds(size),
            explicit=kind == "CHOICE" and tagged is not None,
        )


def _tag(tagged: dict[str, Any], constructed: bool) -> int:
    first = _CLASS.get(tagged.get("class", ""), 0x80) | (0x20 if constructed else 0)
    number = int(tagged["number"])
    if number < 0x1F:
        return first | number
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.insert(0, 0x80 | number & 0x7F)
    return int.from_bytes(bytes([first | 0x1F, *octets]), "big")


def _names(described: dict[str, Any]) -> dict[str, int]:
    if "named-numbers" in described:
        return {name: int(number) for name, number in described["named-numbers"].items()}
    if "named-bits" in described:
        return {name: int(number) for name, number in described["named-bits"]}
    return {name: int(number) for name, number in (value for value in described.get("values", ()) if value)}


def _bounds(size: Any) -> tuple[int, int] | None:
    if not size:
        return None
    bounds = size[0]
    return (bounds, bounds) if isinstance(bounds, int) else (int(bounds[0]), int(bounds[1]))


@cache
def schema() -> Schema:
    """The schema of this version of the modules, from the cache or read anew."""
    sources = [(files(__package__) / name).read_bytes() for name in MODULES]
    stamp = hashlib.sha256(b"\0".join([*sources, version("asn1tools").encode(), bytes([_CACHE_FORMAT])])).hexdigest()[
        :16
    ]
    directory = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pytest-euicc"
    path = directory / f"asn1-{stamp}.pickle"
    cached = _load(path)
    if cached is None:
        cached = _compile(sources)
        _store(path, cached)
    return Schema(*cached)


def _compile(sources: list[bytes]) -> tuple[dict[str, Any], Any]:
    import asn1tools

    modules = asn1tools.parse_string("\n".join(source.decode() for source in sources))
    # Compiling changes the parsed modules in place, so the trees get their own copy.
    return pickle.loads(pickle.dumps(modules)), asn1tools.compile_dict(modules, "der")  # noqa: S301


def _load(path: Path) -> tuple[dict[str, Any], Any] | None:
    try:
        modules, specification = pickle.loads(path.read_bytes())  # noqa: S301
    except Exception:
        # Not there, cut off or of another Python: it is made anew.
        return None
    return modules, specification


def _store(path: Path, cached: tuple[dict[str, Any], Any]) -> None:
    """Write beside, then rename: another process never sees half a file. A read-only home only costs time."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            file.write(pickle.dumps(cached))
        Path(file.name).replace(path)
    except OSError:
        return
