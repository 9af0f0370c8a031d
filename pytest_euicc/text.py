"""Text from outside made safe to show and to store: a card, a server or a file name decides what is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and line feed, DEL, C1: they move the cursor and colour the terminal
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # the order in which text is shown
    "\u2028\u2029\ufffe\uffff"  # breaks of lines and what is no character
    "\ud800-\udfff]"  # surrogates: UTF-8 cannot hold them
)
_SURROGATES = re.compile("[\ud800-\udfff]")


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def printable(text: str) -> str:
    """The text with every character escaped that is no text: ``\\x1b``, ``\\u202e``, ``\\ud800``."""
    # Most texts are short ones without anything to look for.
    return text if text.isascii() and text.isprintable() else _UNSAFE.sub(_escape, text)


def encodable(value: Any) -> Any:
    """A value of JSON with every lone surrogate escaped: files and other processes take UTF-8 only."""
    match value:
        case str():
            return _SURROGATES.sub(_escape, value)
        case dict():
            return {encodable(name): encodable(entry) for name, entry in value.items()}
        case list():
            return [encodable(entry) for entry in value]
        case tuple():
            return tuple(encodable(entry) for entry in value)
    return value


def printable_values(value: Any) -> Any:
    """A value of JSON with all its texts made `printable`."""
    match value:
        case str():
            return printable(value)
        case dict():
            return {printable_values(name): printable_values(entry) for name, entry in value.items()}
        case list():
            return [printable_values(entry) for entry in value]
    return value


def closest(name: str, known: Iterable[str]) -> str:
    """``; did you mean 'x'?`` with the most similar known name, else the known names if they are few, else nothing."""
    from difflib import get_close_matches

    names = sorted(known)
    lower = {candidate.lower(): candidate for candidate in names}
    found = get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)
    if found:
        return f"; did you mean {lower[found[0]]!r}?"
    return f"; known: {', '.join(names)}" if 0 < len(names) <= 24 else ""
