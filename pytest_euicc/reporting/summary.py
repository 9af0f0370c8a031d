"""The summary of a run: counts for the terminal, JSON to compare runs by, one HTML page to read."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.reporting.files import keep, write_whole
from pytest_euicc.reporting.page import page

VERDICTS = ("pass", "fail", "inconclusive", "not applicable")
FORMAT = 1


class SummaryError(PytestEuiccError):
    """A summary file cannot be read; the message names it and the mend."""


@dataclass(frozen=True)
class Summary:
    """All sequences of a run (see evidence.entry) and the card they ran on."""

    entries: tuple[dict[str, Any], ...]
    card: dict[str, str]

    @classmethod
    def of(cls, entries: Iterable[dict[str, Any]], card: dict[str, str]) -> Summary:
        """Entries in the order of their ids."""
        return cls(tuple(sorted(entries, key=lambda entry: entry["id"])), card)

    @classmethod
    def load(cls, path: Path) -> Summary:
        """Read a summary.json; raises SummaryError."""
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            entries, card = tuple(data["sequences"]), dict(data["card"])
            for entry in entries:
                if entry["verdict"] not in VERDICTS or not isinstance(entry["id"], str):
                    raise SummaryError(f"{path}: {entry['id']}: no verdict {entry['verdict']!r}")
                _ = entry["title"]
        except OSError as error:
            raise SummaryError(f"{path}: {error.strerror}") from None
        except UnicodeDecodeError as error:
            raise SummaryError(
                f"{path}: not a summary.json of pytest-euicc (not UTF-8 from octet {error.start})"
            ) from None
        except KeyError as error:
            raise SummaryError(f"{path}: not a summary.json of pytest-euicc (no {error.args[0]!r} in it)") from None
        except (ValueError, TypeError, RecursionError) as error:
            raise SummaryError(f"{path}: not a summary.json of pytest-euicc ({error})") from None
        return cls(entries, card)

    def counts(self, interface: str | None = None) -> Counter[str]:
        """How many of each verdict, of one interface or of all."""
        return Counter(e["verdict"] for e in self.entries if interface in (None, e["interface"]))

    @property
    def interfaces(self) -> list[str]:
        """Interfaces in the order of their names."""
        return sorted({entry["interface"] for entry in self.entries})

    def lines(self) -> Iterator[str]:
        """The table for a terminal."""
        about = " · ".join(f"{name} {text}" for name, text in self.card.items() if name != "seed")
        if about:
            yield about
        for interface in self.interfaces:
            counts = self.counts(interface)
            told = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
            yield f"{interface:<11} {told}"
        theirs = sum(1 for entry in self.entries if entry.get("origin") == "sgp23")
        yield f"origin      {theirs} sequences of SGP.23, {len(self.entries) - theirs} own"
        for entry in self.entries:
            for line in entry["left_behind"]:
                yield f"left behind by {entry['id']}: {line}"

    def json(self) -> str:
        """What `load` reads."""
        data = {"format": FORMAT, "card": self.card, "sequences": self.entries}
        return json.dumps(data, indent=1, ensure_ascii=False) + "\n"

    def html(self) -> str:
        """The page to read."""
        return page(__package__, "summary.html", summary=self, verdicts=VERDICTS, total=self.counts())


def write(folder: Path, summary: Summary) -> Path | None:
    """Write summary.json and summary.html, each whole or not at all.

    Returns the summary.json of the run before, which is kept under another name; None where there was none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    texts = {"summary.json": summary.json(), "summary.html": summary.html()}
    kept = keep(folder, tuple(texts))
    for name, text in texts.items():
        write_whole(folder / name, text)
    return kept


def save(option: str, folder: Path, summary: Summary) -> tuple[bool, str]:
    """Write to the folder that an option names, elsewhere if it takes nothing: a long run is not lost to a full disk.

    Returns whether it is where it was wanted, and a line that says where it is.
    """
    try:
        kept = write(folder, summary)
    except OSError as error:
        told = f"{option} {folder}: {error.strerror or error}; the summary is "
        try:
            instead = Path(tempfile.mkdtemp(prefix="pytest-euicc-report-"))
            write(instead, summary)
        except OSError:
            return False, f"{told}not there"
        return False, f"{told}in {instead}"
    before = f" (that of the run before: {kept})" if kept else ""
    return True, f"summary: {folder / 'summary.html'}{before}"
