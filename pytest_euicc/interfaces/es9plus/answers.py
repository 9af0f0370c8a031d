"""Answers of ES9+ as values that vectors can speak of: the status of a function and its fields, decoded."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from pytest_euicc.asn1 import codec, tlv
from pytest_euicc.conformance.engine.message import Part
from pytest_euicc.conformance.values.matchers import Mismatch
from pytest_euicc.conformance.values.shapes import ANY, NUMBER, OCTETS, TEXT, Shape, asn1_shape, mapping
from pytest_euicc.es9.binding import Es9Reply

_OK, _NO_CONTENT = 200, 204
_SIGNATURE, _OCTET_STRING, _SEQUENCE = 0x5F37, 0x04, 0x30
_WITHOUT_BODY = "handleNotification"


@dataclass(frozen=True)
class _Field:
    """One field of an answer: its shape, and how it is read from an answer that has it (raises ValueError)."""

    shape: Callable[[], Shape]
    read: Callable[[Es9Reply, str], Any]


def _hex(reply: Es9Reply, name: str) -> bytes:
    text = (reply.body or {})[name]
    if not isinstance(text, str) or not 1 <= len(text) // 2 <= 16:
        raise ValueError("not hex text of 1 to 16 octets")
    return bytes.fromhex(text)


def _element(tag: int, part: Literal["value", "octets"]) -> _Field:
    """An element with a tag: its content, or the whole of it, not looked into."""

    def read(reply: Es9Reply, name: str) -> bytes:
        element = tlv.parse(reply.octets_of(name))
        if element.tag != tag:
            raise ValueError(f"tag {element.tag:X} where {tag:X} was expected")
        return element.value if part == "value" else element.octets

    return _Field(lambda: OCTETS, read)


def _typed(type_name: str) -> _Field:
    """A value of an ASN.1 type."""
    return _Field(lambda: asn1_shape(type_name), lambda reply, name: codec.decode(type_name, reply.octets_of(name)))


_TRANSACTION = _Field(lambda: OCTETS, _hex)
FIELDS: dict[str, dict[str, _Field]] = {
    "initiateAuthentication": {
        "transactionId": _TRANSACTION,
        "serverSigned1": _typed("ServerSigned1"),
        "serverSignature1": _element(_SIGNATURE, "value"),
        "euiccCiPKIdToBeUsed": _element(_OCTET_STRING, "value"),
        "serverCertificate": _element(_SEQUENCE, "octets"),
    },
    "authenticateClient": {
        "transactionId": _TRANSACTION,
        "profileMetadata": _typed("StoreMetadataRequest"),
        "smdpSigned2": _typed("SmdpSigned2"),
        "smdpSignature2": _element(_SIGNATURE, "value"),
        "smdpCertificate": _element(_SEQUENCE, "octets"),
    },
    "getBoundProfilePackage": {"transactionId": _TRANSACTION, "boundProfilePackage": _element(0xBF36, "octets")},
    "handleNotification": {},
    "cancelSession": {},
}
"""Fields of each function's answer beside its header (SGP.22 6.5.2)."""


_ENCODED = {
    "serverSigned1": "ServerSigned1",
    "profileMetadata": "StoreMetadataRequest",
    "smdpSigned2": "SmdpSigned2",
    "boundProfilePackage": None,
}
"""Fields that are values of ASN.1 in base64, and their types."""


def parts_of(reply: Es9Reply) -> tuple[Part, ...]:
    """The values of ASN.1 in an answer; what is no base64 is left out."""
    found = []
    for name, type_name in _ENCODED.items():
        if name in (reply.body or {}):
            with suppress(ValueError):
                found.append(Part(name, type_name, reply.octets_of(name)))
    return tuple(found)


@cache
def answer_shape(function: str) -> Shape:
    """What ``expect`` sees: ``http`` status, ``message``, ``headers``, ``json``, and the function's fields."""
    fields = {name: field.shape() for name, field in FIELDS[function].items()}
    return mapping(function, http=NUMBER, message=TEXT, headers=ANY, json=ANY, **fields)


def status_of(reply: Es9Reply) -> str:
    """``success``, the status code of a function that failed, ``failed`` without one, or what HTTP says."""
    if reply.function == _WITHOUT_BODY:
        return "success" if reply.status == _NO_CONTENT else _other(reply)
    if reply.status != _OK or reply.body is None:
        return _other(reply)
    if not reply.failed:
        return "success"
    if reply.execution_status.get("status") != "Failed":
        return _other(reply)
    return reply.status_code or "failed"


def _other(reply: Es9Reply) -> str:
    if reply.status == _OK and reply.failed and reply.status_code:
        return reply.status_code
    return f"HTTP {reply.status}"


def value_of(reply: Es9Reply) -> tuple[dict[str, Any], tuple[Mismatch, ...]]:
    """The answer as ``answer_shape`` has it, and what of it cannot be read."""
    body = reply.body or {}
    value: dict[str, Any] = {"http": reply.status, "message": reply.message, "headers": reply.headers, "json": body}
    faults = []
    for name, field in FIELDS[reply.function].items():
        if name in body:
            try:
                value[name] = field.read(reply, name)
            except ValueError as error:
                faults.append(Mismatch(name, "a field of the binding (SGP.22 6.5.2)", f"{body[name]!r}: {error}"))
    return value, tuple(faults)


def missing(reply: Es9Reply, value: Mapping[str, Any]) -> Iterator[Mismatch]:
    """Fields that a function which succeeded must give (SGP.22 6.5.2)."""
    for name in FIELDS[reply.function]:
        if name not in value and name not in (reply.body or {}):
            yield Mismatch(name, "a field of the binding (SGP.22 6.5.2)", "no such field")
