"""Encoding and decoding of the RSP messages, with every received octet accounted for.

asn1tools parses the modules. Encoding and decoding walk along the schema that comes of them: its DER decoder drops an
unknown element of a SEQUENCE together with every optional element behind it, reads object identifiers of arc 2.999
wrongly and lets duplicated and trailing elements pass; its encoder takes most of the time of a start to import, and
wants values in a form of its own.
"""

from __future__ import annotations

from functools import cache, lru_cache

from pytest_euicc.asn1 import tlv
from pytest_euicc.asn1.decoding import Received, UnknownElement, decode, receive
from pytest_euicc.asn1.der import DerFault, faults_of
from pytest_euicc.asn1.encoding import encode
from pytest_euicc.asn1.errors import Asn1Error, join
from pytest_euicc.asn1.schema import Node, schema
from pytest_euicc.asn1.tlv import Tlv, TlvError
from pytest_euicc.asn1.values import NamedInt

__all__ = [
    "Asn1Error",
    "DerFault",
    "NamedInt",
    "Node",
    "Received",
    "UnknownElement",
    "check_der",
    "choice_tags",
    "decode",
    "encode",
    "fields",
    "locate",
    "receive",
    "type_names",
]


def fields(type_name: str) -> Node:
    """The schema of a type; raises KeyError for an unknown name."""
    return schema().node(type_name)


def type_names() -> list[str]:
    """Names of all types."""
    return list(schema().names())


@cache
def choice_tags(type_name: str) -> frozenset[int]:
    """Tags of the alternatives of a CHOICE."""
    return frozenset(entry.tag for entry in fields(type_name).fields if entry.tag is not None)


def locate(type_name: str, octets: bytes, path: str) -> Tlv:
    """The element at a field path (``serverSigned1.transactionId``, list elements by number), offsets absolute.

    An empty path is the whole message; what stands around the field may be of any value.

    Raises:
        Asn1Error: the type or the value does not have this field.
    """
    try:
        element = tlv.parse(octets)
        node = fields(type_name)
        walked = ""
        for name in path.split(".") if path else []:
            node, element = _descend(type_name, node, element, name, walked)
            walked = join(walked, name)
    except TlvError as error:
        raise Asn1Error(type_name, path, error.offset, error.reason) from None
    return element


def _descend(type_name: str, node: Node, element: Tlv, name: str, walked: str) -> tuple[Node, Tlv]:
    if node.kind == "SEQUENCE OF":
        assert node.element is not None  # noqa: S101
        children = element.children()
        numbered = next((child for number, child in enumerate(children) if str(number) == name), None)
        if numbered is None:
            raise Asn1Error(type_name, walked, element.offset, f"no element {name}; there are {len(children)}")
        return node.element, numbered
    entry = node.field(name)
    if entry is None:
        names = ", ".join(child.name for child in node.fields) or "none"
        raise Asn1Error(type_name, walked, element.offset, f"no field {name!r}; available: {names}")
    if node.kind == "CHOICE":
        inner = next(iter(element.children()), None) if node.explicit else element
        found = inner if inner is not None and entry.takes(inner.tag) else None
    else:
        found = _component(node, entry, element.children())
    if found is None:
        raise Asn1Error(type_name, walked, element.offset, f"{name} is not there")
    return entry, found


def _component(node: Node, entry: Node, children: list[Tlv]) -> Tlv | None:
    """The child that is a component of a SEQUENCE; failing that, one with its tag that stands out of order."""
    places = list(zip(children, node.components(child.tag for child in children), strict=True))
    in_place = (child for child, place in places if place is entry)
    misplaced = (child for child, place in places if place is None and entry.takes(child.tag))
    return next(in_place, None) or next(misplaced, None)


def check_der(octets: bytes, type_name: str | None = None) -> list[DerFault]:
    """Everything that is not canonical (X.690 clauses 8 to 11); given a type, also what depends on it."""
    return list(_faults(octets, type_name))


@lru_cache(maxsize=256)
def _faults(octets: bytes, type_name: str | None) -> tuple[DerFault, ...]:
    """An implementation gives many an answer several times in a run, such as what it says of itself."""
    node = fields(type_name) if type_name else None
    try:
        element = tlv.read(octets, 0)
    except TlvError as error:
        return (DerFault(error.offset, error.reason),)
    faults = faults_of(element, node if node is not None and node.takes(element.tag) else None)
    if element.end != len(octets):
        faults.append(DerFault(element.end, f"{len(octets) - element.end} octets after the end"))
    return tuple(faults)
