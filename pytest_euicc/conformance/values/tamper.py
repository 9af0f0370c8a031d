"""Changes encoded octets on purpose: the operations of ``tamper:``.

An operation works at a field path of the message's type, where enclosing lengths are adjusted, or at an octet offset,
where nothing is adjusted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from pytest_euicc.asn1 import tlv
from pytest_euicc.conformance.values.shapes import PLACES, Shape, asn1_shape
from pytest_euicc.conformance.values.text import parse_hex
from pytest_euicc.document import pydantic_message
from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.text import closest

Octets = Annotated[bytes, BeforeValidator(parse_hex)]
At = int | str


class TamperError(PytestEuiccError, ValueError):
    """An operation that does not fit the octets; one message for people."""


class AbsentField(TamperError):
    """The message may have the field of an operation, and this one does not."""


class _Operation(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
    at: At
    lengths: Literal["mend", "keep"] = "mend"


class _Partial(_Operation):
    part: Literal["tlv", "value"] = "tlv"


class _Flip(_Operation):
    bit: Annotated[int, Field(ge=0, le=7)] = 0
    octet: int = 0
    part: Literal["tlv", "value"] = "value"


class _Cut(_Partial):
    octets: Annotated[int, Field(ge=1)] | None = None


class _Put(_Partial):
    hex: Octets
    repeat: Annotated[int, Field(ge=1)] = 1

    @property
    def octets(self) -> bytes:
        """What is put in."""
        return self.hex * self.repeat


class _Retag(_Operation):
    tag: Octets


class _Swap(_Operation):
    with_: Annotated[str, Field(alias="with")]


class _Truncate(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    octets: int


OPERATIONS: dict[str, type[BaseModel]] = {
    "flip": _Flip,
    "cut": _Cut,
    "insert": _Put,
    "replace": _Put,
    "retag": _Retag,
    "duplicate": _Operation,
    "swap": _Swap,
    "truncate": _Truncate,
}
"""Operations by name, with the model of what they take."""


def mistakes(operations: list[dict[str, Any]], shape: Shape) -> Iterable[tuple[tuple[str | int, ...], str]]:
    """What is wrong with operations as written, each with its place in the list."""
    for index, entry in enumerate(operations):
        if len(entry) != 1:
            yield (index,), "one operation each, such as {flip: {at: 12, bit: 0}}"
            continue
        ((name, arguments),) = entry.items()
        if name not in OPERATIONS:
            yield (index,), f"unknown operation {name!r}{closest(name, OPERATIONS)}"
            continue
        try:
            OPERATIONS[name].model_validate(_with_values(arguments))
        except ValidationError as error:
            known = [field.alias or key for key, field in OPERATIONS[name].model_fields.items()]
            for found in error.errors():
                yield (index, name, *found["loc"]), pydantic_message(found, known)
        for key in ("at", "with"):
            path = arguments.get(key) if isinstance(arguments, dict) else None
            if isinstance(path, str) and "$" not in path and shape.at(path) is None:
                yield (index, name, key), f"{shape.name} has no field {path!r}{closest(path, shape.fields)}"


def _with_values(arguments: Any) -> Any:
    """Arguments as written, with octets in place of a saved value, which is known when the step runs."""
    if isinstance(arguments, dict) and isinstance(arguments.get("hex"), str) and "$" in arguments["hex"]:
        return arguments | {"hex": b"\x00"}
    return arguments


@dataclass(frozen=True)
class _Span:
    """A TLV inside the octets: where it starts, where its value starts, where it ends."""

    start: int
    value: int
    end: int


def tamper(octets: bytes, operations: Sequence[dict[str, Any]], type_name: str | None = None) -> bytes:
    """Apply operations in order to the DER of a value of ``type_name``.

    Raises:
        TamperError: an operation does not fit.
    """
    for entry in operations:
        ((name, arguments),) = entry.items()
        try:
            operation: Any = OPERATIONS[name].model_validate(arguments)
        except ValidationError as error:
            raise TamperError(f"tamper {name}: {pydantic_message(error.errors()[0])}") from None
        if isinstance(operation, _Truncate):
            octets = octets[: operation.octets]
        elif isinstance(operation.at, int):
            octets = _at_offset(name, operation, octets)
        else:
            shape = asn1_shape(type_name) if type_name else None
            octets = _at_path(name, operation, octets, shape)
    return octets


def _at_offset(name: str, operation: Any, octets: bytes) -> bytes:
    at = operation.at if operation.at >= 0 else len(octets) + operation.at
    if not 0 <= at < len(octets) + (name == "insert"):
        raise TamperError(f"tamper {name}: octet {operation.at} of {len(octets)}")
    before, rest = octets[:at], octets[at:]
    new: bytes = operation.octets if isinstance(operation, _Put) else b""
    match name:
        case "flip":
            return before + bytes([rest[0] ^ 1 << operation.bit]) + rest[1:]
        case "cut":
            return before + rest[int(operation.octets or 1) :]
        case "insert":
            return before + new + rest
        case "replace":
            return before + new + rest[len(new) :]
    if name == "swap":
        raise TamperError("tamper swap: at and with are field paths")
    span = _span(octets, at)
    whole = octets[span.start : span.end]
    if name == "duplicate":
        return before + whole + octets[at:]
    header = octets[span.start : span.value]
    return before + bytes(operation.tag) + header[len(_tag_octets(header)) :] + octets[span.value :]


def _at_path(name: str, operation: Any, octets: bytes, shape: Shape | None) -> bytes:
    if shape is None:
        raise TamperError(f"tamper {name}: this message has no ASN.1 type; give an octet offset")
    chain = _locate(octets, operation.at, shape)
    span, keep = chain[-1], operation.lengths == "keep"
    if name == "flip":
        start = span.value if operation.part == "value" else span.start
        at = (start if operation.octet >= 0 else span.end) + operation.octet
        if not start <= at < span.end:
            raise TamperError(f"tamper flip: {operation.at} has no octet {operation.octet}")
        return octets[:at] + bytes([octets[at] ^ 1 << operation.bit]) + octets[at + 1 :]
    enclosing = set(chain[:-1])
    whole = octets[span.start : span.end]
    if name == "swap":
        other_chain = _locate(octets, operation.with_, shape)
        other = other_chain[-1]
        if span.start < other.end and other.start < span.end:
            raise TamperError(f"tamper swap: {operation.at} and {operation.with_} lie one inside the other")
        edits = {span: octets[other.start : other.end], other: whole}
        enclosing |= set(other_chain[:-1])
    else:
        edits = {span: _edited(name, operation, octets, span, keep)}
    return _rebuild(octets, 0, len(octets), edits, set() if keep else enclosing)


def _edited(name: str, operation: Any, octets: bytes, span: _Span, keep: bool) -> bytes:
    header, content = octets[span.start : span.value], octets[span.value : span.end]
    tag = _tag_octets(header)
    given: bytes = operation.octets if isinstance(operation, _Put) else b""

    def with_content(new: bytes) -> bytes:
        return header + new if keep else tag + tlv.encode_length(len(new)) + new

    match name:
        case "cut" if operation.part == "value":
            return with_content(content[: -operation.octets] if operation.octets else b"")
        case "cut":
            return b""
        case "insert" if operation.part == "value":
            return with_content(content + given)
        case "insert":
            return header + content + given
        case "replace" if operation.part == "value":
            return with_content(given)
        case "replace":
            return given
        case "retag":
            return bytes(operation.tag) + header[len(tag) :] + content
    return (header + content) * 2


def _rebuild(octets: bytes, start: int, end: int, edits: dict[_Span, bytes], enclosing: set[_Span]) -> bytes:
    """The octets from start to end with the edits made and the lengths of ``enclosing`` adjusted."""
    edit_at = {span.start: (span, new) for span, new in edits.items()}
    container_at = {span.start: span for span in enclosing}
    out = bytearray()
    at = start
    while at < end:
        if at in edit_at:
            span, new = edit_at[at]
            out += new
            at = span.end
        elif at in container_at:
            span = container_at[at]
            content = _rebuild(octets, span.value, span.end, edits, enclosing)
            out += _tag_octets(octets[span.start : span.value]) + tlv.encode_length(len(content)) + content
            at = span.end
        else:
            out.append(octets[at])
            at += 1
    return bytes(out)


def _tag_octets(header: bytes) -> bytes:
    """The tag field at the start of a header (X.690 8.1.2)."""
    length = 1
    if header[0] & 0x1F == 0x1F:
        while header[length] & 0x80:
            length += 1
        length += 1
    return header[:length]


def _children(octets: bytes, start: int, end: int) -> list[_Span]:
    """The TLVs that follow each other from start to end."""
    spans = []
    try:
        found = tlv.parse_all(octets[start:end])
    except tlv.TlvError as error:
        raise TamperError(f"tamper: no TLV at octet {start + error.offset}: {error.reason}") from None
    for entry in found:
        value = start + len(entry.header)
        spans.append(_Span(start, value, value + len(entry.value)))
        start = spans[-1].end
    return spans


def _span(octets: bytes, at: int) -> _Span:
    """The TLV that begins at an offset."""
    try:
        found = tlv.read(octets, at)
    except tlv.TlvError as error:
        raise TamperError(f"tamper: no TLV at octet {at}: {error.reason}") from None
    return _Span(at, at + len(found.header), found.end)


def _tag(octets: bytes, span: _Span) -> int:
    return int.from_bytes(_tag_octets(octets[span.start : span.value]), "big")


def _locate(octets: bytes, path: str, shape: Shape) -> list[_Span]:
    """The TLVs from the whole message down to the field at ``path``."""
    chain = [_span(octets, 0)]
    for part in path.split(".") if path else []:
        last = chain[-1]
        if shape.kind == "choice":
            if shape.tag is not None:
                chain.append(_span(octets, last.value))
            inner = shape.fields.get(part)
            if inner is None or _tag(octets, chain[-1]) not in inner.tags:
                raise _absent(inner, part, path)
        elif shape.kind == "list" and (part.isdigit() or part in PLACES):
            children = _children(octets, last.value, last.end)
            number = int(part) if part.isdigit() else (0, len(children) // 2, len(children) - 1)[PLACES.index(part)]
            if not 0 <= number < len(children):
                raise TamperError(f"tamper: {path!r}: there are {len(children)} elements")
            chain.append(children[number])
            inner = shape.element
        else:
            inner = shape.fields.get(part)
            found = _components(octets, _children(octets, last.value, last.end), shape).get(part)
            if inner is None or found is None:
                raise _absent(inner, part, path)
            chain.append(found)
        shape = inner
    return chain


def _absent(inner: Shape | None, part: str, path: str) -> TamperError:
    text = f"tamper: the message has no {part!r} (of {path!r})"
    return TamperError(text) if inner is None else AbsentField(text)


def _components(octets: bytes, children: list[_Span], shape: Shape) -> dict[str, _Span]:
    """The fields of a SEQUENCE by tag and place: a signed part and two certificates, all under 30, may follow."""
    found: dict[str, _Span] = {}
    names = list(shape.fields)
    start = 0
    for child in children:
        tag = _tag(octets, child)
        at = next((at for at in range(start, len(names)) if tag in shape.fields[names[at]].tags), None)
        if at is not None:
            found[names[at]] = child
            start = at + 1
    return found
