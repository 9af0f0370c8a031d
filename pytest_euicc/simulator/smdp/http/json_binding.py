"""Fields of the JSON binding: base64 of DER, transactionId in hex (SGP.22 6.5.2)."""

from __future__ import annotations

import base64
import binascii
import string
from collections.abc import Mapping
from typing import Any

from pytest_euicc.asn1 import codec
from pytest_euicc.simulator.smdp.http.status import field_invalid, field_missing

_MAXIMUM_TRANSACTION_ID = 16
_LINE_BREAKS = str.maketrans("", "", "\r\n")
_HEX = frozenset(string.hexdigits)


def text(body: Mapping[str, Any], name: str) -> str:
    """A mandatory text; raises Refusal."""
    if name not in body:
        raise field_missing(name)
    value = body[name]
    if not isinstance(value, str):
        raise field_invalid(name, "wanted a string")
    return value


def optional_text(body: Mapping[str, Any], name: str) -> str | None:
    """An optional text; None where it is left out. Raises Refusal."""
    return text(body, name) if body.get(name) is not None else None


def octets(body: Mapping[str, Any], name: str) -> bytes:
    """The octets of a mandatory base64 field, perhaps in lines (RFC 2045 6.8); raises Refusal."""
    try:
        return base64.b64decode(text(body, name).translate(_LINE_BREAKS), validate=True)
    except (binascii.Error, ValueError):
        raise field_invalid(name, "not base64") from None


def message(body: Mapping[str, Any], name: str, type_name: str) -> tuple[bytes, Any]:
    """A mandatory base64 field of a type, as received and decoded; raises Refusal."""
    received = octets(body, name)
    try:
        return received, codec.decode(type_name, received)
    except codec.Asn1Error as error:
        raise field_invalid(name, str(error)) from None


def transaction_id(body: Mapping[str, Any]) -> bytes:
    """transactionId, 1 to 16 octets in hex; raises Refusal."""
    value = text(body, "transactionId")
    if not set(value) <= _HEX or len(value) % 2:
        raise field_invalid("transactionId", "not hex")
    decoded = bytes.fromhex(value)
    if not 1 <= len(decoded) <= _MAXIMUM_TRANSACTION_ID:
        raise field_invalid("transactionId", f"{len(decoded)} octets, wanted 1 to 16")
    return decoded


def encode(received: bytes) -> str:
    """Octets as the binding carries them."""
    return base64.b64encode(received).decode("ascii")
