"""Values of options from their text: one function for each kind, which is given the option's name as well.

Raises:
    OptionError: what is written cannot be used.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pytest_euicc.errors import OptionError
from pytest_euicc.run.shards import Shard
from pytest_euicc.text import closest, printable

FAILURES = ("fail", "inconclusive", "restore", "observation")
"""What can count as a failure of a run."""
FAIL_ON = FAILURES[:3]
OPERATORS = ("none", "terminal", "hook")
"""Who does what only a person can do."""


def as_written(_flag: str, value: str) -> str:
    """The text."""
    return value


def safe_to_show(_flag: str, value: str) -> str:
    """The text as it can be shown (see `text.printable`)."""
    return printable(value)


def yes(_flag: str, _value: Any) -> bool:
    """An option without a value."""
    return True


def names(_flag: str, value: Iterable[str]) -> tuple[str, ...]:
    """A list of names."""
    return tuple(value)


def path(_flag: str, value: str) -> Path:
    """A file or folder that need not be there."""
    return Path(value)


def existing(flag: str, value: Iterable[str | Path]) -> tuple[Path, ...]:
    """Files and folders that are there."""
    paths = tuple(map(Path, value))
    for found in paths:
        if not found.exists():
            raise OptionError(f"{flag} {found}: there is no such file or folder")
    return paths


def aid(flag: str, value: str) -> bytes:
    """An AID in hex."""
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise OptionError(f"{flag} {value}: not hex; write the AID as A0000005591010…") from None


def seconds(flag: str, value: str) -> float:
    """A time in seconds, more than none."""
    try:
        number = float(value)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise OptionError(f"{flag} {value}: write seconds, such as 15 or 0.5")
    return number


def shard(flag: str, value: str) -> Shard:
    """Which part of how many."""
    part = Shard.parse(value)
    if part is None:
        raise OptionError(f"{flag} {value}: write which part of how many, such as 1/4 for the first of four")
    return part


def operator(flag: str, value: str) -> str:
    """Who does what only a person can do."""
    if value not in OPERATORS:
        raise OptionError(f"{flag}: no operator {value!r}{closest(value, OPERATORS)}")
    return value


def kinds(flag: str, value: str) -> tuple[str, ...]:
    """What counts as a failure."""
    named = tuple(part.strip() for part in value.split(","))
    for kind in named:
        if kind not in FAILURES:
            raise OptionError(f"{flag} {value}: no kind {kind!r}{closest(kind, FAILURES)}")
    return named


def order(flag: str, value: str) -> str:
    """The order of sequences."""
    if value not in ("card", "vectors"):
        raise OptionError(f"{flag} {value}: write card or vectors")
    return value


def check_folder(flag: str, folder: Path | None) -> None:
    """Raises OptionError where no files can be written to a folder that is there or is to be made."""
    if folder is None:
        return
    place = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not place.is_dir():
        raise OptionError(f"{flag} {folder}: {place} is a file; name another folder")
    if not os.access(place, os.W_OK | os.X_OK):
        raise OptionError(f"{flag} {folder}: {place} cannot be written to; name another folder")
