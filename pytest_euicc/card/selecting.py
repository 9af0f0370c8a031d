"""What the argument of ``pcsc:`` means: an index, a name or a part of it, a pattern, ``atr=`` or ``eid=``."""

from __future__ import annotations

from fnmatch import fnmatchcase

from pytest_euicc.card.errors import NoCard, NoReader
from pytest_euicc.card.winscard import Reader

_ATR, _EID = "atr=", "eid="


def wanted_eid(wanted: str) -> str:
    """The digits after ``eid=``, all of an EID or how it begins; empty for another argument."""
    return "".join(wanted[len(_EID) :].split()) if wanted.startswith(_EID) else ""


def choose(readers: list[Reader], wanted: str) -> list[Reader]:
    """The readers that may be meant, in their order; for ``eid=`` all of them, for the cards must be asked.

    Raises:
        NoReader: there is none, or none of that name; the message names those there are.
        NoCard: no card has such an ATR.
    """
    if not readers:
        raise NoReader("no PC/SC reader is attached. Attach one; `pytest-euicc readers` lists what PC/SC sees")
    if not wanted:
        return readers
    if wanted.startswith(_EID):
        if not wanted_eid(wanted).isdecimal():
            raise NoReader(f"pcsc:{wanted}: an EID has 32 digits; write all of them or the first ones")
        return readers
    if wanted.startswith(_ATR):
        return _by_atr(readers, wanted)
    if wanted.isdecimal() and int(wanted) < len(readers):
        return [readers[int(wanted)]]
    found = [reader for reader in readers if reader.name == wanted] or _by_name(readers, wanted.casefold())
    if not found or wanted.isdecimal():
        present = ", ".join(f"{index}: {reader.name}" for index, reader in enumerate(readers))
        raise NoReader(f"no reader {wanted!r}. Available: {present}")
    return found


def _by_name(readers: list[Reader], wanted: str) -> list[Reader]:
    """By a part of the name, or by a pattern with ``*`` or ``?``; in both, case does not count.

    Names of readers have brackets, such as ``[CCID Interface]``, which stand for themselves.
    """
    if "*" in wanted or "?" in wanted:
        pattern = wanted.replace("[", "[[]")
        return [reader for reader in readers if fnmatchcase(reader.name.casefold(), pattern)]
    return [reader for reader in readers if wanted in reader.name.casefold()]


def _by_atr(readers: list[Reader], wanted: str) -> list[Reader]:
    """By the whole ATR or how it begins."""
    digits = "".join(wanted[len(_ATR) :].split()).upper()
    if not digits or set(digits) - set("0123456789ABCDEF"):
        raise NoReader(f"pcsc:{wanted}: write the ATR in hex, all of it or its first octets, such as atr=3B9F96")
    found = [reader for reader in readers if reader.has_card and reader.atr.hex().upper().startswith(digits)]
    if not found:
        present = [f"{reader.name}: {reader.atr.hex().upper()}" for reader in readers if reader.has_card]
        raise NoCard(f"no card with ATR {digits}. Available: {', '.join(present) or 'no cards'}")
    return found
