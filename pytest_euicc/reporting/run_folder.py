"""The folder of a run: made when the run begins, filled while it goes on, closed with a page and a manifest."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import metadata
from itertools import count
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.reporting import manifest, summary
from pytest_euicc.reporting.annotations import CODE_QUALITY, gitlab
from pytest_euicc.reporting.files import write_whole
from pytest_euicc.reporting.run_file import EXCHANGES, NOTICE, PAGE, RUN_FILE, SCHEMA, SEQUENCES, load, opened

_LOCK = ".lock"
OWN = (RUN_FILE, PAGE, manifest.MANIFEST, SEQUENCES, EXCHANGES, CODE_QUALITY)
"""What a run writes into its folder; whatever else is in it is another's."""


class RunFolderError(PytestEuiccError):
    """No run can be written to a folder; the message says why and what to do."""


class RunFolder:
    """The folder of one run, for the process that writes its reports.

    Args:
        heading: what is known when the run begins, as `RunRecord` has it.
        resumes: go on with the run that is there, which was cut short; its heading stays.

    Raises:
        RunFolderError: another run is writing there.
        OSError: it cannot be written to.
    """

    def __init__(self, folder: Path, heading: dict[str, Any], *, resumes: bool = False) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(folder / _LOCK, timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise RunFolderError(f"{folder}: another run is writing its reports there; name another folder") from None
        self.earlier = None if resumes else _set_aside(folder)
        """Where the run before is kept; None where there was none."""
        self._data = {"schema": SCHEMA, "notice": NOTICE, "finished": False, "started": now(), **heading}
        if resumes:
            self._data = json.loads((folder / RUN_FILE).read_bytes())
            for name in ("ended", "sequences", "operator", "cards"):
                self._data.pop(name, None)
            self._data.setdefault("resumed", []).append(now())
            for name in (PAGE, manifest.MANIFEST):
                (folder / name).unlink(missing_ok=True)
        self._write()

    def chosen(self, names: Iterable[str]) -> None:
        """What is to run, as far as it is not known from the run that is gone on with."""
        if not self._data.get("chosen"):
            self._data["chosen"] = list(names)
            self._write()

    def _write(self) -> None:
        write_whole(self.folder / RUN_FILE, json.dumps(self._data, indent=1) + "\n")

    def receive(self, written: dict[str, str]) -> None:
        """Append what a worker on another machine has written, by file.

        Raises:
            OSError: it cannot be written.
            RunFolderError: a file is none of a run's evidence.
        """
        for name, text in written.items():
            folder, _, file = name.partition("/")
            if folder not in (SEQUENCES, EXCHANGES) or Path(file).name != file or not file.endswith(".jsonl"):
                raise RunFolderError(f"{name}: a worker on another machine sent this; it is not evidence of a run")
            (self.folder / folder).mkdir(exist_ok=True)
            with (self.folder / folder / file).open("a", encoding="utf-8") as opened:
                opened.write(text)

    def close(self, card: dict[str, str], *, finished: bool) -> tuple[bool, str]:
        """Write the record whole, the page and the manifest; on a full disk in a place that has room.

        Args:
            card: what the implementation under test said of itself.
            finished: False where the run was interrupted.

        Returns:
            Whether they are where they were wanted, and a line that says where they are.
        """
        wanted = self.folder
        try:
            self._finish(card, finished=finished)
        except OSError as error:
            reported = f"--euicc-report {wanted}: {error.strerror or error}; "
            try:
                self.folder = Path(tempfile.mkdtemp(prefix="pytest-euicc-report-"))
                for name in (SEQUENCES, EXCHANGES):
                    shutil.copytree(wanted / name, self.folder / name)
                self._finish(card, finished=finished)
            except OSError:
                return False, f"{reported}only what was written before is there"
            return False, f"{reported}the reports are in {self.folder}"
        finally:
            self._lock.release()
        before = f" (the run before: {self.earlier})" if self.earlier else ""
        return True, f"summary: {self.folder / PAGE}{before}"

    def _finish(self, card: dict[str, str], *, finished: bool) -> None:
        self._data |= {"card": card, "finished": False, "sequences": []}
        self._data.setdefault("ended", now())
        cards = opened(self.folder)
        if len(cards) > 1:
            self._data.setdefault("cards", cards)
        self._write()
        record = load(self.folder)
        ordered = sorted(record.sequences, key=lambda entry: entry.key)
        record = record.model_copy(update={"sequences": ordered, "finished": finished})
        self._data |= {"finished": finished, "operator": record.operator}
        if finished:
            self._data["sequences"] = [entry.model_dump(mode="json", exclude_defaults=True) for entry in ordered]
        self._write()
        write_whole(self.folder / PAGE, summary.html(record))
        if os.environ.get("GITLAB_CI") == "true":
            write_whole(self.folder / CODE_QUALITY, gitlab(ordered))
        manifest.write(self.folder)


def now() -> str:
    """The time in UTC, in ISO 8601 with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def harness(vectors: Iterable[Path], sequences: int) -> dict[str, Any]:
    """What ran: versions, and the vectors with their SHA-256 over names and contents."""
    hashed = hashlib.sha256()
    for path in vectors:
        hashed.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return {
        "version": metadata.version("pytest-euicc"),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "vectors": {"sha256": hashed.hexdigest(), "sequences": sequences},
    }


def _set_aside(folder: Path) -> Path | None:
    """Move what an earlier run wrote into a folder of its own, ``run-1``, ``run-2`` and so on."""
    there = [folder / name for name in (*OWN, "summary.json") if (folder / name).exists()]
    if not there:
        return None
    place = next(path for path in (folder / f"run-{number}" for number in count(1)) if not path.exists())
    place.mkdir()
    for path in there:
        shutil.move(path, place / path.name)
    return place
