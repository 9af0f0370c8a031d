"""How a server's JSON is written: order, white space, escapes, base64, encoding, members of great length."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, Literal

Layout = Literal[
    "reversed",
    "spaced",
    "escaped",
    "doubled",
    "byte-order-mark",
    "utf-16",
    "base64-in-lines",
    "base64-without-padding",
    "base64-for-urls",
    "nested",
    "large-number",
    "list",
    "long-codes",
    "fifty-megabytes",
]
_LINE = 76
_DEPTH = 100_000
_LETTERS = 10_000
_MEGABYTES = 50


def written(found: dict[str, Any], layout: Layout, base64: Iterable[str]) -> bytes:
    """An answer in another layout.

    Args:
        base64: names of the members that are base64.
    """
    if layout in _BASE64:
        changed = {name: _BASE64[layout](found[name]) for name in base64 if isinstance(found.get(name), str)}
        return json.dumps(found | changed).encode()
    if layout == "reversed":
        return json.dumps(_reversed(found)).encode()
    if layout == "spaced":
        return f"\r\n \t{json.dumps(found, indent=3)}\n\n".replace("\n", "\r\n").encode()
    if layout == "escaped":
        return _escaped(found).encode()
    if layout == "doubled":
        return f"{json.dumps(found)[:-1]}, {json.dumps(found)[1:]}".encode()
    if layout == "byte-order-mark":
        return json.dumps(found).encode("utf-8-sig")
    if layout == "utf-16":
        return json.dumps(found).encode("utf-16")
    if layout == "list":
        return json.dumps([found]).encode()
    if layout == "long-codes":
        return json.dumps(_with_long_codes(found)).encode()
    if layout == "fifty-megabytes":
        return json.dumps(found | {"later": "a" * (_MEGABYTES << 20)}).encode()
    later = "9" * 1000 if layout == "large-number" else "[" * _DEPTH + "]" * _DEPTH
    return f'{json.dumps(found)[:-1]}, "later": {later}}}'.encode()


_BASE64: dict[str, Callable[[str], str]] = {
    "base64-in-lines": lambda text: "\r\n".join(text[at : at + _LINE] for at in range(0, len(text), _LINE)),
    "base64-without-padding": lambda text: text.rstrip("="),
    "base64-for-urls": lambda text: text.replace("+", "-").replace("/", "_"),
}


def _with_long_codes(found: dict[str, Any]) -> dict[str, Any]:
    """A refusal whose subjectCode and reasonCode have thousands of letters; anything else stays as it is."""
    status = found["header"]["functionExecutionStatus"]
    if "statusCodeData" not in status:
        return found
    long = dict.fromkeys(("subjectCode", "reasonCode"), "8." * (_LETTERS // 2))
    return {"header": {"functionExecutionStatus": {**status, "statusCodeData": {**status["statusCodeData"], **long}}}}


def _reversed(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _reversed(value[name]) for name in reversed(value)}
    return value


def _escaped(value: Any) -> str:
    """Every letter of every text by its number (RFC 8259 7)."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_escaped(name)}: {_escaped(entry)}" for name, entry in value.items()) + "}"
    if isinstance(value, str):
        units = value.encode("utf-16-be")
        return '"' + "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2)) + '"'
    return json.dumps(value)
