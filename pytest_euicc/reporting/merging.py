"""Runs that are parts of one, such as shards, put together: one record with the evidence of all."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_euicc.reporting import manifest
from pytest_euicc.reporting.run_file import (
    EXCHANGES,
    NOT_FINISHED,
    RUN_FILE,
    SCHEMA,
    SEQUENCES,
    RunFileError,
    RunRecord,
    lines,
    load,
    read_json,
)
from pytest_euicc.reporting.run_folder import RunFolder, RunFolderError

_SHARD = "shard"
_ONE_OF = ("started", "ended", "seed", "tester", "harness", "options", "card", "finished")
"""Of each run that is merged: what may differ."""


@dataclass(frozen=True)
class _Part:
    """One run that is to be merged; ``number`` is its place among them, from 1."""

    number: int
    folder: Path
    run: RunRecord

    @property
    def shard(self) -> str:
        return str(self.run.options.get(_SHARD, ""))

    @property
    def eid(self) -> str:
        return self.run.card.get("eid", "")


def merge(folders: Sequence[Path], out: Path) -> RunRecord:
    """Write one run made of several into a folder, and return it.

    Args:
        folders: as ``--euicc-report`` wrote them.
        out: as for ``--euicc-report``; a run that is there already is kept beside.

    Raises:
        RunFileError: they are not parts of one run, or a file was changed since; the message says which and why.
    """
    parts = [_part(number, folder) for number, folder in enumerate(folders, 1)]
    if any(out.resolve() == part.folder.resolve() for part in parts):
        raise RunFileError(f"--out {out}: it is one of the runs to be merged; name another folder")
    _check_alike(parts)
    _check_whole(parts)
    settled = _settled(parts)
    try:
        made = RunFolder(out, _heading(parts))
        for part in parts:
            _copy(part, made.folder, settled, several=_several(parts))
        cards = _cards(parts)
        made.close(cards[0] if cards else {}, finished=all(part.run.finished for part in parts))
    except RunFolderError as error:
        raise RunFileError(f"--out: {error}") from None
    except OSError as error:
        raise RunFileError(f"--out {out}: {error.strerror or error}") from None
    return load(made.folder)


def _part(number: int, folder: Path) -> _Part:
    run = load(folder)
    if not folder.is_dir() or not (folder / RUN_FILE).is_file():
        raise RunFileError(f"{folder}: name the folder that --euicc-report wrote, with the evidence in it")
    faults = list(manifest.verify(folder)) if run.finished else []
    if faults:
        raise RunFileError(f"{folder}: {'; '.join(faults)}. Only unchanged runs can be merged")
    return _Part(number, folder, run)


def _check_alike(parts: Sequence[_Part]) -> None:
    """The same test of the same product: otherwise one list of verdicts would say nothing."""
    first = parts[0]
    for part in parts[1:]:
        for name, of in _IDENTITY.items():
            reported = of(part.run), of(first.run)
            if None not in reported and reported[0] != reported[1]:
                raise RunFileError(
                    f"{first.folder} and {part.folder} are not parts of one run: {name} differ. "
                    "`pytest-euicc compare` puts different runs side by side"
                )


def _declared(run: RunRecord) -> list[Any]:
    return [declared.get("sha256") for declared in run.declarations]


_IDENTITY: dict[str, Callable[[RunRecord], Any]] = {
    "versions of pytest-euicc": lambda run: run.harness.get("version"),
    "the vectors": lambda run: run.harness.get("vectors", {}).get("sha256"),
    "the declarations": _declared,
    "the trusted CIs": lambda run: run.pki,
    "defects and variants of the simulators": lambda run: run.deviations,
    "the firmware of the cards": lambda run: run.card.get("firmware"),
}


def _check_whole(parts: Sequence[_Part]) -> None:
    """Every shard is there."""
    shards = {part.shard for part in parts}
    if shards == {""}:
        return
    counts = {shard.partition("/")[2] for shard in shards}
    if len(counts) > 1:
        reported = ", ".join(f"{part.folder}: {part.shard or 'no shard'}" for part in parts)
        raise RunFileError(f"these are shards of different divisions: {reported}")
    count = int(counts.pop())
    missing = [f"{number}/{count}" for number in range(1, count + 1) if f"{number}/{count}" not in shards]
    if missing:
        raise RunFileError(f"the run is incomplete: shard {', '.join(missing)} of --euicc-shard is missing")


def _settled(parts: Sequence[_Part]) -> dict[str, int]:
    """By the key of each sequence the number of the run that has its verdict.

    Raises:
        RunFileError: two runs have one.
    """
    found: dict[str, int] = {}
    for part in parts:
        for entry in part.run.sequences:
            other = found.get(entry.key)
            if entry.verdict == NOT_FINISHED:
                continue
            if other is not None:
                one = next(each.folder for each in parts if each.number == other)
                raise RunFileError(
                    f"{one} and {part.folder} both have a verdict of {entry.key}: they are not parts of one run. "
                    "`pytest-euicc compare` puts them side by side"
                )
            found[entry.key] = part.number
    return found


def _several(parts: Sequence[_Part]) -> bool:
    return len({part.eid for part in parts}) > 1


def _cards(parts: Sequence[_Part]) -> list[dict[str, str]]:
    """Every card once."""
    found: dict[str, dict[str, str]] = {}
    for part in parts:
        for card in part.run.cards or [part.run.card]:
            if card:
                found.setdefault(card.get("eid", "") or str(card), card)
    return list(found.values())


def _heading(parts: Sequence[_Part]) -> dict[str, Any]:
    """What `RunRecord` has beside sequences."""
    first = _raw(parts[0].folder)
    runs = [part.run for part in parts]
    cards = _cards(parts)
    seeds = {run.seed for run in runs}
    heading = {name: value for name, value in first.items() if name not in ("sequences", "manifest")}
    heading |= {
        "schema": SCHEMA,
        "finished": False,
        "started": min(run.started for run in runs),
        "ended": max(run.ended or run.started for run in runs),
        "seed": seeds.pop() if len(seeds) == 1 else "",
        "tester": ", ".join(dict.fromkeys(run.tester for run in runs if run.tester)),
        "options": {name: value for name, value in runs[0].options.items() if name != _SHARD},
        "operator": [answer for run in runs for answer in run.operator],
        "known": list(dict.fromkeys(name for run in runs for name in run.known)),
        "cards": cards if len(cards) > 1 else [],
        "runs": [_one_of(part) for part in parts],
    }
    return heading


def _raw(folder: Path) -> dict[str, Any]:
    made: dict[str, Any] = read_json(folder / RUN_FILE)
    return made


def _one_of(part: _Part) -> dict[str, Any]:
    raw = _raw(part.folder)
    reported = {name: raw[name] for name in _ONE_OF if raw.get(name) not in (None, "", {}, [])}
    listed = part.folder / manifest.MANIFEST
    return reported | ({"manifest": manifest.digest(listed)} if listed.is_file() else {})


def _copy(part: _Part, out: Path, settled: dict[str, int], *, several: bool) -> None:
    """The evidence of one run, in files that begin with its number."""
    for folder in (EXCHANGES, SEQUENCES):
        (out / folder).mkdir(exist_ok=True)
        for path in sorted((part.folder / folder).glob("*.jsonl")):
            copied = out / folder / f"{part.number}-{path.name}"
            if folder == EXCHANGES:
                with copied.open("wb") as file:
                    file.writelines(lines(path))
            else:
                copied.write_text("".join(_lines(part, path, settled, several=several)), encoding="utf-8")


def _lines(part: _Part, path: Path, settled: dict[str, int], *, several: bool) -> Iterator[str]:
    """What a worker told, with its evidence where it is now; not what it began and another run has finished."""
    for line in lines(path):
        try:
            reported = json.loads(line)
        except (ValueError, RecursionError):
            # The last line of a killed process may be half a line.
            continue
        if not isinstance(reported, dict):
            raise RunFileError(f"{path}: not written by this version of pytest-euicc")
        if "id" in reported:
            key = f"{reported['id']}@{reported['product']}" if reported.get("product") else reported["id"]
            if "verdict" not in reported and settled.get(key, part.number) != part.number:
                continue
            evidence = reported.get("evidence")
            if isinstance(evidence, dict) and isinstance(evidence.get("file"), str):
                evidence["file"] = f"{EXCHANGES}/{part.number}-{Path(evidence['file']).name}"
            if several and "verdict" in reported and part.eid:
                reported.setdefault("eid", part.eid)
        yield json.dumps(reported, ensure_ascii=True) + "\n"
