"""Secrets out of reports: what this process knows as one, and values whose names say so.

Whatever makes or learns a secret of the run notes it here; whatever makes text for a report masks it. Masks keep the
length, so that lengths in headers and TLVs still fit: ``**`` for an octet in hex, ``*`` for a character of base64.
"""

from __future__ import annotations

import re
import sys
from base64 import b64decode, b64encode
from bisect import insort
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, TypeVar

MASK = "***"
"""In place of a whole value."""

NAMES = frozenset(
    {
        *("confirmationCode", "confirmation_code", "hashCc"),
        *("ppkEnc", "ppkCmac", "initialMacChainingValue"),
        *("opc", "keyData", "keyComponents", "pinValue", "pukValue"),
    }
)
"""Fields that hold a secret (SGP.22 5.4, 5.7.5; TCA IFS 8.5, 8.7)."""

_WITH_K = NAMES | {"key"}
"""Beside an OPc, ``key`` is K (TCA IFS 8.5)."""

_MOST = 256
"""As many secrets are known at a time; a sequence makes some ten."""
_SHORTEST = 8
"""Octets below which a value is found by chance. A test key of zeros is none either."""
_PART = 4
"""Octets of a secret at the edge of an APDU that are taken for the part of it that chaining has put there."""
_SHORT, _LONG = 4, 8
"""Octets are read as numbers of these sizes to look them through for secrets.

Whatever holds a secret has a number that begins at one of any four, or eight, places of it that follow one another.
Those at its end are taken, as K, before an OPc, begins with many zeros. In texts they are long where the secret has
enough characters, as four digits are in every text by chance.
"""
_Piece = TypeVar("_Piece", int, bytes)


@dataclass(frozen=True)
class _Known:
    """A secret, and how it looks in text.

    Attributes:
        digits: its hex.
        base64: what base64 of something around it has, whatever stands before and behind: one of three.
    """

    digits: str
    base64: tuple[str, ...]

    @cached_property
    def marks(self) -> set[int]:
        """Numbers of which a text that holds the secret has one."""
        forms = [form.encode() for form in (self.digits, self.digits.upper(), *self.base64)]
        sizes = (_LONG if len(form) >= 2 * _LONG - 1 else _SHORT for form in forms)
        return {number for form, size in zip(forms, sizes, strict=True) for number in _last_numbers(form, size)}


_known: dict[bytes, _Known | None] = {}
"""None: it is not in the indexes below yet. A run without reports looks for none."""
_fresh: dict[bytes, None] = {}
"""Those that became known since something was last looked for."""
_marks: dict[int, tuple[bytes, ...]] = {}
"""The secrets that have each; few texts have any."""
_by_number: dict[int, tuple[bytes, ...]] = {}
"""Secrets by the numbers of which octets that hold them have one."""
_lengths: list[int] = []
"""Of all secrets, ascending."""
_begins: dict[bytes, tuple[bytes, ...]] = {}
"""Secrets by their first octets, for one that is cut off behind."""
_ends: dict[bytes, tuple[bytes, ...]] = {}
"""Secrets by their last octets, for one that is cut off before."""
_texts: dict[str, re.Pattern[str]] = {}
_state = {"shown": False}
_BASE64 = re.compile(r"[A-Za-z0-9+/]{11,}={0,2}")
_BREAKS = (r"\r\n", r"\n", r"\\r\\n", r"\\n")
"""Between lines, as they are or as in JSON."""
_BREAK = "|".join(_BREAKS)
_IN_LINES = re.compile(rf"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{{24,}}(?:{_BREAK}))+[A-Za-z0-9+/]+={{0,2}}")
"""Base64 in lines (RFC 2045 6.8)."""
_HAS_LINES = re.compile("|".join(rf"{each}(?<=[A-Za-z0-9+/]{{24}}{each})[A-Za-z0-9+/]" for each in _BREAKS))
"""A break in such lines: found sooner, as few texts have characters that it begins with."""
_FIELD = re.compile(r'("(?:confirmationCode|confirmation_code|hashCc)"\s*:\s*")(?:[^"\\]|\\.)*(")')


def show(*, shown: bool) -> None:
    """Whether reports of this process hold secrets (``--euicc-show-secrets``)."""
    _state["shown"] = shown


def note(*octets: bytes) -> None:
    """Remember secrets; the oldest of very many are forgotten."""
    for each in octets:
        if len(each) >= _SHORTEST and _telling(each):
            if each not in _known:
                _fresh[each] = None
            _known[each] = _known.pop(each, None)
    while len(_known) > _MOST:
        oldest = next(iter(_known))
        known = _known.pop(oldest)
        if known is None:
            del _fresh[oldest]
            continue
        for mark in known.marks:
            _forget(_marks, mark, oldest)
        for number in _last_numbers(oldest, _SHORT):
            _forget(_by_number, number, oldest)
        _forget(_begins, oldest[:_PART], oldest)
        _forget(_ends, oldest[-_PART:], oldest)
        _lengths.remove(len(oldest))


def _index() -> None:
    """Have the indexes hold all that is known."""
    for each in _fresh:
        known = _known[each] = _Known(each.hex(), tuple(map(partial(_within_base64, each), range(3))))
        for mark in known.marks:
            _marks[mark] = (*_marks.get(mark, ()), each)
        for number in _last_numbers(each, _SHORT):
            _by_number[number] = (*_by_number.get(number, ()), each)
        _begins[each[:_PART]] = (*_begins.get(each[:_PART], ()), each)
        _ends[each[-_PART:]] = (*_ends.get(each[-_PART:], ()), each)
        insort(_lengths, len(each))
    _fresh.clear()


def _last_numbers(octets: bytes, size: int) -> set[int]:
    """The last numbers of a size, as many as the size, in something that is at least twice as long but for one."""
    places = range(len(octets) - 2 * size + 1, len(octets) - size + 1)
    return {int.from_bytes(octets[at : at + size], sys.byteorder) for at in places}


def _numbers(octets: bytes, size: int) -> memoryview[int]:
    """All octets as numbers of a size, without a rest."""
    whole = memoryview(octets)[: len(octets) // size * size]
    return whole.cast("I") if size == _SHORT else whole.cast("Q")


def _having(places: dict[int, tuple[bytes, ...]], octets: bytes, size: int) -> set[bytes]:
    """Secrets that have one of the numbers of octets; few octets have any, so that this is seen at once."""
    numbers = _numbers(octets, size)
    if places.keys().isdisjoint(numbers):
        return set()
    return {secret for number in numbers for secret in places.get(number, ())}


def _forget(places: dict[_Piece, tuple[bytes, ...]], piece: _Piece, secret: bytes) -> None:
    """Take a secret out of those that have a piece."""
    having = places.pop(piece)
    if len(having) > 1:
        places[piece] = tuple(each for each in having if each != secret)


def _within_base64(octets: bytes, before: int) -> str:
    """The characters of base64 that are of these octets alone, behind a number of others."""
    text = b64encode(bytes(before) + octets).decode()
    # Six bits a character.
    return text[-(-before * 8 // 6) : (before + len(octets)) * 8 // 6]


def _telling(octets: bytes) -> bool:
    """Whether octets are more than filling."""
    return len(set(octets)) > 2


def note_text(text: str) -> None:
    """Remember a secret that a person enters, such as a confirmation code."""
    if text and text not in _texts:
        _texts[text] = re.compile(rf"(?<![0-9A-Za-z]){re.escape(text)}(?![0-9A-Za-z])")


def _spans(octets: bytes, first: int = 0, last: int | None = None) -> Iterator[tuple[int, int]]:
    """Where secrets are, also parts of them at the edges ``first`` and ``last``; octets with None have no edges."""
    _index()
    for secret in _having(_by_number, octets, _SHORT):
        at = octets.find(secret)
        while at >= 0:
            yield at, at + len(secret)
            at = octets.find(secret, at + 1)
    if last is not None:
        yield from _cut_off_behind(octets, max(first, last - _lengths[-1]), last)
        yield from _cut_off_before(octets, first, min(last, first + _lengths[-1]))


def _cut_off_behind(octets: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Where a secret begins that is longer than the octets left."""
    places = range(first, last - _PART + 1)
    if _begins.keys().isdisjoint([octets[at : at + _PART] for at in places]):
        return
    for at in places:
        for secret in _begins.get(octets[at : at + _PART], ()):
            part = octets[at:last]
            if len(part) < len(secret) and secret.startswith(part) and _telling(part):
                yield at, last


def _cut_off_before(octets: bytes, first: int, last: int) -> Iterator[tuple[int, int]]:
    """Where a secret ends that began before the octets."""
    places = range(first + _PART, last + 1)
    if _ends.keys().isdisjoint([octets[end - _PART : end] for end in places]):
        return
    for end in places:
        for secret in _ends.get(octets[end - _PART : end], ()):
            part = octets[first:end]
            if len(part) < len(secret) and secret.endswith(part) and _telling(part):
                yield first, end


def _candidates(text: str) -> set[bytes]:
    """Secrets that a text may hold in hex of either case or in base64; all that it does hold are among them."""
    _index()
    octets = text.encode("utf-8", "surrogatepass")
    return _having(_marks, octets, _LONG) | _having(_marks, octets, _SHORT)


def octets_text(octets: bytes, *, first: int = 0, end: int | None = None) -> str:
    """Octets as capital hex, secrets masked.

    Args:
        first: where data begins, such as behind a header; a secret may begin in an APDU before.
        end: where data ends; None means that nothing goes on elsewhere.
    """
    text = octets.hex().upper()
    if _state["shown"] or not _known or len(octets) < _PART:
        return text
    for start, stop in list(_spans(octets, first, end)):
        text = f"{text[: 2 * start]}{'**' * (stop - start)}{text[2 * stop :]}"
    return text


def command_text(command: bytes) -> str:
    """A command APDU as hex, secrets masked, also one that the block before or after shares."""
    length = command[4] if len(command) > 5 else 0
    return octets_text(command, first=min(5, len(command)), end=min(5 + length, len(command)))


def response_text(response: bytes) -> str:
    """A response with its status word as hex, secrets masked, also one that the answer before or after shares."""
    return octets_text(response, end=max(len(response) - 2, 0))


def mask(text: str) -> str:
    """A text of any kind with every secret masked, in hex of either case, in base64, or as it is entered."""
    if _state["shown"]:
        return text
    if "hashCc" in text or "onfirmation" in text:
        text = _FIELD.sub(rf"\g<1>{MASK}\g<2>", text)
    for secret, entered in _texts.items():
        if secret in text:
            text = entered.sub(MASK, text)
    if _HAS_LINES.search(text):
        text = _IN_LINES.sub(_mask_lines, text)
    candidates = _candidates(text)
    if not candidates:
        return text
    found: list[str] = []
    # In the order in which they became known, as one may be part of another.
    for octets, known in list(_known.items()):
        if known is None or octets not in candidates:
            continue
        for form in (known.digits, known.digits.upper()):
            text = text.replace(form, "**" * len(octets))
        found += [part for part in known.base64 if part in text]
    if not found:
        return text
    return _BASE64.sub(lambda run: _mask_base64(run) if any(part in run[0] for part in found) else run[0], text)


def _mask_lines(found: re.Match[str]) -> str:
    """What is in lines is looked through as one, as a secret may begin in one and end in another."""
    parts = re.split(f"({_BREAK})", found[0])
    whole, at = mask("".join(parts[::2])), 0
    for number in range(0, len(parts), 2):
        begin, at = at, at + len(parts[number])
        parts[number] = whole[begin:at]
    return "".join(parts)


def _mask_base64(found: re.Match[str]) -> str:
    text = found[0]
    whole = text.rstrip("=")
    # Text before it may belong to the same characters, so that what is encoded begins at any of four places.
    for offset in range(4):
        part = whole[offset:]
        part = part[: len(part) - (len(part) % 4 == 1)]
        octets = b64decode(part + "=" * (-len(part) % 4))
        for start, stop in list(_spans(octets)):
            first, last = offset + start * 4 // 3, offset + -(-stop * 4 // 3)
            text = f"{text[:first]}{'*' * (last - first)}{text[last:]}"
    return text


def mask_value(value: Any) -> Any:
    """A value of JSON with every secret masked, by its name or by what it is."""
    if _state["shown"]:
        return value
    match value:
        case dict():
            names = _WITH_K if "opc" in value else NAMES
            return {name: _named(name, entry, names) for name, entry in value.items()}
        case list():
            return [mask_value(entry) for entry in value]
        case str():
            return mask(value)
    return value


def _named(name: str, value: Any, names: Container[str]) -> Any:
    return MASK if name in names and value not in (None, "", [], {}) else mask_value(value)
