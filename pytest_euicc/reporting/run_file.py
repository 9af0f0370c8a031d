"""The record of a run as a file: its schema, and how one is read (docs/reference/run-file.md).

``run.json`` says what ran on what and with which verdicts. While a run goes on, or after it was killed, it has only its
heading; the sequences that ended are then in ``sequences/*.jsonl`` beside it, one JSON object a line.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pytest_euicc.errors import PytestEuiccError
from pytest_euicc.files import open_file, read_file
from pytest_euicc.text import printable_values

SCHEMA = 2
"""Version of the schema; version 1 is the summary.json of pytest-euicc 0.1."""
RUN_FILE, PAGE = "run.json", "summary.html"
SEQUENCES, EXCHANGES = "sequences", "exchanges"
NOTICE = "Independent work, not endorsed by GSMA: neither this report nor a verdict in it is a certificate."

_LARGEST, _LONGEST = 1 << 28, 1 << 26
"""Octets of the record of a run, and of a line about one sequence; a thousand sequences have some 10 MB."""

Verdict = Literal["pass", "fail", "inconclusive", "not applicable", "not finished"]
VERDICTS: tuple[Verdict, ...] = ("pass", "fail", "inconclusive", "not applicable", "not finished")
NOT_FINISHED = "not finished"


class RunFileError(PytestEuiccError):
    """The record of a run cannot be read; the message names the file and how to fix it."""


class _Model(BaseModel):
    # A later version of the harness may add members; those it needs are in the schema's version.
    model_config = ConfigDict(extra="ignore", frozen=True)


class Problem(_Model):
    """An expectation that did not hold."""

    path: str = ""
    expected: str
    actual: str

    def __str__(self) -> str:
        return f"{self.path or 'value'}: expected {self.expected}, received {self.actual}"


class Step(_Model):
    """One step of a sequence.

    Attributes:
        phase: ``state``, ``step`` or ``finally``; a state has its name as action and number 0.
        sw: status word in hex; ``status`` that of an ES9+ function.
        sent, received: decoded, octets as hex; octets beyond 256 by length and SHA-256.
    """

    phase: str = "step"
    number: int
    action: str
    title: str = ""
    passed: bool
    sw: str | None = None
    status: str | None = None
    sent: Any = None
    received: Any = None
    problems: list[Problem] = []


class Evidence(_Model):
    """Where the exchanges of a sequence are: lines of a file, counted from 1."""

    file: str
    first: int
    last: int


class Entry(_Model):
    """One sequence of a run.

    Attributes:
        id: as pytest names it; ``formerly`` are names it had before.
        seconds: wall time; ``transport_seconds`` of it waiting for the card or the server.
        file, line: where its vector is; the path below the folder of the vectors.
        product: which of several products of one run it is about; empty where there is one.
        eid: of the card that it ran on, where a run had several.
    """

    id: str
    case: str = ""
    interface: str = ""
    title: str
    requirement: str | None = None
    clauses: list[str] = []
    origin: str = ""
    sgp23: str | None = None
    formerly: list[str] = []
    severity: str = "normal"
    verdict: Verdict
    reason: str = ""
    left_behind: list[str] = []
    observations: list[dict[str, Any]] = []
    steps: list[Step] = []
    seconds: float = 0.0
    transport_seconds: float = 0.0
    apdus: int = 0
    requests: int = 0
    file: str = ""
    line: int = 0
    evidence: Evidence | None = None
    product: str = ""
    eid: str = ""

    @property
    def key(self) -> str:
        """Its id, with the product where a run has several: no two entries of a run have the same."""
        return f"{self.id}@{self.product}" if self.product else self.id

    @property
    def failed_step(self) -> Step | None:
        """The step that a fail is about."""
        return next((step for step in self.steps if step.problems and step.phase == "step"), None)

    @property
    def function(self) -> str:
        """The function the case is about: the last part of its name."""
        return self.case.rpartition(".")[2] or self.case


class RunRecord(_Model):
    """A run.

    Attributes:
        finished: False for one that was killed or still goes on.
        tester: who ran it (``--euicc-tester``).
        harness: version of pytest-euicc, of Python, platform, and ``vectors`` with their SHA-256.
        declarations: of the implementations under test: name, version of SGP.22, SHA-256, content.
        pki: subject key identifiers of the CI keys that were trusted.
        deviations: defects and permitted variants that were switched on, by option.
        operator: what a person was asked to do in the run, and what came of it.
        card: what the implementation under test reports about itself, in words.
        cards: the same of each card, where a run had several; ``product`` in it is which product it is of.
        runs: what a merged run was made of: heading of each run, and the SHA-256 of its manifest.
        known: ids of all sequences that the vectors had, whether or not they were chosen.
        chosen: those that were to run, as pytest names them.
        resumed: when it was gone on with, after it had been cut short.
    """

    schema_version: int = Field(alias="schema", default=SCHEMA)
    notice: str = NOTICE
    finished: bool = True
    started: str = ""
    ended: str = ""
    seed: str = ""
    tester: str = ""
    harness: dict[str, Any] = {}
    options: dict[str, Any] = {}
    declarations: list[dict[str, Any]] = []
    pki: list[str] = []
    deviations: dict[str, list[str]] = {}
    operator: list[dict[str, Any]] = []
    card: dict[str, str] = {}
    cards: list[dict[str, str]] = []
    runs: list[dict[str, Any]] = []
    known: list[str] = []
    chosen: list[str] = []
    resumed: list[str] = []
    sequences: list[Entry] = []

    def counts(self, interface: str | None = None, product: str | None = None) -> Counter[str]:
        """How many of each verdict, of one interface and one product or of all."""
        return Counter(
            entry.verdict
            for entry in self.sequences
            if interface in (None, entry.interface) and product in (None, entry.product)
        )

    @property
    def products(self) -> list[str]:
        """Products in the order of their names; an empty name is what has none, such as an SM-DP+, or all there is."""
        return sorted({entry.product for entry in self.sequences})

    @property
    def interfaces(self) -> list[str]:
        """Interfaces in the order of their names."""
        return sorted({entry.interface for entry in self.sequences})

    @property
    def product(self) -> str:
        """The implementation under test in one line: its declared name, firmware or address."""
        card = self.card
        declared = (card[name] for name in ("declaration", "SM-DP+ declaration", "LPA declaration") if card.get(name))
        name = next(declared, "implementation under test")
        # A declaration that `pytest-euicc declare` wrote has the firmware in its name.
        firmware = f"firmware {card['firmware']}" if "firmware" in card else ""
        return f"{name}, {firmware}" if firmware and not name.endswith(firmware) else name


def load(path: Path) -> RunRecord:
    """Read the record of a run.

    Args:
        path: ``run.json``, the folder it is in, or a summary.json of version 0.1.

    Raises:
        RunFileError: it cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    file = _file_in(path) if path.is_dir() else path
    data = read_json(file)
    if not isinstance(data, dict) or not ("schema" in data or "format" in data):
        raise RunFileError(f"{file}: not the record of a run of pytest-euicc")
    version = data.get("schema", data.get("format"))
    if version not in (1, SCHEMA):
        raise RunFileError(f"{file}: schema {version!r}; this version reads 1 and {SCHEMA}. Update pytest-euicc")
    if not data.get("finished", True):
        data["sequences"] = list(_unfinished(folder, file))
        data["card"] = data.get("card") or _opened(folder)
        data["operator"] = list(_notes(folder, "operator"))
        cards = data.get("cards") or opened(folder)
        data["cards"] = cards if len(cards) > 1 else []
    try:
        # Whoever wrote it, also an earlier version.
        return RunRecord.model_validate(printable_values(data))
    except RecursionError:
        raise RunFileError(f"{file}: not the record of a run of pytest-euicc (nested too deeply)") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise RunFileError(f"{file}: not the record of a run of pytest-euicc ({place}: {first['msg']})") from None


def _file_in(folder: Path) -> Path:
    for name in (RUN_FILE, "summary.json"):
        if (folder / name).is_file():
            return folder / name
    raise RunFileError(f"{folder}: no {RUN_FILE} in this folder; --euicc-report writes one")


def read_json(file: Path) -> Any:
    """The JSON of a record; raises RunFileError."""
    try:
        return json.loads(read_file(file, _LARGEST))
    except OSError as error:
        raise RunFileError(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise RunFileError(f"{file}: not the record of a run (not UTF-8 from octet {error.start})") from None
    except (ValueError, RecursionError) as error:
        raise RunFileError(f"{file}: not the record of a run ({error})") from None


def lines(path: Path) -> Iterator[bytes]:
    """The lines of a file of a run, of any number.

    Raises:
        RunFileError: it cannot be read, or is none.
    """
    try:
        with open_file(path) as file:
            while line := file.readline(_LONGEST):
                yield line
    except OSError as error:
        raise RunFileError(f"{path}: {error.strerror or error}") from None


def _opened(folder: Path) -> dict[str, Any]:
    """What the implementations under test said of themselves in a run that did not finish."""
    found: dict[str, Any] = {}
    for card in _notes(folder, "card"):
        found = {**card, **found}
    return found


def opened(folder: Path) -> list[dict[str, str]]:
    """Every card that was opened in a run, as it described itself: each EID of a product once."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for reported in _notes(folder, "card"):
        if "eid" in reported:
            found.setdefault((reported.get("product", ""), reported["eid"]), reported)
    return [found[key] for key in sorted(found)]


def _notes(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    """The lines that are about no sequence, by the member that they begin with."""
    for path in sorted((folder / SEQUENCES).glob("*.jsonl")):
        for line in lines(path):
            if line.startswith(f'{{"{name}"'.encode()):
                try:
                    yield dict(json.loads(line)[name])
                except (ValueError, TypeError, RecursionError):
                    continue


def _unfinished(folder: Path, file: Path) -> Iterator[dict[str, Any]]:
    """The sequences that ended before the run did, and those that had begun; of one that ran twice the last time."""
    latest: dict[tuple[str, str], tuple[float, dict[str, Any]]] = {}
    for path in sorted((folder / SEQUENCES).glob("*.jsonl")):
        for begun, reported in _sequences(path, file):
            key = (str(reported.get("id", "")), str(reported.get("product", "")))
            if key not in latest or begun >= latest[key][0]:
                latest[key] = (begun, reported)
    yield from (reported for _, reported in latest.values())


def _sequences(path: Path, file: Path) -> Iterator[tuple[float, dict[str, Any]]]:
    """Each sequence of one process, with the time when it began."""
    begun: dict[str, Any] | None = None
    for line in lines(path):
        try:
            reported = json.loads(line)
        except (ValueError, RecursionError):
            # The last line of a killed process may be half a line.
            continue
        if not isinstance(reported, dict):
            raise RunFileError(f"{path}: not written by this version of pytest-euicc, beside {file}")
        if "card" in reported or "operator" in reported:
            continue
        if "verdict" in reported:
            yield _time(begun), reported
            begun = None
        else:
            begun = reported
    if begun is not None:
        yield _time(begun), {**begun, "verdict": NOT_FINISHED, "reason": "the run ended during this sequence"}


def _time(begun: dict[str, Any] | None) -> float:
    value = (begun or {}).get("time", 0.0)
    return float(value) if isinstance(value, int | float) else 0.0
