"""The manifest of a run: SHA-256 of every file that it wrote, and whether they still are what they were."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from pytest_euicc.files import read_file
from pytest_euicc.reporting.annotations import CODE_QUALITY
from pytest_euicc.reporting.files import write_whole
from pytest_euicc.reporting.run_file import EXCHANGES, PAGE, RUN_FILE, SEQUENCES, RunFileError, load

MANIFEST = "manifest.json"
_LARGEST = 1 << 24


def files_of(folder: Path) -> list[str]:
    """Every file of the run in its folder but the manifest, as paths with ``/``, in order."""
    own = (
        *(folder / name for name in (RUN_FILE, PAGE, CODE_QUALITY)),
        *(folder / SEQUENCES).rglob("*"),
        *(folder / EXCHANGES).rglob("*"),
    )
    return sorted(path.relative_to(folder).as_posix() for path in own if path.is_file())


def digest(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path) -> None:
    """Write the manifest over what the folder holds now."""
    write_whole(folder / MANIFEST, _text({name: digest(folder / name) for name in files_of(folder)}))


def _text(listed: dict[str, str]) -> str:
    return json.dumps({"algorithm": "sha256", "files": listed}, indent=1) + "\n"


def verify(folder: Path) -> Iterator[str]:
    """What is not as it was when the run ended, one line each; nothing when all is as it was.

    Raises:
        RunFileError: this is no folder of a run.
    """
    if not (folder / RUN_FILE).is_file():
        raise RunFileError(f"{folder}: no {RUN_FILE} in this folder; name the folder that --euicc-report wrote")
    try:
        octets = read_file(folder / MANIFEST, _LARGEST)
        listed: dict[str, str] = dict(json.loads(octets)["files"])
        if octets != _text(listed).encode():
            yield f"{MANIFEST} was changed after the run"
    except FileNotFoundError:
        finished = load(folder).finished
        yield f"{MANIFEST} is missing" if finished else "the run did not finish: it is complete up to its last step"
        return
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        yield f"{MANIFEST} was changed after the run, it cannot be read: {error}"
        return
    there = files_of(folder)
    for name in sorted({*listed, *there}):
        if name not in there:
            yield f"{name} is missing"
        elif name not in listed:
            yield f"{name} was added after the run"
        elif digest(folder / name) != listed[name]:
            yield f"{name} was changed after the run"
