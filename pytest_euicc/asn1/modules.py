"""The module files read by asn1tools, once: the result is kept on disk for the next process."""

from __future__ import annotations

import hashlib
import pickle
import sys
from dataclasses import dataclass
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

from pytest_euicc import cache

MODULES = ("rsp.asn", "rsp_es9plus.asn", "sgp32.asn", "profile_files.asn", "profile_package.asn")
_CACHE_FORMAT = 3


@dataclass(frozen=True)
class Compiled:
    """What asn1tools makes of the modules.

    Attributes:
        types: of all modules by name, as asn1tools describes them.
    """

    types: dict[str, Any]


def load() -> Compiled:
    """The modules of this version of the package, from the cache or read anew."""
    sources = [(files(__package__) / name).read_bytes() for name in MODULES]
    path = cache_path(sources)
    content = cache.read(path)
    if content is not None:
        return Compiled(pickle.loads(content))  # noqa: S301
    compiled = _compile(sources)
    cache.write(path, pickle.dumps(compiled.types))
    return compiled


def cache_path(sources: list[bytes]) -> Path | None:
    """Where the cache of these sources is; None if there is no home for it. Whatever it depends on is in the name."""
    python = ".".join(map(str, sys.version_info[:2]))
    versions = f"{_CACHE_FORMAT} {python} {version('asn1tools')}".encode()
    stamp = hashlib.sha256(b"\0".join([versions, *sources])).hexdigest()[:16]
    return cache.place(f"asn1-{stamp}.cache")


def _compile(sources: list[bytes]) -> Compiled:
    import asn1tools

    parsed = asn1tools.parse_string("\n".join(source.decode() for source in sources))
    return Compiled({name: described for module in parsed.values() for name, described in module["types"].items()})
