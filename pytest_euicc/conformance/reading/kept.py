"""Vectors that were read before, kept in the user's cache: files that have not changed are not checked again."""

from __future__ import annotations

import hashlib
import os
import pickle
import sys
from collections.abc import Iterable
from contextlib import suppress
from functools import cache as once
from functools import lru_cache
from importlib.metadata import entry_points, version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pytest_euicc import cache
from pytest_euicc.conformance.engine.library import GROUP
from pytest_euicc.conformance.reading.places import vector_files
from pytest_euicc.files import read_file

if TYPE_CHECKING:
    # Naming the sequences of a run needs no models, and does not wait for their import.
    from pytest_euicc.conformance.files.vector import Case

_FORMAT = 1
_LARGEST = 2_000_000
_MOST_FILES = 32
_NAME = "vectors-"
_REGISTRY = "pytest_euicc.conformance.engine.registry"


class Kept(NamedTuple):
    """A file without mistakes: the SHA-256 of its octets, the names in it, and its `Case`, pickled."""

    digest: bytes
    case: str
    interface: str
    sequences: tuple[str, ...]
    pickled: bytes


class KeptVectors:
    """What is kept of the files of one folder. What the registered actions and the models depend on is in its stamp."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._changed = False
        self._files: dict[str, Kept] = {}
        self._stamp = _stamp()
        name = hashlib.sha256(str(folder.absolute()).encode()).hexdigest()[:16]
        self._place = cache.place(f"{_NAME}{name}.cache") if self._stamp else None
        content = cache.read(self._place)
        if content is not None and self._place is not None:
            with suppress(OSError):
                os.utime(self._place)  # those that are used last are kept longest
            stamp, files = pickle.loads(content)  # noqa: S301
            if stamp == self._stamp:
                self._files = {file: Kept(*entry) for file, entry in files.items()}

    def find(self, path: Path) -> Kept | None:
        """What is kept of a file as it is now; None where it was not read before, or has changed."""
        found = self._files.get(self._name(path))
        if found is not None:
            with suppress(OSError):
                if hashlib.sha256(read_file(path, _LARGEST)).digest() == found.digest:
                    return found
        return None

    def keep(self, path: Path, digest: bytes, case: Case) -> None:
        """Keep what was read from a file without mistakes."""
        names = tuple(case.sequence_id(sequence) for sequence in case.sequences)
        self._files[self._name(path)] = Kept(digest, case.case, case.interface, names, pickle.dumps(case))
        self._changed = True

    def close(self, files: Iterable[Path]) -> None:
        """Write it if anything is new, with these files alone."""
        if not self._changed:
            return
        there = {self._name(path) for path in files}
        # Plain tuples, so that no class of an older release is needed to see that it is older.
        kept = {name: tuple(entry) for name, entry in self._files.items() if name in there}
        cache.write(self._place, pickle.dumps((self._stamp, kept)))
        if self._place is not None:
            _prune(self._place.parent)

    def _name(self, path: Path) -> str:
        return str(path.relative_to(self._folder))


def case_of(kept: Kept, path: Path) -> Case:
    """The case that is kept; the same one for each run in this process, as cases do not change."""
    return _unpickled(kept.pickled, str(path))


@lru_cache(maxsize=1024)
def _unpickled(pickled: bytes, file: str) -> Case:
    case: Case = pickle.loads(pickled)  # noqa: S301
    case.moved_to(file)
    return case


def _prune(folder: Path) -> None:
    """Keep the newest only: each folder of vectors that was ever read has a file here."""
    with suppress(OSError):
        for old in sorted(folder.glob(f"{_NAME}*"), key=lambda file: -file.stat().st_mtime)[_MOST_FILES:]:
            old.unlink(missing_ok=True)


def interfaces(paths: Iterable[Path]) -> dict[str, str] | None:
    """The interface of each sequence by its name; None where a file has to be read for it, or may be wrong."""
    found: dict[str, str] = {}
    cases: set[str] = set()
    for root in paths:
        known = KeptVectors(root) if root.is_dir() else None
        for path in vector_files([root]):
            kept = known.find(path) if known is not None else None
            if kept is None or kept.case in cases:
                return None
            cases.add(kept.case)
            found |= dict.fromkeys(kept.sequences, kept.interface)
    return found


def _stamp() -> str:
    """Changes with whatever decides whether a vector is right; empty where that cannot be known."""
    homes = _packages()
    if not all(homes.values()):
        return ""
    words: Any = sys.modules.get(_REGISTRY)
    if words is not None:
        # Something that registers words without being installed, such as a conftest.py, may change unseen.
        for table in (words.ACTIONS, words.STATES, words.CHECKS):
            for entry in table.entries.values():
                if entry.function.__module__.partition(".")[0] not in homes:
                    return ""
    return repr((_FORMAT, sys.version_info[:2], version("pydantic"), sorted(homes.items())))


@once
def _packages() -> dict[str, str]:
    """The packages that register words, each with a stamp of its sources; an empty one where they are not found."""
    return {top: _sources(top) for top in {entry.module.partition(".")[0] for entry in entry_points(group=GROUP)}}


def _sources(package: str) -> str:
    with suppress(ImportError, ValueError, OSError):
        spec = find_spec(package)
        if spec is not None and spec.submodule_search_locations:
            return repr([cache.stamp_of(Path(place)) for place in spec.submodule_search_locations])
        if spec is not None and spec.origin:
            state = Path(spec.origin).stat()
            return repr((spec.origin, state.st_size, state.st_mtime_ns))
    return ""
